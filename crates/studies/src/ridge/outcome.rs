//! What was found for one number of layers, and how it decides on the claim.

use collado_risk::Progress;
use serde::Serialize;

use super::{End, RidgeSettings, Wall, WhiteData, descent::Descent, levels};
use crate::{Result, Verdict};

/// Relative height above the optimum up to which a start has reached it.
const OPTIMAL: f64 = 1e-6;
/// Relative height above the higher end up to which a curve counts as level: rounding.
const EXCESS: f64 = 1e-10;

/// What was found for one number of layers.
#[derive(Debug, Clone, Serialize)]
pub struct Depth {
    /// The number K of layers.
    pub layers: usize,
    /// The proof about θ = 0.
    pub wall: Wall,
    /// F(0), the mean of ‖y‖².
    pub zero: f64,
    /// The closed-form levels of F, from F(0) on: k singular values are fitted at the k-th.
    pub levels: Vec<f64>,
    /// Where descent ended.
    pub ends: Vec<End>,
    /// The largest rise of F on the curves between neighbouring starts, over the higher end, and the number of curves; for two
    /// layers only.
    pub curves: Option<(f64, usize)>,
}

impl Depth {
    pub(super) fn measure(
        settings: &RidgeSettings,
        data: &WhiteData,
        layers: usize,
        progress: &mut dyn Progress,
        part: (f64, f64),
    ) -> Result<Self> {
        let descent = Descent::run(settings, data, layers, progress, part)?;
        let curves = (layers == 2).then(|| descent.curves()).transpose()?;
        let zero = data.risk_at_zero();
        let levels = levels(layers, &data.singular_values, settings.kappa);
        Ok(Self {
            layers,
            wall: Wall::prove(data, layers, settings.width(), settings.kappa),
            zero,
            levels: levels.into_iter().map(|level| zero + level).collect(),
            ends: descent.ends,
            curves,
        })
    }

    /// The least F: the lowest level.
    pub fn optimum(&self) -> f64 {
        self.levels.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The ends that decide.
    pub fn converged(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().filter(|end| end.converged)
    }

    /// Number of converged starts that ended above the optimum.
    pub fn above(&self) -> usize {
        let least = self.optimum();
        self.converged().filter(|end| end.risk.is_nan() || end.risk > least * (1. + OPTIMAL)).count()
    }

    /// Number of converged starts that ended at each level, and at none of them.
    pub fn by_level(&self) -> (Vec<usize>, usize) {
        let at = |level: f64| {
            self.converged().filter(move |end| (end.risk - level).abs() <= OPTIMAL * level.abs()).count()
        };
        let counts: Vec<usize> = self.levels.iter().map(|&level| at(level)).collect();
        let elsewhere = self.converged().count().saturating_sub(counts.iter().sum());
        (counts, elsewhere)
    }

    /// What the numbers say about this number of layers, and if they do not decide, which condition failed.
    pub fn verdict(&self) -> (Verdict, Option<String>) {
        let (converged, all) = (self.converged().count(), self.ends.len());
        if self.wall.is_bad_minimum() || self.above() > 0 {
            return (Verdict::Contradicted, None);
        }
        if 2 * converged < all {
            let reason = format!("only {converged} of {all} starts converged for K = {}", self.layers);
            return (Verdict::Inconclusive, Some(reason));
        }
        match self.curves {
            Some((rise, _)) if rise.is_nan() || rise > EXCESS => {
                let reason =
                    format!("a curve between two starts rises by {rise:.0e}, which the closed form excludes");
                (Verdict::Inconclusive, Some(reason))
            }
            _ => (Verdict::Supported, None),
        }
    }
}
