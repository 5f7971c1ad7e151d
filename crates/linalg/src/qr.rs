//! Bases from QR decompositions.

use faer::{Mat, MatRef};

/// An orthonormal basis `[n, min(n, m)]` of the range of `a` `[n, m]`, which has full rank.
pub fn range(a: MatRef<'_, f64>) -> Mat<f64> {
    a.qr().compute_thin_Q()
}

/// The order of all columns of `a` `[n, m]` by pivoted QR: each is the one farthest from the span of those before it,
/// so that the first rank(A) columns are independent.
pub fn independent_columns(a: MatRef<'_, f64>) -> Vec<usize> {
    a.col_piv_qr().P().arrays().0.to_vec()
}
