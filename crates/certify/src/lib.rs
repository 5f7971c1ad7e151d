#![doc = include_str!("../README.md")]

mod interval;
mod minimum;

pub use self::{
    interval::Interval,
    minimum::{
        Found, MinimumKind, MinimumProof, NeuronMinima, Polished, find_minimum, neuron_minima, polish,
        prove_minimum,
    },
};
