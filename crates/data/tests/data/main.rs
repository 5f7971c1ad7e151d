//! Reads data sets of every kind, good ones and broken ones; makes all its own files.

#![allow(clippy::unwrap_used)]

mod csv;
mod digits;
mod hostile;
mod make;
mod mnist;
mod named;
mod npz_writer;
mod splits;
mod synthetic;
