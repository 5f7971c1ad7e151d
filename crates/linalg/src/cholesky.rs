use faer::{
    Mat, MatRef, Side,
    linalg::solvers::{DenseSolveCore, Llt, Solve},
};

/// A matrix without a Cholesky factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the matrix is not positive definite, up to rounding")]
pub struct NotPositiveDefinite;

/// $A=LL^\top$ of a symmetric positive definite matrix.
#[derive(Debug, Clone)]
pub struct Cholesky(Llt<f64>);

impl Cholesky {
    /// Of `a` `[n, n]`, of which the lower triangle is read.
    ///
    /// # Errors
    /// When a pivot is not positive.
    pub fn new(a: MatRef<'_, f64>) -> Result<Self, NotPositiveDefinite> {
        a.llt(Side::Lower).map(Self).map_err(|_| NotPositiveDefinite)
    }

    /// L `[n, n]`, lower triangular.
    pub fn lower(&self) -> MatRef<'_, f64> {
        self.0.L()
    }

    /// $A^{-1}B$ `[n, m]` for `b` `[n, m]`.
    pub fn solve(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        self.0.solve(b)
    }

    /// $A^{-1}b$ `[n]` for `b` `[n]`.
    pub fn solve_vector(&self, b: &[f64]) -> Vec<f64> {
        let x = self.0.solve(MatRef::from_column_major_slice(b, b.len(), 1));
        x.col(0).iter().copied().collect()
    }

    /// $A^{-1}$ `[n, n]`.
    pub fn inverse(&self) -> Mat<f64> {
        self.0.inverse()
    }
}
