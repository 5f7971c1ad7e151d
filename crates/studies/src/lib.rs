#![doc = include_str!("../README.md")]

mod error;
pub mod spurious;

pub use self::error::StudyError;
mod deep_linear;
mod overparam_gap;

pub use self::{
    deep_linear::{DeepLinearResult, DeepLinearStudy, ridge_barrier, scalar_ridge},
    overparam_gap::{Exponent, Gaps, OverparamGap, gap_exponent},
};
