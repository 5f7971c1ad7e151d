//! The flags of `collado connect`.

use clap::Args as ClapArgs;

use crate::{
    args::{Common, DataArgs, EndsArgs, NetworkArgs, Out},
    certify::CertifyMode,
    numbers::whole,
    search::{AlignBy, Method, SearchArgs},
};

#[derive(Debug, ClapArgs)]
#[command(override_usage = "collado connect [OPTIONS] --out <OUT> <A> <B>")]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) ends: EndsArgs,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Method; auto tries the straight line, the theorems, Bézier curves with more and more bends and a band, all to B
    /// itself; beside them aligned lines and, where nothing else meets the target, aligned curves, which end at a copy of B.
    /// star joins A and one or several B straight to one centre, explicit for deep linear networks and learned for others.
    #[arg(long, default_value = "auto")]
    pub(crate) method: Method,
    /// Permute and rescale the neurons of B onto those of A first, so that the path ends at that copy B′ and not at B
    /// [default: none; auto tries both beside B itself].
    #[arg(long)]
    pub(crate) align: Option<AlignBy>,
    /// Number of points of the profile, including both ends.
    #[arg(long, default_value_t = 61, value_parser = whole::<usize>(2..=1_000_000))]
    pub(crate) points: usize,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    /// Whether to enclose the risk of the path for every t: auto where that is likely to take at most a quarter longer than all before it took, or 1 s; it is stopped after that time.
    #[arg(long, value_enum, default_value_t = CertifyMode::Auto)]
    pub(crate) certify: CertifyMode,
    /// Write report.html beside the results: one page with all of them, which needs no network access.
    #[arg(long)]
    pub(crate) report: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}
