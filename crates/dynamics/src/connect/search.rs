//! What a connector is, what it is given, and what it finds.

use candle_core::Tensor;
use collado_risk::{Evaluation, Objective, Path, Progress, Span, largest};

use crate::{Error, Result};

/// Finds a path between two points of parameter space.
pub trait Connect {
    /// Checks that the settings are in their ranges, and that the hypotheses of the method hold for its network and
    /// risk.
    ///
    /// # Errors
    /// The setting or hypothesis that does not hold.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Finds a path from `a` to `b` `[S]` with low risk, together with what the method guarantees of it.
    ///
    /// # Errors
    /// When the ends do not fit together or the risk cannot be evaluated.
    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection>;

    /// Finds a path from `a` to `b` `[S]` on which `objective` is low, with the seed 0.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn connect(&self, objective: &dyn Objective, a: &Tensor, b: &Tensor) -> Result<Path> {
        let search = &mut Search { objective, seed: 0, progress: &mut () };
        Ok(self.find(a, b, search)?.path)
    }
}

impl From<Path> for Connection {
    /// A path of which nothing is guaranteed.
    fn from(path: Path) -> Self {
        Self { path, guarantee: Guarantee::Sampled }
    }
}

/// A path with the guarantee of its method.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The path.
    pub path: Path,
    /// The properties of the path that the method guarantees.
    pub guarantee: Guarantee,
}

/// The properties that a method guarantees of its path, beyond samples of the risk.
#[derive(Debug, Clone, PartialEq)]
pub enum Guarantee {
    /// Nothing is guaranteed: the risk along the path has to be sampled or certified.
    Sampled,
    /// F is convex on every leg of the chain, so that the maximum of F over the vertices bounds F on the whole path, up
    /// to the rounding of the evaluations.
    Convex {
        /// The largest risk at a vertex.
        vertex_max: f64,
    },
    /// The path is a nudged elastic band, about which nothing is guaranteed.
    Band {
        /// Number of pivots between the ends.
        pivots: usize,
    },
    /// The path is a string, with the report of its search.
    String(StringReport),
}

impl Guarantee {
    /// Evaluates F at all vertices of a chain on whose legs it is convex.
    pub(crate) fn convex(path: &Path, search: &Search<'_>) -> Result<Self> {
        let risks = search.objective.risks(&Span::stack(path.vertices())?)?;
        Ok(Self::Convex { vertex_max: largest(risks) })
    }
}

/// Fails if a risk is not finite, since no step leads back from there.
pub(crate) fn refuse_infinite(values: &[Evaluation], method: &'static str) -> Result<()> {
    if values.iter().all(|v| v.risk.is_finite()) { Ok(()) } else { Err(Error::Diverged { method }) }
}

/// Fails if a path is no longer finite.
pub(crate) fn finite(path: Path, method: &'static str) -> Result<Path> {
    if path.is_finite()? { Ok(path) } else { Err(Error::Diverged { method }) }
}

/// The context of a search for a path: the risk, the seed and the observer of progress.
pub struct Search<'a> {
    /// The risk that is to be low along the path.
    pub objective: &'a dyn Objective,
    /// The seed of the random t and minibatches.
    pub seed: u64,
    /// It is told the share of the steps that are done; when it stops the search, the path found so far is returned.
    pub progress: &'a mut dyn Progress,
}

/// The result of a search by [`Dss`](crate::Dss).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StringReport {
    /// The level λ.
    pub level: f64,
    /// Number of beads between the ends.
    pub beads: usize,
    /// Number of beads whose training ended above λ.
    pub missed: usize,
    /// Number of legs that were still above λ, at one of the evaluated points, when the search ended.
    pub open_legs: usize,
    /// Whether legs are open because the depth limit was reached.
    pub depth_limit_reached: bool,
}
