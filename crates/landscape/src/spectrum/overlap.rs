//! Bounds on eigenvalues that the Krylov space of a random start does not show.
//!
//! Let g be the start, $\mu=\sum_i\langle v_i,g\rangle^2\delta_{\lambda_i}/\|g\|^2$ its spectral measure, $p_j$ the
//! orthonormal polynomials of μ and t beyond all Ritz values of m steps. All zeros of $p_0,\dots,p_m$ lie on one side
//! of t, so the square of $q(x)=\sum_jp_j(x)p_j(t)/\sum_jp_j(t)^2$ is at least 1 from t on, and
//! $\mu([t,\infty))\le\int q^2\,d\mu=1/\sum_jp_j(t)^2$ (the Chebyshev–Markov–Stieltjes inequality).
//!
//! An eigenvector v with λ ≥ t therefore has $\langle v,g\rangle^2\le\|g\|^2/\sum_jp_j(t)^2$. For a Gaussian g that was
//! drawn independently of the operator, $P(|\langle v,g\rangle|\le x)\le x\sqrt{2/\pi}$: once the sum exceeds
//! $2\|g\|^2/(\pi p^2)$, there is no eigenvalue ≥ t, except with probability p. One event bounds all t and all m: it
//! may be asked as often as one likes.

use faer::Mat;

use super::krylov::Krylov;

/// The orthonormal polynomials of the start's spectral measure at some thresholds.
pub(super) struct Overlap {
    thresholds: Vec<Threshold>,
}

struct Threshold {
    at: f64,
    /// The values at `at` of the polynomial of each basis vector, and of the next vector.
    basis: Vec<f64>,
    next: f64,
    /// The largest sum of squares so far.
    sum: f64,
}

impl Overlap {
    pub(super) fn new(mut thresholds: Vec<f64>) -> Self {
        thresholds.sort_by(f64::total_cmp);
        let threshold = |at| Threshold { at, basis: Vec::new(), next: 1., sum: 0. };
        Self { thresholds: thresholds.into_iter().map(threshold).collect() }
    }

    /// Updates the sums after a step of the recurrence.
    pub(super) fn step(&mut self, krylov: &Krylov<'_>) {
        let (column, beta) = krylov.last();
        for t in &mut self.thresholds {
            t.basis.push(t.next);
            let inside: f64 = column.iter().zip(&t.basis).map(|(c, p)| c * p).sum();
            t.next = (t.at * t.next - inside) / beta;
            let sum = t.basis.iter().map(|p| p * p).sum::<f64>() + t.next * t.next;
            // Not a number only once the sum was infinite, or where the space is invariant.
            t.sum = t.sum.max(sum);
        }
    }

    /// Updates the sums after a restart.
    pub(super) fn restart(&mut self, vectors: &Mat<f64>, keep: &[usize]) {
        for t in &mut self.thresholds {
            let at = |&k: &usize| t.basis.iter().enumerate().map(|(i, p)| vectors[(i, k)] * p).sum();
            t.basis = keep.iter().map(at).collect();
        }
    }

    /// The least threshold above `ritz` above which there is no eigenvalue, except with probability `failure`; infinite
    /// where none is.
    pub(super) fn upper(&self, ritz: f64, start: f64, failure: f64) -> f64 {
        let bounds = self.settled(start, failure).filter(|t| *t > ritz);
        bounds.fold(f64::INFINITY, f64::min)
    }

    /// The largest threshold below `ritz` below which there is no eigenvalue, except with probability `failure`.
    pub(super) fn lower(&self, ritz: f64, start: f64, failure: f64) -> f64 {
        let bounds = self.settled(start, failure).filter(|t| *t < ritz);
        bounds.fold(f64::NEG_INFINITY, f64::max)
    }

    fn settled(&self, start: f64, failure: f64) -> impl Iterator<Item = f64> {
        let needed = 2. * start / (std::f64::consts::PI * failure * failure);
        self.thresholds.iter().filter(move |t| t.sum >= needed).map(|t| t.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrum::basis::normal;

    /// The share of the start at and above a threshold, against the bound, with and without restarts.
    #[test]
    fn no_more_of_the_start_lies_beyond_a_threshold_than_the_sums_allow() {
        let values: Vec<f64> = (0..80).map(|i| f64::from(i) / 80.).chain([1.3, 1.5]).collect();
        let n = values.len();
        let matrix = Mat::from_fn(n, n, |i, j| if i == j { values[i] } else { 0. });
        for seed in 0..20 {
            let mut start = normal(seed, 0, n);
            // Hidden from the start, nearly: eigenvalues that exist beyond the thresholds.
            start[80] *= 1e-3;
            start[81] *= 1e-6;
            let total: f64 = start.iter().map(|x| x * x).sum();
            let mut overlap = Overlap::new(vec![1.01, 1.1, 1.29, 1.4, 1.5]);
            let mut krylov = Krylov::new(start.clone(), &[], 0.);
            for _ in 0..40 {
                krylov.step(&matrix).unwrap();
                overlap.step(&krylov);
                let pairs = krylov.pairs().unwrap();
                let top = pairs.values[pairs.values.len() - 1];
                for t in overlap.thresholds.iter().filter(|t| t.at > top) {
                    let beyond = (0..n).filter(|&i| values[i] >= t.at).map(|i| start[i] * start[i]);
                    let share = beyond.sum::<f64>() / total;
                    // Tight where a Ritz value reaches the threshold: rounding shows.
                    assert!(share <= (1. + 1e-3) / t.sum, "{} {share} {}", t.at, t.sum);
                }
                if krylov.len() == 12 {
                    let keep = [0, 7, 8, 9, 10, 11];
                    krylov.restart(&pairs, &keep);
                    overlap.restart(&pairs.vectors, &keep);
                }
            }
        }
    }
}
