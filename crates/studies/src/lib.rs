#![doc = include_str!("../README.md")]

mod cell_cache;
pub mod convexity;
pub mod deep_linear;
mod error;
mod estimate;
pub mod lazy;
pub mod overparam_gap;
mod report;
pub mod ridge;
mod scatter;
pub mod single_neuron;
pub mod spin_glass;
pub mod spurious;
mod study;
mod synthetic;
mod training;
pub mod width;
mod widths;

pub use self::{
    cell_cache::CellCache,
    error::StudyError,
    estimate::{Estimate, wilson},
    report::{Report, Table, Verdict},
    study::Study,
};

type Result<T> = std::result::Result<T, StudyError>;
