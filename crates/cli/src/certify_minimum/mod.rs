//! `collado certify-minimum`: proves that a strict local minimum lies close to a point.

mod args;
mod network;
mod neuron;
mod planted;
mod proof;
mod summary;

pub(crate) use self::args::CertifyMinimumArgs;
use crate::failure::Failure;

/// Finds a minimum and proves that it is a strict local minimum.
pub(crate) fn run(args: &CertifyMinimumArgs) -> Result<(), Failure> {
    args.data.without_candle("proofs have an arithmetic of their own")?;
    crate::certify::refuse_f32(&args.common)?;
    args.common.on_cpu("proofs are computed")?;
    if let Some(file) = &args.proof {
        crate::files::refuse_existing(file, args.force)?;
    }
    match (&args.checkpoint, args.k, args.dims, args.per_dim) {
        (Some(file), ..) => network::run(args, file),
        (_, Some(k), ..) => planted::run(args, k),
        (_, _, Some(dims), Some(per_dim)) => neuron::run(args, dims, per_dim),
        _ => Err(Failure::usage("expected a checkpoint, --k, or --dims with --per-dim")),
    }
}
