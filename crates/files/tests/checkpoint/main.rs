//! Checkpoints and paths as files: round trips, foreign files, and every way in which a file can be wrong.

#![allow(clippy::unwrap_used)]

mod archive;
mod damage;
mod foreign;
mod header;
mod legacy;
mod mutations;
mod names;
mod order;
mod paths;
mod pickled;
mod replace;
mod reports;
mod roundtrip;
mod support;
