//! LU decomposition of square matrices.

use faer::{
    Mat, MatRef,
    linalg::solvers::{DenseSolveCore, PartialPivLu, Solve},
};

/// The LU decomposition $PA=LU$ of a square matrix with row pivoting.
#[derive(Debug, Clone)]
pub struct Lu(PartialPivLu<f64>);

impl Lu {
    /// Decomposes `a` `[n, n]`. A singular matrix gives solutions that are not finite.
    pub fn new(a: MatRef<'_, f64>) -> Self {
        Self(a.partial_piv_lu())
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
