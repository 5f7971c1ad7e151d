//! The flags of `collado levelset`.

use std::{path::PathBuf, str::FromStr};

use clap::Args as ClapArgs;

use crate::{
    args::{Common, DataArgs, NetworkArgs, Out},
    numbers,
    search::{AlignBy, Method, SearchArgs, Target},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct LevelsetArgs {
    /// 2 to 200 checkpoints of one architecture, or folders of runs.
    #[arg(required = true)]
    pub(super) checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
    /// Method to search paths where the straight line is too high: linear, bezier, polychain, neb, dss, ...
    #[arg(long, default_value = "bezier")]
    pub(super) method: Method,
    /// Permute and rescale all minima onto the lowest one first: level sets up to symmetry.
    #[arg(long, default_value = "none")]
    pub(super) align: AlignBy,
    /// Further levels to list the components at, besides those where two components join.
    #[arg(long, value_delimiter = ',', value_parser = numbers::not_negative)]
    pub(super) levels: Vec<f64>,
    /// Number of points of a path at which the risk is evaluated, including both ends.
    #[arg(long, default_value_t = 25, value_parser = numbers::whole::<u16>(2..=65535))]
    pub(super) points: u16,
    /// Prove the edges of the tree: enclose the risk of the minima and of the paths that join them, for every t.
    #[arg(long)]
    pub(super) certify: bool,
    /// With --certify: stop a proof when hi - lo is at most this share of hi.
    #[arg(long, default_value_t = 1e-3, requires = "certify", value_parser = numbers::not_negative)]
    pub(super) tolerance: f64,
    /// Look at one part only of the pairs of the next round, I/N with I from 0: first at straight lines, then at the pairs that are worth
    /// a search by what --known knows. What is found is written as known.json.
    #[arg(long, value_name = "I/N", conflicts_with = "certify")]
    pub(super) part: Option<Part>,
    /// Results of --part, of all parts of one or more rounds.
    #[arg(long, value_name = "FILE")]
    pub(super) known: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) search: SearchArgs,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(super) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl LevelsetArgs {
    pub(super) fn target(&self) -> Target {
        self.search.target.unwrap_or(Target::Share(0.05))
    }
}

/// One of several parts, written I/N, I from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) index: usize,
    pub(super) of: usize,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((index, of)) if index < of => Ok(Self { index, of }),
            _ => Err("expected I/N with I < N, as 0/8".into()),
        }
    }
}
