//! The rounding model: IEEE 754 binary64 and binary32, round to nearest, gradual underflow, no reassociation that changes the
//! number of operations; matrix products may sum in any order and fuse.

/// The unit roundoff: the relative error of an operation is at most this.
pub(crate) const U: f64 = f64::EPSILON / 2.;

/// Covers underflow: fewer than $2^{50}$ operations may each lose $2^{-1075}$, which is far less than this.
pub(crate) const TINY: f64 = 1e-290;

/// Relative error assumed of `exp`, `ln_1p`, `tanh` and `erfc`: 8 units in the last place, where the libraries
/// document 1 to 2.
pub(crate) const LIBM: f64 = 16. * U;

/// The bound $\gamma_n = nu/(1-nu)$, rounded up, of the relative error of n successive operations.
pub(crate) fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1. - nu) * (1. + 8. * U)
}

/// The same for single precision.
pub(crate) fn single_gamma(n: usize) -> f64 {
    let nu = n as f64 * 2_f64.powi(-24);
    nu / (1. - nu) * (1. + 8. * U)
}

/// The sum of products of `a` and `b`, added up in blocks, so that its error is at most [`dot_error`]`(len)` times the
/// sum of the absolute products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
    blocks.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()).sum()
}

/// The relative error of [`dot`].
pub(crate) fn dot_error(len: usize) -> f64 {
    gamma(BLOCK + len.div_ceil(BLOCK) + 2)
}

const BLOCK: usize = 256;
