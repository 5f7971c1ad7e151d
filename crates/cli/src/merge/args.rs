//! The flags of `collado merge`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::{
    args::{Common, DataArgs, NetworkArgs},
    failure::Failure,
    numbers::whole,
    search::AlignBy,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct MergeArgs {
    /// Two or more checkpoints of one architecture, or folders of runs.
    #[arg(required = true)]
    pub(super) checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    /// How all are permuted and rescaled onto each other first.
    #[arg(long, default_value = "weights")]
    pub(super) align: AlignBy,
    /// Take networks in, the best first, as long as the training risk of the average does not rise.
    #[arg(long)]
    pub(super) greedy: bool,
    /// Restore the statistics of hidden activations that an average loses (REPAIR), in networks without normalisation.
    #[arg(long)]
    pub(super) repair: bool,
    /// Shares of the networks: equal ones, or such that the training risk of the average is low.
    #[arg(long, value_enum, default_value_t)]
    pub(super) weights: Weights,
    /// Number of points at which the straight lines between the aligned networks are sampled, including both ends.
    #[arg(long, default_value_t = 11, value_parser = whole::<usize>(2..=10_000))]
    pub(super) points: usize,
    #[command(flatten)]
    pub(super) data: DataArgs,
    /// File of the checkpoint to write.
    #[arg(long)]
    pub(super) out: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The shares of the networks in their average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Weights {
    #[default]
    Uniform,
    Learned,
}

impl Weights {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Learned => "learned",
        }
    }
}

impl MergeArgs {
    /// Refuses names of files that no checkpoint has.
    pub(super) fn check_out(&self) -> Result<(), Failure> {
        let extension = self.out.extension().and_then(|e| e.to_str());
        match extension {
            Some("safetensors" | "pt" | "pth") => Ok(()),
            _ => {
                let expected = "expected a name that ends in .safetensors, .pt or .pth";
                Err(Failure::usage(format!("--out: {expected}, found '{}'", self.out.display())))
            }
        }
    }
}
