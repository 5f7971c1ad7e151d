//! Forms of eight examples at once, so that sums of products go through vectors of numbers.
//!
//! A sum is rounded to nearest, operation by operation, and each operation adds the size of its result to a second sum:
//! what all roundings lose together is at most $u$ times that.

use crate::{
    form::Form,
    interval::{product_up, sum_up},
    leg::Powers,
};

/// Number of examples in a block.
pub(crate) const LANES: usize = 8;

/// A number of each example of a block.
pub(crate) type Lanes = [f64; LANES];

/// Covers what fewer than $2^{50}$ operations lose by underflow, at most $2^{-1075}$ each.
pub(crate) const TINY: f64 = f64::MIN_POSITIVE;

/// The forms of many numbers, for the examples of a block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forms {
    pub(crate) c: Vec<Lanes>,
    pub(crate) l: Vec<Lanes>,
    pub(crate) r: Vec<Lanes>,
}

impl Forms {
    /// Numbers that are the same everywhere on the piece.
    pub(crate) fn constant(c: Vec<Lanes>) -> Self {
        let zeros = vec![[0.; LANES]; c.len()];
        Self { l: zeros.clone(), r: zeros, c }
    }

    /// `count` zeros.
    pub(crate) fn zeros(count: usize) -> Self {
        Self::constant(vec![[0.; LANES]; count])
    }

    pub(crate) fn len(&self) -> usize {
        self.c.len()
    }

    /// The form of number i for one example.
    pub(crate) fn get(&self, i: usize, lane: usize) -> Form {
        Form { c: self.c[i][lane], l: self.l[i][lane], r: self.r[i][lane] }
    }

    /// `count` numbers, of which that at i is `f(i, lane)` for each example.
    pub(crate) fn from_fn(count: usize, f: impl Fn(usize, usize) -> Form) -> Self {
        let mut out = Self::zeros(count);
        for i in 0..count {
            for lane in 0..LANES {
                let Form { c, l, r } = f(i, lane);
                (out.c[i][lane], out.l[i][lane], out.r[i][lane]) = (c, l, r);
            }
        }
        out
    }

    /// Each form replaced by `f(i, lane, form)`.
    pub(crate) fn map(&self, f: impl Fn(usize, usize, Form) -> Form) -> Self {
        Self::from_fn(self.len(), |i, lane| f(i, lane, self.get(i, lane)))
    }

    /// Numbers `from..to` of all.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        Self { c: self.c[from..to].to_vec(), l: self.l[from..to].to_vec(), r: self.r[from..to].to_vec() }
    }

    /// Puts other numbers behind these.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.c.append(&mut other.c);
        self.l.append(&mut other.l);
        self.r.append(&mut other.r);
    }
}

/// A sum for each example of a block, and the sizes of all results that were rounded on the way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounded {
    pub(crate) sum: Lanes,
    sizes: Lanes,
}

impl Rounded {
    /// A number that is exact.
    pub(crate) fn exact(x: f64) -> Self {
        Self { sum: [x; LANES], sizes: [0.; LANES] }
    }

    /// Adds the products of the weights and numbers at `places`.
    #[inline(always)]
    pub(crate) fn add_products(&mut self, weights: &[f64], x: &[Lanes], places: &[(usize, usize)]) {
        let Self { mut sum, mut sizes } = *self;
        for &(w, i) in places {
            let (weight, x) = (weights[w], &x[i]);
            for lane in 0..LANES {
                let product = weight * x[lane];
                sum[lane] += product;
                sizes[lane] += product.abs() + sum[lane].abs();
            }
        }
        *self = Self { sum, sizes };
    }

    /// Adds `weight` times the numbers `x`.
    #[inline(always)]
    pub(crate) fn add_scaled(&mut self, weight: f64, x: &Lanes) {
        self.add_products(&[weight], &[*x], &[(0, 0)]);
    }

    /// An upper bound of what rounding took from a sum, but for underflow. The sum of sizes is rounded itself, hence 2u.
    pub(crate) fn error(&self, lane: usize) -> f64 {
        f64::EPSILON * self.sizes[lane]
    }
}

/// The forms of the polynomials $\sum_kp_ks^k$, plus or minus a radius that is a sum of `terms` products rounded to
/// nearest: every power above the first is replaced by a line, within a known distance.
#[inline(always)]
pub(crate) fn collapsed(
    sums: &[Rounded],
    radius: Lanes,
    terms: usize,
    powers: &Powers,
) -> (Lanes, Lanes, Lanes) {
    let mut line = [sums[0], sums.get(1).copied().unwrap_or(Rounded::exact(0.))];
    let mut r = radius;
    for (k, p) in sums.iter().enumerate().skip(2) {
        let (share, distance) = powers.lines[k];
        line[k % 2].add_scaled(share, &p.sum);
        for (lane, r) in r.iter_mut().enumerate() {
            *r += distance * p.sum[lane].abs() + powers.up[k] * p.error(lane);
        }
    }
    // The radius was rounded to nearest, too: fewer than `terms` operations, and some more here.
    let slack = 1. + (4 * terms + 8 * sums.len() + 32) as f64 * f64::EPSILON;
    for (lane, r) in r.iter_mut().enumerate() {
        *r += line[0].error(lane) + powers.delta() * line[1].error(lane);
        *r = sum_up(product_up(*r, slack), TINY);
    }
    (line[0].sum, line[1].sum, r)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of products of integers of 53 bits that cancel, against exact ones.
    #[test]
    fn sums_are_off_by_no_more_than_they_say() {
        let mut state = 7_u64;
        let mut next = |bits: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as i64 >> (53 - bits)
        };
        let mut off = 0;
        for case in 0..2000 {
            let n = 2 + case % 9;
            let (mut weights, mut x): (Vec<i64>, Vec<i64>) =
                (0..n).map(|_| (next(53), next(40 + case as u32 % 13))).unzip();
            // Half of the terms come back with the other sign, and one of them is left over.
            weights.extend(weights.clone().iter().map(|w| -w));
            x.extend(x.clone());
            weights.push(next(20));
            x.push(next(20));
            let exact: i128 = weights.iter().zip(&x).map(|(&w, &x)| i128::from(w) * i128::from(x)).sum();
            let places: Vec<(usize, usize)> = (0..x.len()).map(|i| (i, i)).collect();
            let lanes: Vec<Lanes> = x.iter().map(|&x| [x as f64; LANES]).collect();
            let floats: Vec<f64> = weights.iter().map(|&w| w as f64).collect();
            let mut sum = Rounded::exact(0.);
            sum.add_products(&floats, &lanes, &places);
            let error = (sum.sum[3] as i128 - exact).unsigned_abs() as f64;
            assert!(error <= sum.error(3), "{error} {}", sum.error(3));
            off += usize::from(error > 0.);
        }
        assert!(off > 1000, "{off}");
    }

    #[test]
    fn powers_become_lines() {
        let powers = Powers::new(0.3, 6);
        for k in 2..7 {
            let mut sums = vec![Rounded::exact(0.); k + 1];
            sums[k] = Rounded::exact(-1.5);
            let (c, l, r) = collapsed(&sums, [0.; LANES], 1, &powers);
            let mut worst = 0_f64;
            for i in -300..=300 {
                let s = f64::from(i) / 1000.;
                let off = (-1.5 * s.powi(k as i32) - c[0] - l[0] * s).abs();
                assert!(off <= r[0] + 1e-16, "{k} {s}");
                worst = worst.max(off);
            }
            assert!(r[0] <= worst * if k % 2 == 0 || k == 3 { 1.001 } else { 2. }, "{k}");
        }
    }
}
