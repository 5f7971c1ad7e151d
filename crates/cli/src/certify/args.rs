//! The flags of `collado certify`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::{
    args::{Common, DataArgs},
    numbers,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct CertifyArgs {
    /// Path file path.safetensors, or its folder.
    pub(super) path: PathBuf,
    /// Stop when hi - lo is at most this share of hi.
    #[arg(long, default_value_t = 1e-3, value_parser = numbers::not_negative)]
    pub(super) tolerance: f64,
    /// Largest number of pieces of the path that are bounded; the enclosure holds with any number.
    #[arg(long, default_value_t = 10_000, value_parser = numbers::whole::<usize>(1..=100000000))]
    pub(super) max_subintervals: usize,
    /// Prove a statement about this many training rows alone, evenly spaced (default: all).
    #[arg(long, value_parser = numbers::whole::<usize>(1..=1000000000))]
    pub(super) rows: Option<usize>,
    /// Folder for summary.json, pieces.csv, gap.csv and pictures, which is created.
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// File for the proof itself, which collado check and tools/check_proof.py confirm independently.
    #[arg(long)]
    pub(super) proof: Option<PathBuf>,
    /// Overwrite existing results.
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The cases in which `connect` computes a certificate of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertifyMode {
    Auto,
    Always,
    Never,
}
