//! Matrix products with a known bound of their rounding errors.

use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul, traits::ComplexField};

/// Numbers of double or single precision.
pub(crate) trait Number: ComplexField + Copy + From<f32> {}

impl Number for f64 {}
impl Number for f32 {}

/// `out` `[m, n]` $= A\,B$ for `a` `[m, k]` and `b` `[k, n]`, all row-major.
///
/// Every entry is off by at most $\gamma_k\sum|a||b|$ in the precision of T, whatever the order of summation and with or
/// without FMA.
/// One thread: callers are parallel over tiles.
pub(crate) fn product<T: Number>(out: &mut [T], a: &[T], b: &[T], (m, k, n): (usize, usize, usize)) {
    product_into((out, n), a, b, (m, k, n));
}

/// The same for an `out` whose rows begin `stride` numbers apart.
pub(crate) fn product_into<T: Number>(
    (out, stride): (&mut [T], usize),
    a: &[T],
    b: &[T],
    (m, k, n): (usize, usize, usize),
) {
    let b = MatRef::from_row_major_slice(&b[..k * n], k, n);
    into((out, stride), a, b, (m, k, n));
}

/// The same as [`product`] for a `b` whose rows begin `stride` numbers apart.
pub(crate) fn product_of<T: Number>(
    out: &mut [T],
    a: &[T],
    (b, stride): (&[T], usize),
    (m, k, n): (usize, usize, usize),
) {
    let b = MatRef::from_column_major_slice_with_stride(&b[..(k - 1) * stride + n], n, k, stride).transpose();
    into((out, n), a, b, (m, k, n));
}

/// `out` `[m, n]` $= A\,B^\top$ for `a` `[m, k]` and `b` `[n, k]`, all row-major.
pub(crate) fn product_t(out: &mut [f64], a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)) {
    let b = MatRef::from_row_major_slice(&b[..k * n], n, k).transpose();
    into((out, n), a, b, (m, k, n));
}

fn into<T: Number>(
    (out, stride): (&mut [T], usize),
    a: &[T],
    b: MatRef<'_, T>,
    (m, k, n): (usize, usize, usize),
) {
    if m == 0 {
        return;
    }
    // Row-major, as a transpose: faer 0.24 mistakes the strides of row-major slices with a stride.
    let out = &mut out[..(m - 1) * stride + n];
    let out = MatMut::from_column_major_slice_with_stride_mut(out, n, m, stride).transpose_mut();
    let a = MatRef::from_row_major_slice(&a[..m * k], m, k);
    matmul(out, Accum::Replace, a, b, T::from(1.), Par::Seq);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies between and behind the rows of a result is left alone, for all small shapes.
    #[test]
    fn nothing_is_written_outside() {
        for (m, k, n) in (0..5000).map(|i| (1 + i % 13, 1 + i / 13 % 19, 1 + i / 247 % 21)) {
            for stride in [n, n + 1, n + 7, 3 * n] {
                let (a, b) = (vec![1.; m * k], vec![2.; k * n]);
                let mut out = vec![-7.; (m - 1) * stride + n + 64];
                product_into((&mut out, stride), &a, &b, (m, k, n));
                for (i, x) in out.iter().enumerate() {
                    let inside = i % stride < n && i / stride < m;
                    let expected = if inside { 2. * k as f64 } else { -7. };
                    assert_eq!(*x, expected, "{m} {k} {n} {stride} at {i}");
                }
            }
        }
    }
}
