//! What is fitted to the measurements, and how it decides on the claim.

use super::{Descent, Growth, LazySettings, STARTS, SecondDerivative, Snapshot};
use crate::{Estimate, Verdict};

/// Everything that [`lazy`](super::lazy) measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Lazy {
    /// The settings it was measured with.
    pub settings: LazySettings,
    /// The growth of the kernel for each of [`STARTS`].
    pub growth: Vec<Growth>,
    /// λ_min of the arc-cosine Gram matrix, the limit of $\lambda_\min(\bar K)/n$ for $\theta^1_j\sim N(0,1)$.
    pub arc_cosine_lambda_min: f64,
    /// The descents for each of [`STARTS`] and each width.
    pub descents: Vec<Descent>,
    /// The table of second derivatives.
    pub second_derivatives: Vec<SecondDerivative>,
}

/// A quantity of a run of gradient descent, for fits against n.
pub(super) type Quantity = fn(&[Snapshot]) -> f64;

/// The displacement $\|\theta_t-\theta_0\|$ at the last step.
pub(super) fn displacement(run: &[Snapshot]) -> f64 {
    run.last().map_or(f64::NAN, |m| m.displacement)
}

/// $\|\theta^1_t-\theta^1_0\|$ at the last step.
pub(super) fn first_layer_displacement(run: &[Snapshot]) -> f64 {
    run.last().map_or(f64::NAN, |m| m.first_layer_displacement)
}

/// $\|\bar K_t-\bar K_0\|/\|\bar K_0\|$ at the last step.
pub(super) fn last_layer_drift(run: &[Snapshot]) -> f64 {
    run.last().map_or(f64::NAN, |m| m.last_layer_drift)
}

/// $\|\Theta_t-\Theta_0\|/\|\Theta_0\|$ at the last step.
pub(super) fn tangent_drift(run: &[Snapshot]) -> f64 {
    run.last().map_or(f64::NAN, |m| m.tangent_drift)
}

/// The largest distance from the linearised model.
pub(super) fn linear_gap(run: &[Snapshot]) -> f64 {
    run.iter().map(|m| m.linear_gap).fold(0., f64::max)
}

impl Lazy {
    /// The numbers of neurons n, ascending.
    pub(super) fn widths(&self) -> Vec<f64> {
        self.growth[0].widths.iter().map(|&n| n as f64).collect()
    }

    /// Slope of $\lambda_\min(\bar K)$ against n.
    pub fn slope(&self, start: usize) -> Estimate {
        Estimate::of_slopes(&self.widths(), &self.growth[start].lambda_min)
    }

    /// Exponent a in $\lambda_\min(\bar K)\propto n^a$ over the widths n ≥ 4m: at n < m it is 0, near m far below its limit.
    pub fn growth_exponent(&self, start: usize) -> Estimate {
        let (widths, m) = (self.widths(), self.settings.examples as f64);
        let from = widths.partition_point(|&n| n < 4. * m);
        Estimate::of_exponents(&widths[from..], &self.growth[start].lambda_min[from..])
    }

    /// Exponent a in $\|\theta_t-\theta_0\|\propto n^a$ at the last step of gradient descent.
    pub fn displacement_exponent(&self, start: usize) -> Estimate {
        self.exponent(start, displacement)
    }

    /// A quantity for each width and run.
    pub(super) fn values(&self, start: usize, quantity: Quantity) -> Vec<Vec<f64>> {
        let of = |d: &Descent| d.gradient.iter().map(|run| quantity(run)).collect();
        self.descents.iter().filter(|d| d.start == start).map(of).collect()
    }

    pub(super) fn exponent(&self, start: usize, quantity: Quantity) -> Estimate {
        Estimate::of_exponents(&self.widths(), &self.values(start, quantity))
    }

    /// Recorded moments of gradient descent at which r(t) is above its bound, and all of them.
    pub fn violations(&self, start: usize) -> (usize, usize) {
        let moments = || {
            let all = self.descents.iter().filter(|d| d.start == start);
            all.flat_map(|d| d.gradient.iter().flatten())
        };
        // NaN is above every bound.
        let above = moments().filter(|m| m.risk.is_nan() || m.risk > m.bound * (1. + 1e-9)).count();
        (above, moments().count())
    }

    /// Whether the measurements support the theorem's statements for one initialisation, by `RULE`.
    pub fn verdict(&self, start: usize) -> Verdict {
        let slope = self.slope(start).interval;
        let moved =
            [displacement, last_layer_drift, tangent_drift].map(|of| self.exponent(start, of).interval);
        let (above, all) = self.violations(start);
        let half = self.arc_cosine_lambda_min / 2.;
        if slope[0] > half && moved.iter().all(|exponent| exponent[1] < -0.25) && above == 0 {
            Verdict::Supported
        } else if slope[1] < half || moved.iter().any(|exponent| exponent[0] > -0.25) || 20 * above > all {
            Verdict::Contradicted
        } else {
            Verdict::Inconclusive
        }
    }
}

/// The exponents in n that the orders of magnitude give for $\theta^1_j\sim N(0,1)$, $\theta^2_j\sim N(0,1/n)$ at a
/// fixed multiple of the time $m/\lambda_\min(\bar K)\propto1/n$: the outputs are corrected by
/// $\theta^2_j$, each by $O(1/n)$; $\theta^1_j$ has the slope $O(\theta^2_j)=O(n^{-1/2})$ and moves by
/// $O(n^{-3/2})$ with a sign that is independent of $\theta^1_j$; in the n terms of a kernel of size n that is a random
/// sum $O(n^{-1})$, and what is left on average, $O(n^{-2})$ a term, adds up to as much.
pub(super) const SCALING: [(&str, f64); 5] = [
    ("displacement", -0.5),
    ("first_layer_displacement", -1.),
    ("last_layer_drift", -2.),
    ("tangent_drift", -2.),
    ("linear_gap", -2.),
];

/// How the measurements decide on the claim.
pub(super) const RULE: &str = "supported: the 95 % interval of the slope of λ_min(K̄) against n is above half of λ_min \
                               of the arc-cosine Gram matrix, the intervals of the exponents of ‖θ_t − θ_0‖ and of the \
                               drifts of K̄ and of the tangent kernel are below −1/4, and no recorded moment of \
                               gradient descent is above its bound; contradicted: one of the intervals is on the other \
                               side, or more than 5 % of the moments are above; otherwise inconclusive. Intervals: \
                               Student's t over runs of least-squares fits";

/// All of [`STARTS`], by index.
pub(super) fn starts() -> std::ops::Range<usize> {
    0..STARTS.len()
}
