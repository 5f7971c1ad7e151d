//! Bounds of summed losses on a cell of a leg, and how they pass to its halves.

use crate::{
    penalty,
    rounding::{U, gamma},
};

/// Bounds of the summed losses of some examples on a cell, which hold on every part of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    /// The Bernstein coefficients of a parabola that is nowhere below the sum.
    upper: [f64; 3],
    /// The values at the ends and in the middle of a polygon that is nowhere above the sum.
    lower: [f64; 3],
    /// A bound of the sizes that `lower` was computed from.
    weight: f64,
    /// What the sum is about, at the ends and in the middle.
    pub(crate) estimate: [f64; 3],
    /// The number of examples that may be misclassified somewhere on the cell.
    wrong: usize,
    /// How often the cell was halved since the bounds were computed.
    pub(crate) age: u32,
}

/// The bounds of one loss: the Bernstein coefficients of a parabola that is nowhere below, the value at 0 of a convex
/// function that is nowhere above, and estimates at −δ, 0 and δ.
pub(crate) struct Loss {
    pub(crate) upper: [f64; 3],
    pub(crate) middle: f64,
    pub(crate) estimate: [f64; 3],
    pub(crate) wrong: bool,
}

impl Sums {
    /// The sum of at most 64 losses.
    pub(crate) fn new(losses: impl Iterator<Item = Loss>, delta: f64) -> Self {
        let (mut sums, mut middle) = (Self::default(), 0.);
        for loss in losses {
            middle += loss.middle;
            sums.upper.iter_mut().zip(loss.upper).for_each(|(x, y)| *x += y);
            sums.estimate.iter_mut().zip(loss.estimate).for_each(|(x, y)| *x += y);
            sums.wrong += usize::from(loss.wrong);
        }
        let [a, _, b] = sums.upper;
        // The lower losses are convex in s and below the upper ones: h(s) ≥ h(0) + (h(0) - h(∓δ))|s|/δ.
        let end = |other: f64| if delta > 0. { 2. * middle - other } else { middle };
        sums.lower = [end(b), middle, end(a)];
        sums.weight = if delta > 0. { 2. * middle + a + b } else { middle };
        sums
    }

    /// Nothing is known.
    pub(crate) fn unknown() -> Self {
        Self { upper: [f64::INFINITY; 3], lower: [0.; 3], age: 1, ..Self::default() }
    }

    /// The bounds for the examples of both.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.upper.iter_mut().zip(other.upper).for_each(|(x, y)| *x += y);
        self.lower.iter_mut().zip(other.lower).for_each(|(x, y)| *x += y);
        self.estimate.iter_mut().zip(other.estimate).for_each(|(x, y)| *x += y);
        self.weight += other.weight;
        self.wrong += other.wrong;
        self.age = self.age.max(other.age);
        self
    }

    /// The bounds on the two halves of the cell.
    pub(crate) fn halves(&self) -> [Self; 2] {
        let mean = |x: f64, y: f64| 0.5 * x + 0.5 * y;
        let ([a, b, c], [e, f, g]) = (self.upper, self.estimate);
        // De Casteljau's triangle.
        let up = |x: f64, y: f64| mean(x, y) * (1. + 4. * U);
        let (low, high) = (up(a, b), up(b, c));
        let top = up(low, high);
        let down = |x: f64, y: f64| mean(x, y) - 4. * U * self.weight;
        let [l, m, n] = self.lower;
        let half = |upper, lower, estimate| Self { upper, lower, estimate, age: self.age + 1, ..*self };
        [
            half([a, low, top], [l, down(l, m), m], [e, mean(e, f), f]),
            half([top, high, c], [m, down(m, n), n], [f, mean(f, g), g]),
        ]
    }

    /// The highest value of the parabola.
    pub(crate) fn highest(&self) -> f64 {
        highest(self.upper)
    }

    /// How far the parabola is above the estimate, on average.
    pub(crate) fn excess(&self) -> f64 {
        let ([a, b, c], [e, f, g]) = (self.upper, self.estimate);
        // The mean of a parabola is that of its coefficients; the estimate's is taken by Simpson's rule.
        let excess = (a + b + c) / 3. - (e + 4. * f + g) / 6.;
        if excess.is_nan() { f64::INFINITY } else { excess.max(0.) }
    }

    /// The same, as if computed on this cell: nothing better was found on it.
    pub(crate) fn renewed(&self) -> Self {
        Self { age: 0, ..*self }
    }

    /// Whether the parabola is lower than another one, on average, or the other one overflowed.
    pub(crate) fn is_below(&self, other: &Self) -> bool {
        let sum = |sums: &Self| sums.upper.iter().sum::<f64>();
        let (own, other) = (sum(self), sum(other));
        own <= other || other.is_nan()
    }
}

/// The highest value of a parabola with these Bernstein coefficients, in its interval.
fn highest([a, b, c]: [f64; 3]) -> f64 {
    let end = if a > c || a.is_nan() { a } else { c };
    let (left, right) = (b - a, b - c);
    if left > 0. && right > 0. {
        // The vertex lies inside; where something overflows the coefficient bounds it.
        let drop = left / (left + right) * right;
        let drop = if drop.is_finite() { drop } else { 0. };
        (b - drop * (1. - 8. * U)).max(end) * (1. + 8. * U)
    } else if b.is_nan() {
        b
    } else {
        end
    }
}

/// Proved bounds of F on a cell or at a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) lower: f64,
    /// The upper bound, +∞ when it overflows.
    pub(crate) upper: f64,
    /// What F is about, at the ends and in the middle.
    pub(crate) estimate: [f64; 3],
    /// The higher end of the part that is the regulariser's.
    pub(crate) penalty: f64,
    /// The number of examples that may be misclassified somewhere on the cell.
    pub(crate) wrong: usize,
}

impl Bound {
    /// The bound for the mean over `examples` examples, which are those of the `groups`, summed in `tiles` tiles.
    pub(crate) fn new(groups: &[Sums], (examples, tiles): (usize, usize), penalty: &penalty::Range) -> Self {
        let sum = groups.iter().fold(Sums::default(), |sum, group| sum.plus(group));
        let n = examples as f64;
        let error = gamma(tiles + 128);
        // The penalty is convex, and its ends begin with s = δ.
        let [b, a] = penalty.ends;
        let penalties = [a, 0.5 * (a + b), b];
        let with = |i: usize| ((sum.upper[i] / n) * (1. + error) + penalties[i]) * (1. + 8. * U);
        let upper = highest([with(0), with(1), with(2)]);
        let top = penalty.ends[0].max(penalty.ends[1]);
        if !upper.is_finite() {
            let estimate = [f64::NAN; 3];
            return Self { lower: 0., upper: f64::INFINITY, estimate, penalty: top, wrong: examples };
        }
        let least = sum.lower.into_iter().fold(f64::INFINITY, f64::min) - (error + 8. * U) * sum.weight;
        let lower = ((least / n).max(0.) + penalty.lower) * (1. - 8. * U);
        let estimate = std::array::from_fn(|i| sum.estimate[i] / n + penalties[i]);
        Self { lower: lower.max(0.), upper, estimate, penalty: top, wrong: sum.wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bounds of the loss (s + 2)² + 1 on |s| ≤ 1, and what the halves of the cell make of them.
    #[test]
    fn halves_hold_what_the_whole_does() {
        let f = |s: f64| (s + 2.) * (s + 2.) + 1.;
        let loss = Loss {
            upper: [f(-1.), f(0.), f(1.)],
            middle: f(0.),
            estimate: [f(-1.), f(0.), f(1.)],
            wrong: true,
        };
        let mut cells = vec![((-1., 1.), Sums::new(std::iter::once(loss), 1.))];
        for age in 0..5 {
            for ((a, b), sums) in &cells {
                assert_eq!((sums.age, sums.wrong), (age, 1));
                for i in 0..=10 {
                    let share = f64::from(i) / 10.;
                    let s = a + share * (b - a);
                    let [x, y, z] = sums.upper;
                    let (one, rest) = (share, 1. - share);
                    let above = rest * rest * x + 2. * one * rest * y + one * one * z;
                    let top = sums.highest();
                    let [l, m, n] = sums.lower;
                    let twice = 2. * share;
                    let below = if share < 0.5 { l + twice * (m - l) } else { m + (twice - 1.) * (n - m) };
                    assert!(f(s) <= above + 1e-12 && f(s) >= below - 1e-12, "{s}: {below} {above}");
                    assert!(above <= top * (1. + 1e-15), "{above} {top}");
                }
            }
            let halves = cells.iter().flat_map(|((a, b), sums)| {
                let middle = 0.5 * (a + b);
                [(*a, middle), (middle, *b)].into_iter().zip(sums.halves())
            });
            cells = halves.collect();
        }
    }

    #[test]
    fn the_vertex_of_a_parabola_counts() {
        // 4s(1 - s) has the coefficients 0, 2, 0.
        assert!((highest([0., 2., 0.]) - 1.).abs() < 1e-14);
        assert_eq!((highest([1., 1., 0.]), highest([0., -3., 0.5])), (1., 0.5));
        assert!(highest([0., f64::NAN, 0.]).is_nan() && highest([f64::NAN, 1., 0.]).is_nan());
        assert_eq!(highest([0., f64::INFINITY, 0.]), f64::INFINITY);
    }
}
