#![doc = include_str!("../README.md")]

mod cell_cache;
mod circle;
mod condition;
pub mod convexity;
pub mod deep_linear;
pub mod descent_paths;
mod error;
mod estimate;
pub mod gradient_bound;
pub mod lazy;
pub mod level_sets;
pub mod overparam_gap;
mod proportion;
pub mod relu_barrier;
mod report;
pub mod ridge;
mod scatter;
pub mod single_neuron;
mod small;
pub mod spin_glass;
pub mod spurious;
pub mod star;
mod study;
mod synthetic;
mod training;
pub mod width;
mod widths;

pub use self::{
    cell_cache::CellCache,
    condition::{Claim, Condition, Verdict},
    error::StudyError,
    estimate::Estimate,
    proportion::{newcombe, shown_by, wilson},
    report::{Report, Table},
    study::Study,
};

type Result<T> = std::result::Result<T, StudyError>;
