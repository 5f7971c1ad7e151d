//! Taylor expansion of a leg around the centre of a piece.

use crate::rounding::U;

/// A leg of degree d around the centre of a piece: $\theta(\tau_c+s)=\sum_{k=0}^ds^k\sum_jc_{kj}V_j$.
#[derive(Debug, Clone)]
pub(crate) struct Taylor {
    /// The coefficients $c_{kj}$, in one row for each power k.
    pub(crate) rows: Vec<Vec<f64>>,
    /// The half-width δ of the piece, $|s|\le\delta$.
    pub(crate) delta: f64,
    /// An upper bound of $\sum_k\delta^k\sum_j|c_{kj}|$, the factor by which combinations may exceed their vertices.
    pub(crate) growth: f64,
    /// The order of models: 2, or 1 where an independent check is to confirm each step.
    pub(crate) order: usize,
    /// Whether what moves on the piece may be computed in single precision.
    pub(crate) single: bool,
}

impl Taylor {
    /// The expansion on the piece `[a, b]` of \[0, 1\], for a leg of the given degree.
    pub(crate) fn new(degree: usize, a: f64, b: f64) -> Self {
        let center = a + (b - a) / 2.;
        // The differences are off by a relative u at most.
        let delta = (b - center).max(center - a) * (1. + 4. * U);
        let rows = (0..=degree).map(|k| derivative(degree, k, center)).collect();
        // Σ_j|c_kj| ≤ binom(d, k) 2^k, as a derivative is a difference of Bernstein weights of lower degree.
        let growth = (1. + 2. * delta).powi(degree as i32) * (1. + 8. * (degree + 1) as f64 * U);
        Self { rows, delta, growth, order: 2, single: false }
    }

    /// The expansion at the single point `at`.
    pub(crate) fn point(degree: usize, at: f64) -> Self {
        let growth = 1. + 8. * (degree + 1) as f64 * U;
        Self { rows: vec![derivative(degree, 0, at)], delta: 0., growth, order: 2, single: false }
    }

    /// The same for models of this order.
    pub(crate) fn of_order(self, order: usize) -> Self {
        Self { order, ..self }
    }

    /// The same, with single precision for what moves on the piece if `single`.
    pub(crate) fn in_single(self, single: bool) -> Self {
        Self { single, ..self }
    }

    /// The numbers of a model besides its radius.
    pub(crate) fn channels(&self) -> usize {
        if self.rows.len() > 1 { self.order + 1 } else { 1 }
    }

    /// The degree d.
    pub(crate) fn degree(&self) -> usize {
        self.rows[0].len() - 1
    }

    /// The relative error of combined parameters: a bound of $\sum_k\delta^k\sum_j|\Delta c_{kj}|$ divided by
    /// [`growth`](Self::growth), including the rounding of the combination. It is 0 at a vertex, which is copied.
    pub(crate) fn error(&self) -> f64 {
        let vertex = self.rows.len() == 1 && self.rows[0].iter().all(|&c| c == 0. || c == 1.);
        if vertex { 0. } else { (16 * self.degree() + 32) as f64 * U }
    }

    /// The power $\delta^k$.
    pub(crate) fn power(&self, k: usize) -> f64 {
        self.delta.powi(k as i32)
    }

    /// The parabola that stands for $s^k$, k ≥ 3, on $|s|\le\delta$.
    ///
    /// $s^3$ is nearest to $\frac34\delta^2s$ and $s^4$ to $\delta^2s^2-\frac18\delta^4$ (Chebyshev). Higher powers are taken
    /// for the middle of their range: $\frac12\delta^k$ for even k, $\frac12\delta^{k-1}s$ for odd ones.
    pub(crate) fn split(&self, k: usize) -> Split {
        split(self.delta, k)
    }

    /// The line that stands for $s^k$, k ≥ 2: even powers fill $\lbrack0,\delta^k\rbrack$.
    pub(crate) fn split_line(&self, k: usize) -> Split {
        match k {
            2 | 4 => {
                let half = 0.5 * self.power(k);
                Split { c: half, l: 0., q: 0., r: half }
            }
            _ => self.split(k),
        }
    }

    /// Writes $\sum_jc_{kj}v_j$ to `out`.
    ///
    /// A weight 0 leaves `out` alone and a weight 1 is exact: at a vertex the result is that vertex.
    pub(crate) fn combine<'a>(&self, k: usize, vertices: impl Iterator<Item = &'a [f64]>, out: &mut [f64]) {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || self.combine_row(k, vertices, out),
        );
    }

    /// The same within a loop that has been compiled for the processor.
    #[inline(always)]
    pub(crate) fn combine_row<'a>(
        &self,
        k: usize,
        vertices: impl Iterator<Item = &'a [f64]>,
        out: &mut [f64],
    ) {
        out.fill(0.);
        for (vertex, &c) in vertices.zip(&self.rows[k]) {
            if c != 0. {
                out.iter_mut().zip(vertex).for_each(|(y, &x)| *y += c * x);
            }
        }
    }
}

/// A parabola near a higher power: $s^k$ is within `r` of $c+ls+qs^2$.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Split {
    pub(crate) c: f64,
    pub(crate) l: f64,
    pub(crate) q: f64,
    pub(crate) r: f64,
}

/// The parabola that stands for $s^k$, k ≥ 3, on $|s|\le\delta$ ([`Taylor::split`]).
#[inline(always)]
pub(crate) fn split(delta: f64, k: usize) -> Split {
    let none = Split { c: 0., l: 0., q: 0., r: 0. };
    let square = delta * delta;
    match k {
        3 => Split { l: 0.75 * square, r: 0.25 * square * delta, ..none },
        4 => Split { c: -0.125 * square * square, q: square, r: 0.125 * square * square, ..none },
        _ => {
            let half = 0.5 * delta.powi(k as i32);
            if k.is_multiple_of(2) {
                Split { c: half, r: half, ..none }
            } else {
                Split { l: 0.5 * delta.powi(k as i32 - 1), r: half, ..none }
            }
        }
    }
}

/// The coefficients of $s^k$ in the Bernstein weights of degree d around `t`:
/// $\binom dk\sum_i(-1)^{k-i}\binom kiB^{d-k}_{j-i}(t)$.
fn derivative(d: usize, k: usize, t: f64) -> Vec<f64> {
    let lower = bernstein(d - k, t);
    let mut row = vec![0.; d + 1];
    for i in 0..=k {
        let sign = if (k - i).is_multiple_of(2) { 1. } else { -1. };
        let factor = sign * binomial(d, k) * binomial(k, i);
        for (c, b) in row[i..].iter_mut().zip(&lower) {
            *c += factor * b;
        }
    }
    row
}

/// Bernstein weights by de Casteljau's triangle. All terms are ≥ 0, so their relative error is at most 4d u.
fn bernstein(d: usize, t: f64) -> Vec<f64> {
    let mut row = vec![0.; d + 1];
    row[0] = 1.;
    for degree in 1..=d {
        for j in (0..=degree).rev() {
            let below = if j > 0 { row[j - 1] } else { 0. };
            row[j] = (1. - t) * row[j] + t * below;
        }
    }
    row
}

/// The binomial coefficient $\binom nk$, with a relative error of at most 2k u.
fn binomial(n: usize, k: usize) -> f64 {
    (0..k).fold(1., |b, i| b * (n - i) as f64 / (i + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_those_of_the_shifted_weights() {
        for degree in 1..7 {
            let taylor = Taylor::new(degree, 0.25, 0.75);
            for s in [-0.25, -0.1, 0., 0.2] {
                let weights = bernstein(degree, 0.5 + s);
                for (j, weight) in weights.iter().enumerate() {
                    let sum: f64 =
                        taylor.rows.iter().enumerate().map(|(k, row)| row[j] * s.powi(k as i32)).sum();
                    assert!((sum - weight).abs() < 1e-14, "{degree} {s} {j}: {sum} {weight}");
                }
            }
            let total: f64 = (0..=degree)
                .map(|k| taylor.power(k) * taylor.rows[k].iter().map(|c| c.abs()).sum::<f64>())
                .sum();
            assert!(total <= taylor.growth);
        }
    }

    #[test]
    fn powers_are_within_their_radius() {
        let taylor = Taylor::new(1, 0.1, 0.8);
        for k in 3..9 {
            let near = taylor.split(k);
            for i in -1000..=1000 {
                let s = taylor.delta * f64::from(i) / 1000.;
                let parabola = near.c + near.l * s + near.q * s * s;
                assert!((s.powi(k as i32) - parabola).abs() <= near.r * (1. + 1e-12), "{k} {s}");
                let near = taylor.split_line(k);
                assert!(
                    near.q == 0. && (s.powi(k as i32) - near.c - near.l * s).abs() <= near.r * (1. + 1e-12)
                );
            }
        }
    }

    #[test]
    fn a_segment_keeps_equal_vertices_exactly() {
        let taylor = Taylor::new(1, 0., 1.);
        let v = [0.1, 1e-300, 3e200];
        let mut out = [0.; 3];
        taylor.combine(0, [v.as_slice(), v.as_slice()].into_iter(), &mut out);
        assert_eq!(out, v);
        taylor.combine(1, [v.as_slice(), v.as_slice()].into_iter(), &mut out);
        assert_eq!(out, [0.; 3]);
    }
}
