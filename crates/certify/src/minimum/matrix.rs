//! Matrices of intervals, stored as middle and radius, and proofs about them with floating-point products.

use collado_linalg::{Cholesky, Lu, symmetric_eigenvalues};
use faer::{Mat, Par};

use super::Eigenvalues;
use crate::Interval;

/// A square matrix of intervals.
pub(super) struct Symmetric {
    pub(super) middle: Mat<f64>,
    pub(super) radius: Mat<f64>,
}

/// The unit roundoff u.
const U: f64 = f64::EPSILON / 2.;

impl Symmetric {
    /// The matrix with the entries `[N, N]`. Both triangles hold enclosures of a symmetric matrix; the lower one is
    /// used.
    pub(super) fn new(size: usize, entries: &[Interval]) -> Self {
        let at = |i: usize, j: usize| entries[i.max(j) * size + i.min(j)];
        Self {
            middle: Mat::from_fn(size, size, |i, j| at(i, j).middle()),
            radius: Mat::from_fn(size, size, |i, j| at(i, j).radius()),
        }
    }

    /// A number below the smallest eigenvalue of every symmetric matrix inside, and the shift s by which it was found.
    ///
    /// With any L, $\lambda_{\min}(A)\ge s-\|A-sI-LL^\top\|_\infty$, and the residual is computed with a bound of its
    /// own rounding ($\gamma_N|L||L|^\top$, valid for every order of summation); the radii's row sums are taken off.
    pub(super) fn least_eigenvalue(&self) -> Option<Eigenvalues> {
        let n = self.middle.nrows();
        let values = symmetric_eigenvalues(self.middle.as_ref()).ok()?;
        let guess = values.into_iter().fold(f64::INFINITY, f64::min);
        // a little below, so that the factor exists; the proof does not rest on the guess
        let s = guess - 1e-12 * (1. + guess.abs());
        let shifted = Mat::from_fn(n, n, |i, j| self.middle[(i, j)] - if i == j { s } else { 0. });
        let factor = Cholesky::new(shifted.as_ref()).ok()?;
        let l = factor.lower().to_owned();
        let product = multiply(&l, &l.transpose().to_owned());
        let size = multiply(&absolute(&l), &absolute(&l).transpose().to_owned());
        let slack = gamma(n + 4);
        let row = |i: usize| {
            let terms = (0..n).map(|j| {
                let residual = (shifted[(i, j)] - product[(i, j)]).abs();
                let rounding = slack * (size[(i, j)] + shifted[(i, j)].abs() + s.abs() + residual);
                residual + rounding + self.radius[(i, j)]
            });
            terms.sum::<f64>() * (1. + slack)
        };
        let away = (0..n).map(row).fold(0., f64::max);
        let at_least = (s - away.next_up()).next_down();
        away.is_finite().then_some(Eigenvalues { shift: s, at_least })
    }

    /// An approximate inverse R of the middle.
    pub(super) fn inverse(&self) -> Mat<f64> {
        Lu::new(self.middle.as_ref()).inverse()
    }

    /// Upper bounds of the row sums of $|I-RH|$ for every H inside.
    pub(super) fn contraction(&self, r: &Mat<f64>) -> Vec<f64> {
        let n = r.nrows();
        let (product, size) = (multiply(r, &self.middle), absolute(r));
        let spread = multiply(&size, &self.radius);
        let rounding = multiply(&size, &absolute(&self.middle));
        let slack = gamma(n + 4);
        let row = |i: usize| {
            let terms = (0..n).map(|j| {
                let residual = (f64::from(u8::from(i == j)) - product[(i, j)]).abs();
                residual * (1. + slack) + slack * (rounding[(i, j)] + 1.) + spread[(i, j)] * (1. + 2. * slack)
            });
            terms.sum::<f64>() * (1. + 2. * slack)
        };
        (0..n).map(row).collect()
    }
}

/// Twice $\gamma_n=nu/(1-nu)$, to cover its own rounding and underflow.
fn gamma(n: usize) -> f64 {
    2. * n as f64 * U / (1. - n as f64 * U)
}

fn absolute(a: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)].abs())
}

fn multiply(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    faer::linalg::matmul::matmul(&mut out, faer::Accum::Replace, a, b, 1., Par::Seq);
    out
}
