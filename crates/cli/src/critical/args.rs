//! The flags of `collado critical`.

use clap::Args as ClapArgs;
use collado_models::Init;

use crate::{
    args::{ArchArgs, Common, DataArgs, Out},
    numbers,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct CriticalArgs {
    #[command(flatten)]
    pub(super) arch: ArchArgs,
    /// Number of random starts.
    #[arg(long, default_value_t = 100, value_parser = numbers::whole::<u64>(0..=1_000_000))]
    pub(super) starts: u64,
    /// Number of random starts from which F itself is lowered, which leads to minima.
    #[arg(long, default_value_t = 20, value_parser = numbers::whole::<u64>(0..=1_000_000))]
    pub(super) descents: u64,
    /// Initialisation of starts and training runs.
    #[arg(long, default_value = "pytorch")]
    pub(super) init: Init,
    /// Number of training runs from which starts are taken.
    #[arg(long, default_value_t = 8, value_parser = numbers::whole::<u64>(0..=1_000_000))]
    pub(super) runs: u64,
    /// Number of starts along each run, from its first epoch to its last, evenly on a log scale.
    #[arg(long, default_value_t = 6, value_parser = numbers::whole::<usize>(1..=1_000_000))]
    pub(super) per_run: usize,
    /// Number of passes over the examples in a training run.
    #[arg(long, default_value_t = 200, value_parser = numbers::some::<u64>())]
    pub(super) epochs: u64,
    /// Number of examples in a minibatch; 0 = all.
    #[arg(long, default_value_t = 64, value_parser = numbers::any::<usize>())]
    pub(super) batch: usize,
    /// Step size of the training runs (SGD, momentum 0.9).
    #[arg(long, default_value_t = 0.05, value_parser = numbers::positive)]
    pub(super) lr: f64,
    /// Gradient norm at which a search ends, relative to 1 + |F|.
    #[arg(long, default_value_t = 1e-10, value_parser = numbers::positive)]
    pub(super) tolerance: f64,
    /// Largest number of steps of a search.
    #[arg(long, default_value_t = 500, value_parser = numbers::some::<usize>())]
    pub(super) steps: usize,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(super) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}
