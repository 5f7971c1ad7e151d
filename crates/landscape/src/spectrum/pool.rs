//! Bookkeeping of a search for eigenpairs: the plan of what is sought, and the pool of what was found.

use super::lanczos::{LanczosSettings, Side};
use crate::{Error, Result};

/// The number of eigenvalues sought at each end, and the number of vectors that may be held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) top: usize,
    pub(super) bottom: usize,
    /// The largest number of vectors in the basis.
    pub(super) room: usize,
}

impl Plan {
    /// The plan for an operator on vectors of `size` numbers.
    pub(super) fn new(settings: &LanczosSettings, size: usize) -> Result<Self> {
        if settings.count == 0 || settings.steps == 0 || size == 0 {
            return Err(Error::Setting {
                name: "count, steps",
                expected: "at least 1",
                found: format!("{}, {}", settings.count, settings.steps),
            });
        }
        let (top, bottom) = match settings.side {
            Side::Top => (settings.count.min(size), 0),
            Side::Bottom => (0, settings.count.min(size)),
            // Together no more than there are.
            Side::Both => (settings.count.min(size.div_ceil(2)), settings.count.min(size / 2)),
        };
        let total = top + bottom;
        // Beside the basis: what was found before, a product, and what comes next.
        let others = total + 3;
        let least = (total + 3).min(size);
        let bytes = size_of::<f64>() * size;
        let room = (settings.memory / bytes).saturating_sub(others).min(size);
        if room < least {
            let expected = (least + others) * bytes;
            return Err(Error::Memory { expected, found: settings.memory });
        }
        Ok(Self { top, bottom, room })
    }

    pub(super) fn total(&self) -> usize {
        self.top + self.bottom
    }

    /// The places of those of `values`, ascending, that are among the sought eigenvalues together with those in `pool`,
    /// by more than `slack`.
    pub(super) fn wanted(&self, pool: &Pool, values: &[f64], slack: f64) -> Vec<usize> {
        let n = values.len();
        let (mut above, mut below) = (f64::NEG_INFINITY, f64::INFINITY);
        if pool.len() >= self.total() {
            above = self.least_top(pool).map_or(f64::INFINITY, |v| v + slack);
            below = self.greatest_bottom(pool).map_or(f64::NEG_INFINITY, |v| v - slack);
        }
        let outside =
            |i: usize| i < self.bottom && values[i] < below || i + self.top >= n && values[i] > above;
        (0..n).filter(|&i| outside(i)).collect()
    }

    /// The innermost pair of the list at the top.
    pub(super) fn least_top(&self, pool: &Pool) -> Option<f64> {
        (self.top > 0).then(|| pool.values[pool.len() - self.top])
    }

    /// The innermost pair of the list at the bottom.
    pub(super) fn greatest_bottom(&self, pool: &Pool) -> Option<f64> {
        (self.bottom > 0).then(|| pool.values[self.bottom - 1])
    }

    /// The places of those of `count` pairs, ascending, that a restart keeps: the sought ones, and further ones up to
    /// half of the room.
    pub(super) fn kept(&self, count: usize) -> Vec<usize> {
        let spare = count.saturating_sub(self.total()) / 2;
        let bottom = self.bottom + spare * self.bottom / self.total();
        let top = self.top + spare * self.top / self.total();
        (0..count).filter(|&i| i < bottom || i + top >= count).collect()
    }
}

/// The pairs that were found, ascending, with orthonormal vectors.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Vec<Vec<f64>>,
    /// The norm $\|R\|_F$ of all residuals, as computed from the recurrences.
    pub(super) residual: f64,
}

impl Pool {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The pool with further pairs, of which only those are kept that the plan seeks.
    pub(super) fn with(self, values: Vec<f64>, vectors: Vec<Vec<f64>>, residual: f64, plan: &Plan) -> Self {
        let mut all: Vec<(f64, Vec<f64>)> =
            self.values.into_iter().chain(values).zip(self.vectors.into_iter().chain(vectors)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = all.len();
        if count > plan.total() {
            all.drain(plan.bottom..count - plan.top);
        }
        let (values, vectors) = all.into_iter().unzip();
        Self { values, vectors, residual: self.residual.hypot(residual) }
    }

    /// The thresholds for which it is checked whether an eigenvalue lies beyond: close to each pair, and farther out
    /// from the innermost pair of each list.
    pub(super) fn thresholds(&self, plan: &Plan, size: f64, tolerance: f64) -> Vec<f64> {
        const NEAR: [f64; 3] = [1e-12, 1e-10, 1e-8];
        let far = (0..21).map(|i| 1e-6 * 2f64.powi(i));
        let mut all = Vec::new();
        if self.len() < plan.total() {
            return all;
        }
        for (i, value) in self.values.iter().enumerate() {
            let out = if i < plan.bottom { -size } else { size };
            all.extend(NEAR.iter().chain(&[0.5 * tolerance]).map(|d| value + d * out));
        }
        for (inner, out) in [(plan.least_top(self), size), (plan.greatest_bottom(self), -size)] {
            all.extend(inner.into_iter().flat_map(|v| far.clone().map(move |d| v + d * out)));
        }
        all
    }
}
