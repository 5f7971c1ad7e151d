//! Symmetric matrices of intervals.

use crate::interval::{Interval, largest, product_up, sum_up};

/// A symmetric matrix of intervals, as numbers near the entries and what these are off.
pub(crate) struct Matrix {
    size: usize,
    near: Vec<f64>,
    off: Vec<f64>,
}

/// A sum of products, and an upper bound of what rounding took from it.
fn dot(x: &[f64], y: &[f64]) -> (f64, f64) {
    let (mut sum, mut sizes) = (0_f64, 0_f64);
    for (x, y) in x.iter().zip(y) {
        let product = x * y;
        sum += product;
        sizes += product.abs() + sum.abs();
    }
    // u times the sizes, whose sum is rounded itself, hence 2u; and what underflows.
    (sum, sum_up(product_up(f64::EPSILON, sizes), f64::MIN_POSITIVE))
}

impl Matrix {
    /// The matrix with the entries `of(i, j)` for j ≤ i.
    pub(crate) fn new(size: usize, of: impl Fn(usize, usize) -> Interval) -> Self {
        let entries = (0..size * size).map(|at| {
            let (i, j) = (at / size, at % size);
            of(i.max(j), i.min(j)).center()
        });
        let (near, off) = entries.unzip();
        Self { size, near, off }
    }

    fn row<'a>(&self, of: &'a [f64], i: usize) -> &'a [f64] {
        &of[i * self.size..][..self.size]
    }

    /// Upper bounds of the row sums of |I − RA| for every matrix A inside.
    pub(crate) fn contraction(&self, r: &[Vec<f64>]) -> Vec<f64> {
        let row = |(i, r): (usize, &Vec<f64>)| {
            let sizes: Vec<f64> = r.iter().map(|x| x.abs()).collect();
            let entry = |j: usize| {
                // A is symmetric: its column j is its row j.
                let (product, lost) = dot(r, self.row(&self.near, j));
                let (spread, more) = dot(&sizes, self.row(&self.off, j));
                let one = Interval::point(if i == j { 1. } else { 0. });
                let rest = (one - Interval::point(product)).size();
                sum_up(sum_up(rest, lost), sum_up(spread, more))
            };
            (0..self.size).map(entry).fold(0., sum_up)
        };
        r.iter().enumerate().map(row).collect()
    }

    /// A lower bound of the eigenvalues of every symmetric matrix A inside: with any L,
    /// $\lambda_{\min}(A)\ge s-\|A-sI-LL^\top\|_\infty$.
    pub(crate) fn least_eigenvalue(&self, shift: f64) -> f64 {
        let Some(l) = self.factor(shift) else { return f64::NEG_INFINITY };
        let entry = |i: usize, j: usize| {
            let least = i.min(j) + 1;
            let (product, lost) = dot(&self.row(&l, i)[..least], &self.row(&l, j)[..least]);
            let own = Interval::point(self.near[i * self.size + j]);
            let own = if i == j { own - Interval::point(shift) } else { own };
            let rest = (own - Interval::point(product)).size();
            sum_up(sum_up(rest, lost), self.off[i * self.size + j])
        };
        let row = |i: usize| (0..self.size).map(|j| entry(i, j)).fold(0., sum_up);
        let away = (0..self.size).map(row).fold(0., largest);
        -sum_up(-shift, away)
    }

    /// A factor L with LLᵀ near A − sI, in plain floating-point numbers: nothing rests on it.
    fn factor(&self, shift: f64) -> Option<Vec<f64>> {
        let n = self.size;
        let mut l = vec![0.; n * n];
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
                let rest = self.near[i * n + j] - sum - if i == j { shift } else { 0. };
                l[i * n + j] = if i == j { rest.sqrt() } else { rest / l[j * n + j] };
            }
            if !(l[i * n + i] > 0.) {
                return None;
            }
        }
        Some(l)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The matrix 2 on the diagonal and −1 beside it has the eigenvalues 2 − 2cos(kπ/(n + 1)).
    fn second_difference(n: usize, off: f64) -> Matrix {
        Matrix::new(n, |i, j| {
            Interval::point(if i == j {
                2.
            } else if i == j + 1 {
                -1.
            } else {
                0.
            })
            .widened(off)
        })
    }

    #[test]
    fn eigenvalues_are_bounded_by_their_closed_form() {
        let n = 12;
        let least = 2. - 2. * (std::f64::consts::PI / 13.).cos();
        let exact = second_difference(n, 0.);
        let found = exact.least_eigenvalue(least - 1e-9);
        assert!(found < least && found > least - 2e-9, "{found} {least}");
        assert_eq!(exact.least_eigenvalue(least + 1e-9), f64::NEG_INFINITY);
        let wide = second_difference(n, 1e-4).least_eigenvalue(least - 1e-9);
        assert!((wide - least + 12e-4).abs() < 1e-8, "{wide}");
    }

    #[test]
    fn row_sums_are_those_of_the_product() {
        let half: Vec<Vec<f64>> =
            (0..4).map(|i| (0..4).map(|j| f64::from(u8::from(i == j)) / 2.).collect()).collect();
        // I − A/2 has ½ beside its diagonal.
        let found = second_difference(4, 0.).contraction(&half);
        for (found, right) in found.iter().zip([0.5, 1., 1., 0.5]) {
            assert!(*found >= right && *found < right + 1e-14, "{found}");
        }
        let wide = second_difference(4, 0.125).contraction(&half);
        assert!(wide[1] >= 1.25 && wide[1] < 1.25 + 1e-14, "{wide:?}");
    }
}
