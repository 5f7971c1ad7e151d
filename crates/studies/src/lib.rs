#![doc = include_str!("../README.md")]

mod deep_linear;
mod error;
mod estimate;
pub mod lazy;
mod overparam_gap;
mod report;
pub mod spurious;

pub use self::{
    deep_linear::{DeepLinearResult, DeepLinearStudy, ridge_barrier, scalar_ridge},
    error::StudyError,
    estimate::{Estimate, wilson},
    overparam_gap::{Exponent, Gaps, OverparamGap, gap_exponent},
    report::{Report, Table, Verdict, number},
};

type Result<T> = std::result::Result<T, StudyError>;
