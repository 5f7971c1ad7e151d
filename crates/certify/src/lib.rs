#![doc = include_str!("../README.md")]

mod activation;
mod bound;
mod certificate;
mod convex;
mod curvature;
mod error;
mod interval;
mod leg;
mod loss;
mod matrix;
mod minimum;
mod model;
mod penalty;
mod piece;
mod problem;
mod rounding;
mod search;
mod taylor;

pub use self::{
    certificate::{Certificate, CertifySettings, Method, Piece, Progress, Status, certify_path},
    error::{Error, Result},
    interval::Interval,
    minimum::{
        Found, MinimumKind, MinimumProof, NeuronMinima, Polished, find_minimum, neuron_minima, polish,
        prove_minimum,
    },
    problem::Problem,
};
