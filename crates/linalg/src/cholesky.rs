//! Cholesky decomposition of symmetric positive definite matrices.

use faer::{
    Mat, MatRef, Side,
    linalg::solvers::{DenseSolveCore, Llt, Solve},
};

/// The error that a matrix is not positive definite, so that it has no Cholesky factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the matrix is not positive definite, up to rounding")]
pub struct NotPositiveDefinite;

/// The Cholesky decomposition $A=LL^\top$ of a symmetric positive definite matrix.
#[derive(Debug, Clone)]
pub struct Cholesky(Llt<f64>);

impl Cholesky {
    /// Decomposes `a` `[n, n]`, of which the lower triangle is read.
    ///
    /// # Errors
    /// When `a` is not positive definite.
    pub fn new(a: MatRef<'_, f64>) -> Result<Self, NotPositiveDefinite> {
        a.llt(Side::Lower).map(Self).map_err(|_| NotPositiveDefinite)
    }

    /// The lower triangular factor L `[n, n]`.
    pub fn lower(&self) -> MatRef<'_, f64> {
        self.0.L()
    }

    /// The solution $A^{-1}B$ `[n, m]` for `b` `[n, m]`.
    pub fn solve(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        self.0.solve(b)
    }

    /// The solution $A^{-1}b$ `[n]` for `b` `[n]`.
    pub fn solve_vector(&self, b: &[f64]) -> Vec<f64> {
        let x = self.0.solve(MatRef::from_column_major_slice(b, b.len(), 1));
        x.col(0).iter().copied().collect()
    }

    /// The inverse $A^{-1}$ `[n, n]`.
    pub fn inverse(&self) -> Mat<f64> {
        self.0.inverse()
    }
}
