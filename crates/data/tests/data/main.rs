//! Reads data sets of every kind, good ones and broken ones; makes all its own files.

#![allow(clippy::unwrap_used)]

mod csv;
mod csv_headers;
mod digits;
mod hostile;
mod labels;
mod make;
mod mnist;
mod named;
mod npz_writer;
mod reports;
mod splits;
mod synthetic;
mod test_rows;
mod tokens;
