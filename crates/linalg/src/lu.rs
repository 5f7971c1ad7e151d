use faer::{
    Mat, MatRef,
    linalg::solvers::{DenseSolveCore, PartialPivLu, Solve},
};

/// $PA=LU$ of a square matrix, with pivots chosen by rows.
#[derive(Debug, Clone)]
pub struct Lu(PartialPivLu<f64>);

impl Lu {
    /// Of `a` `[n, n]`; a singular one gives solutions that are not finite.
    pub fn new(a: MatRef<'_, f64>) -> Self {
        Self(a.partial_piv_lu())
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
