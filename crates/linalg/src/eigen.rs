//! Eigenvalues and eigenvectors of symmetric matrices.

use faer::{Mat, MatRef, Side};

use crate::NoConvergence;

/// The eigendecomposition $A=U\operatorname{diag}(\lambda)U^\top$ of a symmetric matrix.
#[derive(Debug, Clone)]
pub struct Eigen {
    /// The eigenvalues λ `[n]`, ascending.
    pub values: Vec<f64>,
    /// The eigenvectors: the orthonormal columns of U `[n, n]`.
    pub vectors: Mat<f64>,
}

/// Eigenvalues and eigenvectors of a symmetric `a` `[n, n]`, of which the lower triangle is read.
///
/// # Errors
/// When the iteration does not converge.
pub fn symmetric_eigen(a: MatRef<'_, f64>) -> Result<Eigen, NoConvergence> {
    let eigen = a.self_adjoint_eigen(Side::Lower).map_err(|_| FAILED)?;
    Ok(Eigen { values: eigen.S().column_vector().iter().copied().collect(), vectors: eigen.U().to_owned() })
}

/// The eigenvalues `[n]`, ascending, without eigenvectors, which takes a fraction of the time.
///
/// # Errors
/// When the iteration does not converge.
pub fn symmetric_eigenvalues(a: MatRef<'_, f64>) -> Result<Vec<f64>, NoConvergence> {
    a.self_adjoint_eigenvalues(Side::Lower).map_err(|_| FAILED)
}

const FAILED: NoConvergence = NoConvergence("the eigenvalue decomposition");
