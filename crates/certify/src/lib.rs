#![doc = include_str!("../README.md")]

mod interval;
mod minimum;

pub use self::{
    interval::Interval,
    minimum::{MinimumKind, MinimumProof, NeuronMinima, Polished, neuron_minima, polish, prove_minimum},
};
