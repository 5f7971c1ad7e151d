//! Bounds of the loss of one example, from enclosures $z_j\in u_j\pm r_j$ of its outputs at one s.

use collado_risk::Loss;

use crate::rounding::{LIBM, TINY, U};

/// An upper bound of $\log(1+\sum_j\exp(u_j+r_j))$ for margins $u_j=z_j-z_y$; with −r a lower one (`sign` -1). Besides the
/// derivative of the bound, about, if all radii grow by one share of themselves.
pub(crate) fn cross_entropy(u: &[f64], r: &[f64], sign: f64) -> (f64, f64) {
    let term = |j: usize| u[j] + sign * r[j];
    let (mut top, mut best) = (0., None);
    for j in 0..u.len() {
        if term(j).is_nan() {
            return (f64::NAN, f64::NAN);
        }
        if term(j) > top {
            (top, best) = (term(j), Some(j));
        }
    }
    let own = if best.is_some() { (-top).exp() } else { 0. };
    let (mut sum, mut slope) = (own, best.map_or(0., |j| r[j]));
    for j in (0..u.len()).filter(|&j| Some(j) != best) {
        let share = (term(j) - top).exp();
        sum += share;
        slope += share * r[j];
    }
    let value = top + sum.ln_1p();
    // exp(v - top) errs by at most |v - top|e^{v-top}u ≤ 0.4u when top > 0, where the value is at least log 2.
    (outward(value, sign, 4. * LIBM + (4 * u.len() + 32) as f64 * U), slope / (1. + sum))
}

/// A bound of a loss that is a sum over outputs, for targets `y`.
pub(crate) fn separable(loss: Loss, u: &[f64], r: &[f64], y: impl Fn(usize) -> f64, sign: f64) -> f64 {
    let sum: f64 = (0..u.len())
        .map(|j| match loss {
            Loss::Logistic => logistic(u[j], r[j], y(j), sign),
            _ => {
                let off = (u[j] - y(j)).abs();
                let v = off + sign * (r[j] + 4. * U * (u[j].abs() + y(j).abs()));
                if v > 0. || v.is_nan() { v * v } else { 0. }
            }
        })
        .sum();
    outward(sum, sign, 8. * LIBM + (4 * u.len() + 32) as f64 * U)
}

/// The logistic loss $\log(1+e^z)-yz$ at the worst, or the best, z of the interval, in a form without cancellation.
fn logistic(u: f64, r: f64, y: f64, sign: f64) -> f64 {
    let value = |z: f64| {
        let line = if z > 0. { (1. - y) * z } else { -y * z };
        line + (-z.abs()).exp().ln_1p()
    };
    if sign > 0. {
        let (a, b) = (value(u - r), value(u + r));
        if a > b || a.is_nan() { a } else { b }
    } else if sign == 0. {
        value(u)
    } else {
        // The minimum lies at log(y/(1-y)), which may be ±∞.
        value((y / (1. - y)).ln().max(u - r).min(u + r))
    }
}

/// Moves `value` ≥ 0 up or down by a relative `error`.
fn outward(value: f64, sign: f64, error: f64) -> f64 {
    let moved = value * (1. + sign * error) + sign * TINY;
    if moved < 0. { 0. } else { moved }
}
