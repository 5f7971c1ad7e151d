//! The largest eigenvalue of a symmetric positive operator.

use super::SpectrumSettings;
use crate::{
    LinearOperator, Result,
    spectrum::{Krylov, normal},
};

/// Approximates the eigenvector of the largest eigenvalue of `apply`, an operator on `size` numbers: normalised.
pub(super) fn largest(
    size: usize,
    settings: &SpectrumSettings,
    apply: impl Fn(&[f64]) -> Vec<f64> + Sync,
) -> Result<Vec<f64>> {
    let operator = Products { size, apply };
    let most = settings.steps.max(1).min(size);
    let mut krylov = Krylov::new(normal(settings.seed, 0, size));
    loop {
        krylov.step(&operator)?;
        let top = krylov.pairs()?;
        let last = krylov.steps() - 1;
        if last + 1 >= most || top.residual(last) <= settings.tolerance * top.values[last].abs() {
            return Ok(krylov.vector(&top, last));
        }
    }
}

/// An operator that is a function of one vector.
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
