//! Singular value decomposition.

use faer::{Mat, MatRef};

use crate::NoConvergence;

/// The thin singular value decomposition $A=U\operatorname{diag}(\sigma)V^\top$ with k = min(n, m) columns in U and V.
#[derive(Debug, Clone)]
pub struct Svd {
    /// The left singular vectors: the orthonormal columns of U `[n, k]`.
    pub u: Mat<f64>,
    /// The singular values σ `[k]`, descending.
    pub s: Vec<f64>,
    /// The right singular vectors: the orthonormal columns of V `[m, k]`.
    pub v: Mat<f64>,
}

/// The thin singular value decomposition of `a` `[n, m]`.
///
/// # Errors
/// When the iteration does not converge.
pub fn thin_svd(a: MatRef<'_, f64>) -> Result<Svd, NoConvergence> {
    let svd = a.thin_svd().map_err(|_| FAILED)?;
    Ok(Svd {
        u: svd.U().to_owned(),
        s: svd.S().column_vector().iter().copied().collect(),
        v: svd.V().to_owned(),
    })
}

/// The singular values `[min(n, m)]`, descending, without singular vectors.
///
/// # Errors
/// When the iteration does not converge.
pub fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>, NoConvergence> {
    a.singular_values().map_err(|_| FAILED)
}

const FAILED: NoConvergence = NoConvergence("the singular value decomposition");
