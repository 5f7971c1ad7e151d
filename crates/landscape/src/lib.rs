#![doc = include_str!("../README.md")]

mod error;
mod section;

pub use self::{
    error::{Error, Result},
    section::{Principal, Section, Shadow, filter_normalized, principal},
};
