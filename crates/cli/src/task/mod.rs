//! The task of a command: its data, its network and its risk.

mod fit;
mod open;
mod setup;
mod source;

pub(crate) use self::{
    open::{open, open_path, open_stack},
    setup::{Precision, Task},
    source::Source,
};
