//! The flags of `collado certify-minimum`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::{
    args::{Common, DataArgs, NetworkArgs},
    numbers,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct CertifyMinimumArgs {
    /// Checkpoint of a small smooth network on --data; the minimum close to it is proved.
    #[arg(conflicts_with_all = ["k", "dims"])]
    pub(super) checkpoint: Option<PathBuf>,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    /// Number of teachers of the planted risk; a spurious minimum is found and proved.
    #[arg(long, required_unless_present_any = ["dims", "checkpoint"], conflicts_with = "dims", value_parser = numbers::whole::<usize>(2..=100))]
    pub(super) k: Option<usize>,
    /// Number of neurons [default: k].
    #[arg(long, conflicts_with = "dims", value_parser = numbers::whole::<usize>(1..=200))]
    pub(super) n: Option<usize>,
    /// Number of inputs of the single logistic neuron; all of its minima are proved.
    #[arg(long, requires = "per_dim", value_parser = numbers::whole::<usize>(1..=1_000_000))]
    pub(super) dims: Option<usize>,
    /// Number of minima of each coordinate of the neuron.
    #[arg(long, requires = "dims", value_parser = numbers::whole::<usize>(1..=300))]
    pub(super) per_dim: Option<usize>,
    /// Ratio R of the lengths of the neuron's examples.
    #[arg(long, default_value_t = 10., requires = "dims", value_parser = numbers::above_one)]
    pub(super) ratio: f64,
    /// Largest number of runs of gradient descent to find a minimum.
    #[arg(long, default_value_t = 4096, value_parser = numbers::some::<u64>())]
    pub(super) max_runs: u64,
    /// Folder for the minimum as a checkpoint and for the summary, which is created.
    #[arg(long, conflicts_with = "dims")]
    pub(super) out: Option<PathBuf>,
    /// File for the proof itself, which collado check and tools/check_minimum.py confirm independently.
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

/// Files that are not written over, beside the summary.
pub(super) const FILES: [&str; 1] = ["point.safetensors"];
