#![doc = include_str!("../README.md")]

mod error;
pub mod spurious;

pub use self::error::StudyError;
