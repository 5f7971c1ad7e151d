#![doc = include_str!("../README.md")]

mod activation;
mod affine;
mod bound;
mod certificate;
mod combine;
mod convex;
mod convolve;
mod curvature;
mod error;
mod interval;
mod kink;
mod leg;
mod line;
mod loss;
mod matrix;
mod minimum;
mod model;
mod narrow;
mod norm;
mod pass;
mod path;
mod penalty;
mod piece;
mod plan;
mod polynomial;
mod read;
mod room;
mod rounding;
mod schedule;
mod search;
mod single;
mod sums;
mod taylor;
mod tiles;

pub use self::{
    certificate::{Certificate, CertifySettings, Method, Piece, Status},
    error::{Error, Result},
    interval::Interval,
    minimum::{
        Eigenvalues, MinimumKind, MinimumProof, MultistartResult, NeuronMinima, NeuronProof, Polished,
        Witness, find_minimum, neuron_minima, polish, prove_minimum, prove_network_minimum,
    },
    path::{certify, certify_path},
};
