//! The risk of planted teachers (Safran & Shamir 2018) with two derivatives over a box, by closed formulas.
//!
//! With the angle φ between w and v, $2\pi f=\|w\|\|v\|(\sin\varphi+(\pi-\varphi)\cos\varphi)$ is the mean of ρ(w·x)ρ(v·x)
//! over standard normal x, and F is a sum of f over pairs.

use super::{Curved, Enclosed, matrix::Matrix};
use crate::{Result, interval::Interval};

/// k orthonormal teachers in as many inputs, and n neurons.
pub(super) struct Teachers {
    pub(super) k: usize,
    pub(super) n: usize,
}

/// Two vectors and their angle.
struct Pair {
    /// The unit vectors along w and v.
    unit: Vec<Interval>,
    other: Vec<Interval>,
    /// ‖w‖ and ‖v‖.
    lengths: [Interval; 2],
    /// The unit vectors along the sum and the difference of the unit vectors.
    sum: Vec<Interval>,
    difference: Vec<Interval>,
    /// π − φ, sin φ and cos φ.
    rest: Interval,
    sine: Interval,
    cosine: Interval,
}

fn length(x: &[Interval]) -> Interval {
    x.iter().fold(Interval::ZERO, |sum, x| sum + x.square()).sqrt()
}

fn divided(x: &[Interval], by: Interval) -> Vec<Interval> {
    let inverse = Interval::point(1.).over(by);
    x.iter().map(|&x| x * inverse).collect()
}

impl Pair {
    fn new(w: &[Interval], v: &[Interval]) -> Self {
        let lengths = [length(w), length(v)];
        let (unit, other) = (divided(w, lengths[0]), divided(v, lengths[1]));
        let both = |f: fn(Interval, Interval) -> Interval| -> Vec<Interval> {
            unit.iter().zip(&other).map(|(&x, &y)| f(x, y)).collect()
        };
        let (sum, difference) = (both(|x, y| x + y), both(|x, y| x - y));
        // They are 2cos(φ/2) and 2sin(φ/2) long.
        let (plus, minus) = (length(&sum), length(&difference));
        Self {
            rest: Interval::pi() - minus.angle(plus) * 2.,
            sine: minus * plus * 0.5,
            cosine: (plus.square() - minus.square()) * 0.25,
            sum: divided(&sum, plus),
            difference: divided(&difference, minus),
            unit,
            other,
            lengths,
        }
    }

    /// 2πf.
    fn value(&self) -> Interval {
        self.lengths[0] * self.lengths[1] * (self.sine + self.rest * self.cosine)
    }

    /// Entry a of 2π ∂f/∂w.
    fn slope(&self, a: usize) -> Interval {
        self.lengths[1] * (self.sine * self.unit[a] + self.rest * self.other[a])
    }

    /// The ratio sin φ ‖v‖ / ‖w‖.
    fn ratio(&self) -> Interval {
        self.sine * self.lengths[1].over(self.lengths[0])
    }

    /// The matrix 2π ∂²f/∂w² = ratio (I − ŵŵᵀ + n̂n̂ᵀ), n̂ along v̂ − cos φ ŵ, which is sin φ long.
    fn own_curve(&self) -> impl Fn(usize, usize) -> Interval {
        let normal: Vec<Interval> = {
            let apart: Vec<Interval> =
                self.other.iter().zip(&self.unit).map(|(&y, &x)| y - self.cosine * x).collect();
            divided(&apart, self.sine)
        };
        let (ratio, unit) = (self.ratio(), &self.unit);
        move |a, d| {
            let one = Interval::point(if a == d { 1. } else { 0. });
            ratio * (one - unit[a] * unit[d] + normal[a] * normal[d])
        }
    }

    /// Entry (a, d) of 2π ∂²f/∂w∂v = (π − φ)I + sin φ (b̂b̂ᵀ − ĉĉᵀ), b̂ and ĉ along ŵ ± v̂.
    fn mixed_curve(&self, a: usize, d: usize) -> Interval {
        let bend = self.sum[a] * self.sum[d] - self.difference[a] * self.difference[d];
        let rest = if a == d { self.rest } else { Interval::ZERO };
        rest + self.sine * bend
    }
}

impl Teachers {
    fn teacher(&self, j: usize) -> Vec<Interval> {
        (0..self.k).map(|a| Interval::point(if a == j { 1. } else { 0. })).collect()
    }

    /// The neurons, and the pairs of each neuron with all teachers and with the other neurons.
    fn pairs(&self, w: &[Interval]) -> Vec<(Vec<Pair>, Vec<Option<Pair>>)> {
        let row = |i: usize| &w[i * self.k..][..self.k];
        let of = |i: usize| {
            let teachers = (0..self.k).map(|j| Pair::new(row(i), &self.teacher(j))).collect();
            let others = (0..self.n).map(|j| (j != i).then(|| Pair::new(row(i), row(j)))).collect();
            (teachers, others)
        };
        (0..self.n).map(of).collect()
    }
}

/// 1/2π.
fn scale() -> Interval {
    Interval::point(0.5).over(Interval::pi())
}

impl Curved for Teachers {
    /// F = ¼Σ‖w_i‖² + ½Σ_{i≠j} f(w_i, w_j) − Σ f(w_i, v_j) + k/4 + k(k − 1)/4π, since f(w, w) = ½‖w‖² and
    /// f(v_i, v_j) = 1/2π.
    fn enclose(&self, w: &[Interval]) -> Result<Enclosed> {
        let (k, scale, pairs) = (self.k, scale(), self.pairs(w));
        let mut value =
            Interval::point(0.25 * k as f64) + scale * Interval::point(0.5 * (k * (k - 1)) as f64);
        let mut slope: Vec<Interval> = w.iter().map(|&x| x * 0.5).collect();
        let mut curve = vec![Interval::ZERO; w.len() * w.len()];
        let size = w.len();
        for (i, (teachers, others)) in pairs.iter().enumerate() {
            value = value + w[i * k..][..k].iter().fold(Interval::ZERO, |sum, x| sum + x.square()) * 0.25;
            let signed = teachers.iter().map(|pair| (pair, -1., -1.));
            for (pair, sign, weight) in signed.chain(others.iter().flatten().map(|pair| (pair, 1., 0.5))) {
                value = value + pair.value() * scale * weight;
                let own = pair.own_curve();
                for a in 0..k {
                    slope[i * k + a] = slope[i * k + a] + pair.slope(a) * scale * sign;
                    for d in 0..k {
                        let entry = &mut curve[(i * k + a) * size + i * k + d];
                        *entry = *entry + own(a, d) * scale * sign;
                    }
                }
            }
            for (j, pair) in others.iter().enumerate().filter_map(|(j, pair)| Some((j, pair.as_ref()?))) {
                for (a, d) in (0..k).flat_map(|a| (0..k).map(move |d| (a, d))) {
                    curve[(i * k + a) * size + j * k + d] = pair.mixed_curve(a, d) * scale;
                }
            }
            for a in i * k..(i + 1) * k {
                curve[a * size + a] = curve[a * size + a] + Interval::point(0.5);
            }
        }
        let curve = Matrix::new(size, |i, j| curve[i * size + j]);
        Ok(Enclosed { value, slope, curve })
    }

    /// The block of the directions orthogonal to all teachers and neurons, `[n, n]`, of which the Hessian for d > k inputs
    /// has d − k besides that for d = k.
    fn outside(&self, w: &[Interval]) -> Option<Matrix> {
        let (scale, pairs) = (scale(), self.pairs(w));
        let own = |i: usize| {
            let (teachers, others) = &pairs[i];
            let sum = teachers.iter().fold(Interval::pi(), |sum, pair| sum - pair.ratio());
            others.iter().flatten().fold(sum, |sum, pair| sum + pair.ratio())
        };
        Some(Matrix::new(self.n, |i, j| match &pairs[i].1[j] {
            None => own(i) * scale,
            Some(pair) => pair.rest * scale,
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use collado_risk::Planted;

    use super::*;

    /// Values, slopes and curvatures hold those of floating-point formulas elsewhere, at a point.
    #[test]
    fn enclosures_hold_the_risk_and_its_derivatives() {
        let (k, n) = (3, 4);
        let (teachers, planted) = (Teachers { k, n }, Planted::new(k, n).unwrap());
        let w: Vec<f64> =
            (0..n * k).map(|i| (1.3 * i as f64).sin() + if i % 4 == 0 { 1. } else { 0. }).collect();
        let mut slopes = vec![0.; w.len()];
        let value = planted.value(&w, &mut slopes).unwrap();
        let hessian = planted.hessian(&w).unwrap();
        let cube: Vec<Interval> = w.iter().map(|&x| Interval::point(x)).collect();
        let found = teachers.enclose(&cube).unwrap();
        assert!(found.value.lo <= value + 1e-14 && value - 1e-14 <= found.value.hi);
        assert!(found.value.hi - found.value.lo < 1e-12);
        for (found, right) in found.slope.iter().zip(&slopes) {
            assert!(found.lo <= right + 1e-14 && right - 1e-14 <= found.hi && found.hi - found.lo < 1e-12);
        }
        // R = I: row sums of |I − H|.
        let one: Vec<Vec<f64>> =
            (0..w.len()).map(|i| (0..w.len()).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        for (i, sum) in found.curve.contraction(&one).into_iter().enumerate() {
            let right: f64 = (0..w.len()).map(|j| (one[i][j] - hessian[i * w.len() + j]).abs()).sum();
            assert!((sum - right).abs() < 1e-12, "{i} {sum} {right}");
        }
    }
}
