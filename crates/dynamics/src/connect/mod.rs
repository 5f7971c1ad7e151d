//! Ways from one minimum to another, one file or folder each.

mod curve;
mod linear;

use candle_core::Tensor;
use collado_models::Objective;

pub use self::{
    curve::{Curve, CurveKind},
    linear::Linear,
};
use crate::{Path, Result};

/// Finds a path between two points of parameter space.
pub trait Connect {
    /// A path from `a` to `b` `[S]` with low risk.
    ///
    /// # Errors
    /// When the ends do not fit together or the risk cannot be evaluated.
    fn connect(&self, a: &Tensor, b: &Tensor, problem: &mut Problem<'_>) -> Result<Path>;
}

/// What a path is to be good for.
pub struct Problem<'a> {
    /// The risk.
    pub objective: &'a dyn Objective,
    /// Randomness: the t and the minibatches.
    pub seed: u64,
    /// Told (steps done, steps in all); `false` stops the search with the path found so far.
    pub progress: &'a mut dyn FnMut(u64, u64) -> bool,
}
