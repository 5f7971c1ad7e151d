//! The matrices of a layer in single precision, for what moves on a piece.
//!
//! What the parameters and the models move by on a piece is small beside their centres, and so are the errors of products of
//! single precision with it. These take half the time. The product of centres, $D_0c$, stays in double precision.

use crate::{rounding::single_gamma, taylor::Taylor};

/// The size that the largest number of a factor may have at most; its reciprocal is the least such size.
const LARGEST: f64 = (1_u64 << 30) as f64;
/// The longest sum of products.
const LONGEST: usize = 1 << 16;

/// The matrices of a layer in single precision.
pub(crate) struct Single {
    /// For the powers $s,s^2,\dots$ what is multiplied with the parabolas below.
    pub(crate) terms: Vec<Term>,
    pub(crate) radius: Vec<f32>,
    /// Upper bounds of the norms of the rows of $D_k$, `[k][out]`.
    pub(crate) norms: Vec<Vec<f64>>,
}

/// The matrices $D_{p-j}$ side by side that give the term $s^p$ with the channels j below.
pub(crate) struct Term {
    pub(crate) matrix: Vec<f32>,
    /// The first of these channels, and the number of them.
    pub(crate) channels: (usize, usize),
}

impl Single {
    /// The same as the matrices $D_k$ in `weights` and `radius`, `[n, m]`; `None` if they are too large or too small, or
    /// if there are none.
    pub(crate) fn new(
        weights: &[f64],
        radius: &[f64],
        (n, m): (usize, usize),
        taylor: &Taylor,
    ) -> Option<Self> {
        if weights.is_empty()
            || taylor.channels() * m > LONGEST
            || !is_ordinary(weights)
            || !is_ordinary(radius)
        {
            return None;
        }
        let matrices: Vec<&[f64]> = weights.chunks_exact(n * m).collect();
        let (degree, last) = (matrices.len() - 1, taylor.channels() - 1);
        let term = |power: usize| {
            let channels = power.saturating_sub(degree)..=power.min(last);
            let mut matrix = Vec::with_capacity(channels.clone().count() * n * m);
            for i in 0..n {
                for j in channels.clone() {
                    matrix.extend(matrices[power - j][i * m..][..m].iter().map(|&x| x as f32));
                }
            }
            Term { matrix, channels: (*channels.start(), channels.count()) }
        };
        let norms = matrices.iter().map(|d| d.chunks_exact(m).map(norm).collect());
        Some(Self {
            terms: (1..=degree + last).map(term).collect(),
            radius: narrowed(radius),
            norms: norms.collect(),
        })
    }
}

/// The errors of products of single precision.
#[derive(Clone, Copy)]
pub(crate) struct Errors {
    /// The factor of the sum of absolute products.
    pub(crate) relative: f64,
    /// What underflow adds to all products of one number of a layer.
    pub(crate) absolute: f64,
}

impl Errors {
    /// The errors for sums over `n` numbers below, of up to three channels, with weights of degree `d`: each factor is
    /// rounded, then each product and sum. Powers of s beyond the second are replaced by parabolas, which are at most 1.25
    /// times as large.
    ///
    /// Numbers of up to $2^{31}$ times $2^{-150}$, which a number may lose to underflow, are less than $2^{-118}$ for each
    /// product. Radii of curves with thirty bends or more may be larger; there the factor on all radii is as large.
    pub(crate) fn new(n: usize, d: usize) -> Self {
        Self { relative: 2. * single_gamma(3 * n + 8), absolute: ((4 * d + 8) * n) as f64 * 2_f64.powi(-112) }
    }
}

/// Whether products of numbers like these neither overflow nor lose much to underflow: the largest one is of ordinary size, or
/// all are 0.
pub(crate) fn is_ordinary(x: &[f64]) -> bool {
    is_ordinary_size(largest(x))
}

/// The same for numbers of which this is the largest one.
pub(crate) fn is_ordinary_size(most: f64) -> bool {
    most == 0. || (LARGEST.recip()..=LARGEST).contains(&most)
}

/// Whether no number is too large.
pub(crate) fn is_small(x: &[f64]) -> bool {
    largest(x) <= LARGEST
}

/// The largest absolute value, NaN if there is one: sizes are ordered like their bits.
pub(crate) fn largest(x: &[f64]) -> f64 {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || f64::from_bits(x.iter().fold(0, |most, x| x.abs().to_bits().max(most))),
    )
}

/// An upper bound of the Euclidean norm, for up to 2¹⁶ numbers. Where squares underflow it is off by 2⁻⁵⁰⁰ at most.
fn norm(x: &[f64]) -> f64 {
    NORM * x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The factor that makes up for the rounding of a norm: more than 1 + γ of its length.
pub(crate) const NORM: f64 = 1. + 1e-10;

/// The numbers, rounded to nearest.
fn narrowed(x: &[f64]) -> Vec<f32> {
    x.iter().map(|&x| x as f32).collect()
}
