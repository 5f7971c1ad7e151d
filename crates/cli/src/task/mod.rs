//! The task of a command: its data, its network and its risk.

mod fit;
mod memory;
mod open;
mod setup;
mod source;

pub(crate) use self::{
    memory::{shares_statistics, short_of_memory},
    open::{open, open_path, open_stack},
    setup::{Precision, Task},
    source::Source,
};
