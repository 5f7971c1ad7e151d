use faer::{Mat, MatRef};

use crate::NoConvergence;

/// $A=U\operatorname{diag}(\sigma)V^\top$ with k = min(n, m) columns in U and V.
#[derive(Debug, Clone)]
pub struct Svd {
    /// U `[n, k]`: orthonormal columns.
    pub u: Mat<f64>,
    /// σ `[k]`, descending.
    pub s: Vec<f64>,
    /// V `[m, k]`: orthonormal columns.
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

/// The singular values alone `[min(n, m)]`, descending.
///
/// # Errors
/// When the iteration does not converge.
pub fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>, NoConvergence> {
    a.singular_values().map_err(|_| FAILED)
}

const FAILED: NoConvergence = NoConvergence("the singular value decomposition");
