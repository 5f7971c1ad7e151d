//! The flags of `collado kernel`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use collado_landscape::SpectrumSettings;
use collado_models::Init;

use crate::{
    args::{Common, DataArgs, NetworkArgs, Out},
    numbers,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct KernelArgs {
    /// Checkpoint of the network.
    pub(super) checkpoint: PathBuf,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    /// Number of training examples, evenly spaced over all of them; 0 = all.
    #[arg(long, default_value_t = 1000, value_parser = numbers::any::<usize>())]
    pub(super) examples: usize,
    /// Tangent kernel of several outputs: their mean, or one row for each output.
    #[arg(long, default_value = "mean")]
    pub(super) outputs: OutputsName,
    /// Write and analyse the part of each layer too.
    #[arg(long)]
    pub(super) by_layer: bool,
    /// Initialisation whose infinite-width limit is computed.
    #[arg(long, default_value = "pytorch")]
    pub(super) init: Init,
    /// Largest kernel whose eigenvalues are all computed; of larger ones both ends are computed.
    #[arg(long, default_value_t = SpectrumSettings::default().dense, value_parser = numbers::whole::<usize>(0..=100000))]
    pub(super) dense: usize,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(super) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputsName {
    Mean,
    Each,
}

impl OutputsName {
    /// The name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Each => "each",
        }
    }
}
