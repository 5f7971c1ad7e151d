//! The largest eigenvalue of a symmetric positive semi-definite operator, by Lanczos' method.

use super::SpectrumSettings;
use crate::{LanczosSettings, LinearOperator, Result, Side, lanczos};

/// Approximates the normalised eigenvector of the largest eigenvalue of `apply`, an operator on vectors of `size`
/// numbers.
pub(super) fn largest(
    size: usize,
    settings: &SpectrumSettings,
    apply: impl Fn(&[f64]) -> Vec<f64> + Sync,
) -> Result<Vec<f64>> {
    let settings = LanczosSettings {
        count: 1,
        side: Side::Top,
        steps: settings.steps.max(1),
        check: 0,
        tolerance: settings.tolerance,
        seed: settings.seed,
        ..LanczosSettings::default()
    };
    let ends = lanczos(&Products { size, apply }, &settings, &mut ())?;
    Ok(ends.top.into_iter().flat_map(|ritz| ritz.vector).collect())
}

/// An operator that is given as a function of one vector.
struct Products<F> {
    size: usize,
    apply: F,
}

impl<F: Fn(&[f64]) -> Vec<f64> + Sync> LinearOperator for Products<F> {
    fn size(&self) -> usize {
        self.size
    }

    fn apply(&self, vectors: &[f64], out: &mut [f64]) -> Result<()> {
        for (v, out) in vectors.chunks_exact(self.size).zip(out.chunks_exact_mut(self.size)) {
            out.copy_from_slice(&(self.apply)(v));
        }
        Ok(())
    }
}
