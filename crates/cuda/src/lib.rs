#![doc = include_str!("../README.md")]

pub mod args;
mod buffer;
#[cfg(feature = "cuda")]
mod card;
#[cfg(feature = "emulation")]
mod emulated;
mod error;
mod machine;
mod norm;
mod pool;

#[cfg(feature = "cuda")]
pub use self::card::{Card, compute, device, with_address, with_address_mut};
#[cfg(feature = "emulation")]
pub use self::emulated::Emulated;
pub use self::{
    buffer::{Buffer, Plain},
    error::{Error, Result},
    machine::{Info, Launch, Machine, Recorded, launch},
    norm::{ChannelNorm, NormBackward, NormForward, rectify, rectify_back},
    pool::Windows,
};
