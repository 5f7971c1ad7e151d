//! A leg of a path around the centre of a piece: every parameter as a polynomial in s.

use candle_core::DType;
use collado_risk::{Path, PathKind};

use crate::{
    Error, Result,
    interval::{Interval, least, sum_up},
};

/// A stretch of a path on which the parameters are one polynomial, given by its control points.
pub(crate) struct Leg {
    pub(crate) points: Vec<Vec<f64>>,
}

impl Leg {
    /// The legs of a path: a Bézier curve is one, each segment of a chain is one.
    pub(crate) fn all(path: &Path) -> Result<Vec<Self>> {
        let points = path.vertices().to_dtype(DType::F64)?.to_vec2::<f64>()?;
        if points.iter().flatten().any(|x| !x.is_finite()) {
            return Err(Error::NotFinite { what: "the path" });
        }
        Ok(match path.kind() {
            PathKind::Bezier => vec![Self { points }],
            PathKind::Polychain { .. } => {
                points.windows(2).map(|ends| Self { points: ends.to_vec() }).collect()
            }
        })
    }

    pub(crate) fn degree(&self) -> usize {
        self.points.len() - 1
    }
}

/// The parameters on a piece, $\theta(\tau_c+s)=\sum_ks^kD_k$ for $|s|\le\delta$.
pub(crate) struct Local {
    /// The coefficients $D_k$ of all parameters.
    pub(crate) terms: Vec<Vec<Interval>>,
    /// An upper bound of $|\theta(s)|$ for every parameter.
    pub(crate) size: Vec<f64>,
    /// The powers $\delta^k$, two more than there are coefficients.
    pub(crate) powers: Vec<Interval>,
}

impl Local {
    /// The parameters on the piece `[from, to]` of a leg, which may be a point.
    pub(crate) fn new(leg: &Leg, from: f64, to: f64) -> Self {
        let center = from + 0.5 * (to - from);
        // The centre may be any number: δ reaches from it to both ends.
        let delta = crate::interval::largest(sum_up(to, -center), sum_up(center, -from));
        let degree = leg.degree();
        let used = if from == to { 0 } else { degree };
        let terms: Vec<Vec<Interval>> = (0..=used)
            .map(|k| {
                let weights = coefficient(degree, k, center);
                let of = |i: usize| combination(&weights, leg.points.iter().map(|point| point[i]));
                (0..leg.points[0].len()).map(of).collect()
            })
            .collect();
        let mut powers = vec![Interval::point(1.)];
        (0..=used + 1).for_each(|k| powers.push(powers[k] * delta));
        let size = (0..leg.points[0].len())
            .map(|i| {
                let sizes = terms.iter().zip(&powers).map(|(term, power)| (*power * term[i].size()).hi);
                // On all of [0, 1] a Bézier curve lies between its control points.
                let hull = leg.points.iter().map(|point| point[i].abs()).fold(0., f64::max);
                least(sizes.fold(0., sum_up), hull)
            })
            .collect();
        Self { terms, size, powers }
    }

    pub(crate) fn delta(&self) -> f64 {
        self.powers[1].hi
    }
}

/// Encloses $\sum_jw_jx_j$; equal numbers give that number where the weights are those of a segment's end.
fn combination(weights: &[Interval], x: impl Iterator<Item = f64>) -> Interval {
    weights.iter().zip(x).fold(Interval::ZERO, |sum, (&weight, x)| sum + weight * x)
}

/// The weights of the control points in the coefficient of $s^k$ around `center`: $\binom dk$ times the k-th difference
/// of de Casteljau's points of level d − k.
fn coefficient(degree: usize, k: usize, center: f64) -> Vec<Interval> {
    let (t, rest) = (Interval::point(center), Interval::point(1.) - Interval::point(center));
    // Row i holds the weights of the control points in the i-th point of the level.
    let mut rows: Vec<Vec<Interval>> = (0..=degree)
        .map(|i| (0..=degree).map(|j| Interval::point(if i == j { 1. } else { 0. })).collect())
        .collect();
    let pairs = |rows: &[Vec<Interval>], f: &dyn Fn(Interval, Interval) -> Interval| -> Vec<Vec<Interval>> {
        rows.windows(2).map(|w| w[0].iter().zip(&w[1]).map(|(&a, &b)| f(a, b)).collect()).collect()
    };
    for _ in 0..degree - k {
        rows = pairs(&rows, &|a, b| rest * a + t * b);
    }
    for _ in 0..k {
        rows = pairs(&rows, &|a, b| b - a);
    }
    let binomial = (0..k)
        .fold(Interval::point(1.), |b, i| (b * (degree - i) as f64).over(Interval::point((i + 1) as f64)));
    rows[0].iter().map(|&w| binomial * w).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_those_of_the_curve() {
        // The Bézier curve of 0, 1, 0, 2 is 3t(1-t)² + 2t³ = 3t - 6t² + 5t³; around ½ it is
        // ⅝ + ¾s + 1.5s² + 5s³.
        let leg = Leg { points: vec![vec![0.], vec![1.], vec![0.], vec![2.]] };
        let local = Local::new(&leg, 0.25, 0.75);
        for (term, right) in local.terms.iter().zip([0.625, 0.75, 1.5, 5.]) {
            assert!(
                term[0].lo <= right && right <= term[0].hi && term[0].hi - term[0].lo < 1e-13,
                "{term:?}"
            );
        }
        assert_eq!(local.delta(), 0.25);
        assert!(local.size[0] >= 0.625 + 0.25 * 0.75 && local.size[0] <= 2.);
    }

    #[test]
    fn a_parameter_that_stays_has_no_slope() {
        let leg = Leg { points: vec![vec![0.1], vec![0.1]] };
        let local = Local::new(&leg, 0., 1.);
        assert_eq!(local.terms[1][0], Interval::ZERO);
        assert!(local.terms[0][0].hi - local.terms[0][0].lo < 1e-16);
    }
}
