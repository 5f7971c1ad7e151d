#![doc = include_str!("../README.md")]

mod deep_linear;
mod overparam_gap;

pub use self::{
    deep_linear::{DeepLinearResult, DeepLinearStudy, ridge_barrier, scalar_ridge},
    overparam_gap::{Exponent, Gaps, OverparamGap, gap_exponent},
};
