//! Matrix products with a known bound of their rounding errors.

use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};

/// `out` `[m, n]` $= A\,B$ for `a` `[m, k]` and `b` `[k, n]`, all row-major.
///
/// Every entry is off by at most $\gamma_k\sum|a||b|$, whatever the order of summation and with or without FMA.
/// One thread: callers are parallel over tiles.
pub(crate) fn product(out: &mut [f64], a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)) {
    let b = MatRef::from_row_major_slice(&b[..k * n], k, n);
    into(out, a, b, (m, k, n));
}

/// `out` `[m, n]` $= A\,B^\top$ for `a` `[m, k]` and `b` `[n, k]`, all row-major.
pub(crate) fn product_t(out: &mut [f64], a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)) {
    let b = MatRef::from_row_major_slice(&b[..k * n], n, k).transpose();
    into(out, a, b, (m, k, n));
}

fn into(out: &mut [f64], a: &[f64], b: MatRef<'_, f64>, (m, k, n): (usize, usize, usize)) {
    let out = MatMut::from_row_major_slice_mut(&mut out[..m * n], m, n);
    let a = MatRef::from_row_major_slice(&a[..m * k], m, k);
    matmul(out, Accum::Replace, a, b, 1., Par::Seq);
}
