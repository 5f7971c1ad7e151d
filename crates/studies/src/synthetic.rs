//! The synthetic regression data that studies are run on.

use candle_core::Tensor;
use collado_data::Targets;

use crate::{Result, error::refuse};

/// Inputs `[N, d]` and targets `[N, q]` of a synthetic data set, given as in `--data`.
pub(crate) fn regression(spec: &str) -> Result<(Tensor, Tensor)> {
    let data = collado_data::load(spec)?;
    match data.train.targets {
        Targets::Values(targets) => Ok((data.train.inputs, targets)),
        Targets::Classes { .. } | Targets::Tokens { .. } => refuse("data", "real targets", "classes"),
    }
}
