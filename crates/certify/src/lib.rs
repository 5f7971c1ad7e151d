#![doc = include_str!("../README.md")]

mod activation;
mod bound;
mod certificate;
mod convex;
mod curvature;
mod error;
mod leg;
mod loss;
mod matrix;
mod model;
mod penalty;
mod piece;
mod problem;
mod rounding;
mod search;
mod taylor;

pub use self::{
    certificate::{Certificate, CertifySettings, Method, Piece, Progress, Status, certify},
    error::{Error, Result},
    problem::Problem,
};
