//! Single precision for what moves on a piece.
//!
//! What the parameters and the models move by on a piece is small beside their centres, and so are the errors of products of
//! single precision with it. These take half the time. The product of centres, $D_0c$, stays in double precision.

use crate::rounding::single_gamma;

/// The size that the largest number of a factor may have at most; its reciprocal is the least such size.
const LARGEST: f64 = (1_u64 << 30) as f64;
/// The longest sum of products.
const LONGEST: usize = 1 << 16;

/// The matrices of a layer in single precision.
pub(crate) struct Single {
    pub(crate) weights: Vec<f32>,
    pub(crate) radius: Vec<f32>,
    /// The bound $\sum_{k\ge1}\delta^k|D_k|$.
    pub(crate) moving: Vec<f32>,
}

impl Single {
    /// The same as the matrices $D_k$ in `weights` and `radius`, for sums of `n` products; `None` if they are too large, or
    /// too small.
    pub(crate) fn new(weights: &[f64], radius: &[f64], powers: &[f64], n: usize) -> Option<Self> {
        if n > LONGEST || !is_ordinary(weights) || !is_ordinary(radius) {
            return None;
        }
        let mut moving = vec![0.; radius.len()];
        for (d, &power) in weights.chunks_exact(radius.len().max(1)).zip(powers).skip(1) {
            moving.iter_mut().zip(d).for_each(|(r, d)| *r += power * d.abs());
        }
        Some(Self { weights: narrowed(weights), radius: narrowed(radius), moving: narrowed(&moving) })
    }
}

/// The errors of products of length n in single precision.
#[derive(Clone, Copy)]
pub(crate) struct Errors {
    /// The factor of the sum of absolute products.
    pub(crate) relative: f64,
    /// What underflow adds to all products of one number of a layer.
    pub(crate) absolute: f64,
}

impl Errors {
    /// The errors for weights of degree `d`: each factor is rounded, then each product and sum. Powers of s beyond the second
    /// are replaced by parabolas, which are at most 1.25 times as large.
    ///
    /// Numbers of up to $2^{30}$ times $2^{-150}$, which a number may lose to underflow, are less than $2^{-118}$ for each
    /// product.
    pub(crate) fn new(n: usize, d: usize) -> Self {
        Self { relative: 2. * single_gamma(n + 8), absolute: ((4 * d + 8) * n) as f64 * 2_f64.powi(-112) }
    }
}

/// Whether products of numbers like these neither overflow nor lose much to underflow: the largest one is of ordinary size, or
/// all are 0.
pub(crate) fn is_ordinary(x: &[f64]) -> bool {
    let most = largest(x);
    most == 0. || (LARGEST.recip()..=LARGEST).contains(&most)
}

/// Whether no number is too large.
pub(crate) fn is_small(x: &[f64]) -> bool {
    largest(x) <= LARGEST
}

/// The largest absolute value, NaN if there is one: sizes are ordered like their bits.
fn largest(x: &[f64]) -> f64 {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || f64::from_bits(x.iter().fold(0, |most, x| x.abs().to_bits().max(most))),
    )
}

/// The absolute values.
pub(crate) fn sizes(x: &[f32]) -> Vec<f32> {
    x.iter().map(|x| x.abs()).collect()
}

/// The numbers, rounded to nearest.
pub(crate) fn narrowed(x: &[f64]) -> Vec<f32> {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || x.iter().map(|&x| x as f32).collect(),
    )
}
