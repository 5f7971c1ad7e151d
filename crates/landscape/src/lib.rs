#![doc = include_str!("../README.md")]

mod error;
mod operator;
mod section;

pub use self::{
    error::{Error, Result},
    operator::{CentralDifference, Curvature, LinearOperator, explicit},
    section::{Principal, Section, Shadow, filter_normalized, principal},
};
