#![doc = include_str!("../README.md")]

mod deep_linear;
mod error;
pub mod lazy;
mod overparam_gap;
pub mod spurious;

pub use self::{
    deep_linear::{DeepLinearResult, DeepLinearStudy, ridge_barrier, scalar_ridge},
    error::StudyError,
    overparam_gap::{Exponent, Gaps, OverparamGap, gap_exponent},
};

type Result<T> = std::result::Result<T, StudyError>;
