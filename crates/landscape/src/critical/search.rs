//! Searches for critical points from a stack of starts.

use candle_core::Tensor;
use collado_risk::Progress;
use rayon::prelude::*;
use tracing::{debug, info_span};

use super::{CriticalSearch, Termination, kink::is_on_kink, levenberg_marquardt::LevenbergMarquardt};
use crate::{Error, Result};

/// The function that a search lowers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Goal {
    /// Half the squared gradient norm $\frac12\|\nabla F\|^2$; the search finds critical points of any index.
    #[default]
    Gradient,
    /// The risk F, by Newton's method with |λ| in place of λ (Dauphin et al. 2014); the search finds minima, as a rule.
    Risk,
}

/// The settings of a search for critical points.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `goal` | gradient | what a search lowers | |
/// | `tolerance` | 1e-10 | a search ends at $\|\nabla F\|\le$ this times $1+\lvert F\rvert$ | > 0 |
/// | `steps` | 500 | steps tried | ≥ 1 |
/// | `reach` | 0.2 | longest step, times $1+\|\theta\|$ | > 0 |
/// | `farthest` | 100 | a search is on its way to infinity beyond this times $1+\|\theta_0\|$ | > 1 |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CriticalSettings {
    /// The function that a search lowers.
    pub goal: Goal,
    /// The gradient norm at which a search ends, relative to 1 + |F|.
    pub tolerance: f64,
    /// The largest number of steps that are tried.
    pub steps: usize,
    /// The longest step, relative to 1 + ‖θ‖.
    pub reach: f64,
    /// The norm beyond which a search counts as diverged, relative to 1 + the norm of the start.
    pub farthest: f64,
}

impl Default for CriticalSettings {
    fn default() -> Self {
        Self { goal: Goal::Gradient, tolerance: 1e-10, steps: 500, reach: 0.2, farthest: 100. }
    }
}

impl CriticalSettings {
    fn check(&self) -> Result<()> {
        let positive =
            [("tolerance", self.tolerance), ("reach", self.reach), ("farthest", self.farthest - 1.)];
        match positive.into_iter().find(|(_, x)| !(*x > 0. && x.is_finite())) {
            Some((name, x)) => {
                let expected = if name == "farthest" { "a finite number > 1" } else { "a finite number > 0" };
                let found = if name == "farthest" { x + 1. } else { x }.to_string();
                Err(Error::Setting { name, expected, found })
            }
            None if self.steps == 0 => {
                Err(Error::Setting { name: "steps", expected: "at least 1", found: "0".into() })
            }
            None => Ok(()),
        }
    }
}

/// The end of one search.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchEnd {
    /// The point `[S]`.
    pub theta: Vec<f64>,
    /// The reason why the search ended.
    pub ended: Termination,
    /// The risk F.
    pub risk: f64,
    /// The gradient norm $\|\nabla F\|$.
    pub gradient_norm: f64,
    /// Number of steps that were tried.
    pub steps: usize,
}

impl CriticalSearch {
    /// Searches from every row of `starts` `[P, S]` together: each round evaluates one stack of trial points, and the
    /// Hessians of the points that moved. `progress` is told the share of searches that have ended.
    ///
    /// Every unfinished search holds two S × S matrices.
    ///
    /// # Errors
    /// When a setting is out of range or sizes do not fit, and [`Error::Interrupted`] when `progress` stops them.
    pub fn search(
        &self,
        starts: &Tensor,
        settings: &CriticalSettings,
        progress: &mut dyn Progress,
    ) -> Result<Vec<SearchEnd>> {
        settings.check()?;
        let (count, size) = starts.dims2()?;
        if size != self.size() {
            return Err(Error::mismatch("parameters", self.size(), size));
        }
        let _span = info_span!("critical points", starts = count, parameters = size).entered();
        let points: Vec<f64> = starts.flatten_all()?.to_vec1()?;
        let (values, gradients) = self.evaluate(points.clone())?;
        let rows = points.chunks_exact(size).zip(gradients.chunks_exact(size)).zip(&values);
        let mut walkers: Vec<LevenbergMarquardt> = rows
            .map(|((theta, gradient), value)| LevenbergMarquardt::new(theta, value.risk, gradient, settings))
            .collect();
        for round in 0.. {
            let mut alive: Vec<&mut LevenbergMarquardt> =
                walkers.iter_mut().filter(|w| w.ended.is_none()).collect();
            alive.par_iter_mut().try_for_each(|w| w.propose(&self.curvature, settings))?;
            alive.retain(|w| w.ended.is_none());
            if progress.update((count - alive.len()) as f64 / count as f64).is_break() {
                return Err(Error::Interrupted);
            }
            debug!(round, going = alive.len(), "searches");
            if alive.is_empty() {
                break;
            }
            let (values, gradients) = self.evaluate(alive.iter().flat_map(|w| w.trial()).collect())?;
            for ((walker, value), gradient) in alive.iter_mut().zip(values).zip(gradients.chunks_exact(size))
            {
                walker.receive(value.risk, gradient);
            }
        }
        walkers.into_iter().map(|walker| self.end(walker)).collect()
    }

    fn end(&self, walker: LevenbergMarquardt) -> Result<SearchEnd> {
        let mut ended = walker.ended.unwrap_or(Termination::Steps);
        let stuck = matches!(ended, Termination::Stalled | Termination::Flat | Termination::Steps);
        if stuck && is_on_kink(self.kink(&walker.theta)?) {
            ended = Termination::Kink;
        }
        let gradient_norm = walker.gradient_norm();
        Ok(SearchEnd { theta: walker.theta, ended, risk: walker.risk, gradient_norm, steps: walker.steps })
    }
}
