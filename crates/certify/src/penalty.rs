//! Bounds of the regulariser κR on a piece of a path.

use collado_models::Network;
use collado_risk::{Criterion, Regularizer};

use crate::{
    leg::Leg,
    rounding::{TINY, U, dot, dot_error, gamma},
    taylor::Taylor,
};

/// Bounds κR on pieces.
pub(crate) struct Penalty {
    kappa: f64,
    regularizer: Regularizer,
    columns: std::ops::Range<usize>,
}

/// Bounds of κR on a piece: the values at s = ±δ of a convex function of s above it, and a lower bound.
#[derive(Default)]
pub(crate) struct Range {
    pub(crate) ends: [f64; 2],
    pub(crate) lower: f64,
}

impl Penalty {
    pub(crate) fn new(criterion: Criterion, network: &Network) -> Self {
        let columns = criterion.regularizer.columns(network);
        Self { kappa: criterion.kappa, regularizer: criterion.regularizer, columns }
    }

    /// Computes the values at s = ±δ of a convex function of s that is nowhere below κR, and a lower bound of κR.
    pub(crate) fn bound(&self, leg: &Leg, taylor: &Taylor) -> Range {
        if self.kappa == 0. {
            return Range::default();
        }
        let vertices = leg.vertices.iter().map(|v| &v[self.columns.clone()]);
        let powers: Vec<Vec<f64>> = (0..taylor.rows.len())
            .map(|k| {
                let mut out = vec![0.; self.columns.len()];
                taylor.combine(k, vertices.clone(), &mut out);
                out
            })
            .collect();
        let bound = &leg.bound[self.columns.clone()];
        let range = match self.regularizer {
            Regularizer::L1Last => absolute(&powers, bound, taylor),
            Regularizer::L2 | Regularizer::L2Last => square(&powers, bound, taylor),
        };
        let up = |x: f64| self.kappa * x * (1. + 8. * U) + TINY;
        Range { ends: range.ends.map(up), lower: (self.kappa * range.lower * (1. - 8. * U) - TINY).max(0.) }
    }
}

/// The bounds of $\|\sum_ks^kD_k\|^2$, a polynomial in s whose terms above s² are bounded by their size.
fn square(powers: &[Vec<f64>], bound: &[f64], taylor: &Taylor) -> Range {
    let mut a = vec![0.; 2 * powers.len() - 1];
    for (i, x) in powers.iter().enumerate() {
        for (j, y) in powers.iter().enumerate() {
            a[i + j] += dot(x, y);
        }
    }
    let largest = dot(bound, bound) * (1. + dot_error(bound.len()));
    let relative = dot_error(bound.len()) + 4. * taylor.error() + gamma(4 * a.len() + 32);
    let error = relative * taylor.growth * taylor.growth * largest * 1.01 + TINY;
    let slope = a.get(1).copied().unwrap_or(0.) * taylor.delta;
    let high = |k: usize, x: f64| taylor.power(k) * if k == 2 { x.max(0.) } else { x.abs() };
    let low = |k: usize, x: f64| taylor.power(k) * if k.is_multiple_of(2) { (-x).max(0.) } else { x.abs() };
    let above: f64 = a.iter().enumerate().skip(2).map(|(k, &x)| high(k, x)).sum();
    let below: f64 = a.iter().enumerate().skip(2).map(|(k, &x)| low(k, x)).sum();
    Range {
        ends: [a[0] + slope + above + error, a[0] - slope + above + error],
        lower: (a[0] - slope.abs() - below - error).max(0.),
    }
}

/// The bounds of $\|\sum_ks^kD_k\|_1$, which is convex in s except for the terms above s; these are bounded by their
/// size.
fn absolute(powers: &[Vec<f64>], bound: &[f64], taylor: &Taylor) -> Range {
    let none = vec![0.; bound.len()];
    let slopes = powers.get(1).unwrap_or(&none);
    let rest = |i: usize| -> f64 { (2..powers.len()).map(|k| taylor.power(k) * powers[k][i].abs()).sum() };
    let mut range = Range::default();
    for i in 0..bound.len() {
        let (c, l, rest) = (powers[0][i], taylor.delta * slopes[i], rest(i));
        range.ends[0] += (c + l).abs() + rest;
        range.ends[1] += (c - l).abs() + rest;
        range.lower += (c.abs() - l.abs() - rest).max(0.);
    }
    let relative = gamma(bound.len() + 4 * powers.len() + 32) + taylor.error();
    let error = 2. * relative * taylor.growth * bound.iter().sum::<f64>() + TINY;
    range.ends.iter_mut().for_each(|e| *e += error);
    range.lower = (range.lower - error).max(0.);
    range
}
