//! A leg of a path around the centre of a piece: every parameter as a polynomial in s.

use candle_core::{DType, Device, Tensor};
use collado_risk::{Path, PathKind};

use crate::{
    Error, Result,
    form::Form,
    interval::{Interval, largest, least, product_up, sum_up},
    lanes::{LANES, Rounded, collapsed},
};

/// A stretch of a path on which the parameters are one polynomial, given by its control points.
pub(crate) struct Leg {
    pub(crate) points: Vec<Vec<f64>>,
    /// The running statistics at the control points, where the risk is computed with them.
    pub(crate) statistics: Vec<Vec<f64>>,
}

impl Leg {
    /// The legs of a path: a Bézier curve is one, each segment of a chain is one. `statistics` are those of the vertices.
    pub(crate) fn all(path: &Path, statistics: Option<&Tensor>) -> Result<Vec<Self>> {
        let points = numbers(path.vertices(), "the path")?;
        let statistics = match statistics {
            Some(rows) => numbers(rows, "the running statistics")?,
            None => vec![Vec::new(); points.len()],
        };
        Ok(match path.kind() {
            PathKind::Bezier => vec![Self { points, statistics }],
            PathKind::Polychain { .. } => {
                let ends = points.windows(2).zip(statistics.windows(2));
                ends.map(|(a, b)| Self { points: a.to_vec(), statistics: b.to_vec() }).collect()
            }
        })
    }

    pub(crate) fn degree(&self) -> usize {
        self.points.len() - 1
    }
}

fn numbers(rows: &Tensor, what: &'static str) -> Result<Vec<Vec<f64>>> {
    let rows = rows.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    match rows.iter().flatten().all(|x| x.is_finite()) {
        true => Ok(rows),
        false => Err(Error::NotFinite { what }),
    }
}

/// The powers of δ on a piece, and the lines that replace powers of s.
pub(crate) struct Powers {
    /// Upper bounds of $\delta^k$.
    pub(crate) up: Vec<f64>,
    /// For each k ≥ 2 a pair (h, d): on $|s|\le\delta$ the power $s^k$ is within d of h (k even) or of hs (k odd).
    pub(crate) lines: Vec<(f64, f64)>,
}

impl Powers {
    /// The powers up to `most`.
    pub(crate) fn new(delta: f64, most: usize) -> Self {
        let mut power = vec![Interval::point(1.)];
        (0..most).for_each(|k| power.push(power[k] * delta));
        let line = |k: usize| {
            // s³ lies within ¼δ³ of ¾δ²s, other odd powers within ½δᵏ of ½δᵏ⁻¹s, even powers within ½δᵏ of ½δᵏ.
            let (share, rest) = if k == 3 { (0.75, 0.25) } else { (0.5, 0.5) };
            let (of, unit) = if k.is_multiple_of(2) { (k, 1.) } else { (k - 1, delta) };
            let target = power[of] * share;
            let h = target.center().0;
            let off = (target - Interval::point(h)).size();
            (h, sum_up((power[k] * rest).hi, product_up(off, unit)))
        };
        let lines = (0..=most).map(|k| if k < 2 { (0., 0.) } else { line(k) }).collect();
        Self { up: power.iter().map(|power| power.hi).collect(), lines }
    }

    pub(crate) fn delta(&self) -> f64 {
        self.up[1]
    }
}

/// Numbers on a piece, $\sum_ks^kD_k$ for $|s|\le\delta$, as numbers near the $D_k$ and what these are off.
pub(crate) struct Polynomials {
    /// Numbers near the coefficients $D_k$.
    pub(crate) near: Vec<Vec<f64>>,
    /// An upper bound of $\sum_k\delta^k|D_k-\text{near}_k|$.
    pub(crate) off: Vec<f64>,
    /// An upper bound of $\sum_k\delta^k|D_k|$.
    pub(crate) size: Vec<f64>,
}

impl Polynomials {
    /// The numbers with the coefficients `terms[k]`.
    pub(crate) fn new(terms: &[Vec<Interval>], powers: &Powers) -> Self {
        let count = terms[0].len();
        let (mut off, mut size) = (vec![0.; count], vec![0.; count]);
        let near = (terms.iter().zip(&powers.up)).map(|(term, &power)| {
            let near = term.iter().enumerate().map(|(i, term)| {
                let (middle, distance) = term.center();
                off[i] = sum_up(off[i], product_up(power, distance));
                size[i] = sum_up(size[i], product_up(power, term.size()));
                middle
            });
            near.collect()
        });
        Self { near: near.collect(), off, size }
    }

    /// The form of number i.
    pub(crate) fn form(&self, i: usize, powers: &Powers) -> Form {
        let sums: Vec<Rounded> = self.near.iter().map(|near| Rounded::exact(near[i])).collect();
        let (c, l, r) = collapsed(&sums, [self.off[i]; LANES], 1, powers);
        Form { c: c[0], l: l[0], r: r[0] }
    }
}

/// The parameters and running statistics on a piece.
pub(crate) struct Local {
    /// The coefficients $D_k$ of all parameters.
    pub(crate) terms: Vec<Vec<Interval>>,
    pub(crate) parameters: Polynomials,
    pub(crate) statistics: Polynomials,
    pub(crate) powers: Powers,
}

impl Local {
    /// The parameters on the piece `[from, to]` of a leg, which may be a point.
    pub(crate) fn new(leg: &Leg, from: f64, to: f64) -> Self {
        let center = from + 0.5 * (to - from);
        // The centre may be any number: δ reaches from it to both ends.
        let delta = largest(sum_up(to, -center), sum_up(center, -from));
        let degree = leg.degree();
        let used = if from == to { 0 } else { degree };
        let powers = Powers::new(delta, used + 1);
        let weights: Vec<_> = (0..=used).map(|k| coefficient(degree, k, center)).collect();
        let combined = |points: &[Vec<f64>]| -> Vec<Vec<Interval>> {
            let of =
                |weights: &Vec<Interval>, i: usize| combination(weights, points.iter().map(|point| point[i]));
            weights.iter().map(|w| (0..points[0].len()).map(|i| of(w, i)).collect()).collect()
        };
        let terms = combined(&leg.points);
        let mut parameters = Polynomials::new(&terms, &powers);
        for (i, size) in parameters.size.iter_mut().enumerate() {
            // On all of [0, 1] a Bézier curve lies between its control points.
            *size = least(*size, leg.points.iter().map(|point| point[i].abs()).fold(0., largest));
        }
        let statistics = Polynomials::new(&combined(&leg.statistics), &powers);
        Self { terms, parameters, statistics, powers }
    }

    pub(crate) fn delta(&self) -> f64 {
        self.powers.delta()
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

    fn leg(points: &[f64]) -> Leg {
        let points: Vec<Vec<f64>> = points.iter().map(|&x| vec![x]).collect();
        Leg { statistics: vec![Vec::new(); points.len()], points }
    }

    #[test]
    fn coefficients_are_those_of_the_curve() {
        // The Bézier curve of 0, 1, 0, 2 is 3t(1-t)² + 2t³ = 3t - 6t² + 5t³; around ½ it is
        // ⅝ + ¾s + 1.5s² + 5s³.
        let local = Local::new(&leg(&[0., 1., 0., 2.]), 0.25, 0.75);
        for (k, (term, right)) in local.terms.iter().zip([0.625, 0.75, 1.5, 5.]).enumerate() {
            assert!(
                term[0].lo <= right && right <= term[0].hi && term[0].hi - term[0].lo < 1e-13,
                "{term:?}"
            );
            assert!((local.parameters.near[k][0] - right).abs() < 1e-13);
        }
        assert_eq!(local.delta(), 0.25);
        let size = local.parameters.size[0];
        assert!((0.625 + 0.25 * 0.75..=2.).contains(&size), "{size}");
        let form = local.parameters.form(0, &local.powers);
        for i in -25..=25 {
            let s = f64::from(i) / 100.;
            let exact = 0.625 + s * (0.75 + s * (1.5 + 5. * s));
            assert!((exact - form.c - form.l * s).abs() <= form.r, "{form:?} {s}");
        }
    }

    #[test]
    fn a_parameter_that_stays_has_no_slope() {
        let local = Local::new(&leg(&[0.1, 0.1]), 0., 1.);
        assert_eq!(local.terms[1][0], Interval::ZERO);
        assert!(local.terms[0][0].hi - local.terms[0][0].lo < 1e-16);
    }
}
