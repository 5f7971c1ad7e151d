//! What is fitted to the measurements, and how it decides on the claim.

use super::{Descent, Growth, LazySettings, Rate, STARTS, SecondDerivatives, Snapshot};
use crate::{Condition, Estimate, Verdict, small::small};

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
    /// The second derivatives of Φ at initialisation.
    pub second_derivatives: Vec<SecondDerivatives>,
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

    /// Recorded moments of gradient descent, and of SGD, at which r(t) is above its bound, and all of them.
    pub fn violations(&self, start: usize) -> [(usize, usize); 2] {
        let of = |runs: fn(&Descent) -> &Vec<Vec<Snapshot>>| {
            let moments =
                || self.descents.iter().filter(|d| d.start == start).flat_map(|d| runs(d).iter().flatten());
            // NaN is above every bound.
            let above = moments().filter(|m| m.risk.is_nan() || m.risk > m.bound * (1. + 1e-9)).count();
            (above, moments().count())
        };
        [of(|d| &d.gradient), of(|d| &d.stochastic)]
    }

    /// The rates of gradient descent and of SGD for each width, ascending.
    pub fn rates(&self, start: usize) -> Vec<[Rate; 2]> {
        let m = self.settings.examples as f64;
        self.descents.iter().filter(|d| d.start == start).map(|d| Rate::both(d, m)).collect()
    }

    /// The theorem's statements as conditions, for one initialisation.
    pub fn conditions(&self, start: usize) -> Vec<Condition> {
        let mut conditions = vec![self.growth_condition(start), self.bound_condition(start)];
        if let Some([gradient, stochastic]) = self.rates(start).last() {
            conditions.extend(convergence(gradient));
            conditions.push(rate_condition("SGD", stochastic, 0.5));
        }
        let moved = [
            ("‖θ_t − θ_0‖", displacement as Quantity),
            ("the relative drift of K̄", last_layer_drift),
            ("the relative drift of the tangent kernel", tangent_drift),
        ];
        conditions.extend(moved.map(|(name, of)| {
            let exponent = self.exponent(start, of);
            let verdict = Verdict::at_most(exponent.interval, -0.25);
            let found = format!("exponent {}", exponent.text(2));
            Condition::new(format!("{name} falls like n^(−1/4) or faster"), verdict, found)
        }));
        conditions.extend(self.derivative_conditions(start));
        conditions
    }

    fn growth_condition(&self, start: usize) -> Condition {
        let (slope, half) = (self.slope(start), self.arc_cosine_lambda_min / 2.);
        let found = format!("slope {}; half of the limit is {half:.5}", slope.text(5));
        let verdict = Verdict::at_least(slope.interval, half);
        Condition::new("λ_min(K̄) grows in proportion to n, by half of its limit or more", verdict, found)
    }

    fn bound_condition(&self, start: usize) -> Condition {
        let [(above, all), _] = self.violations(start);
        let verdict = match above {
            0 => Verdict::Supported,
            above if 20 * above > all => Verdict::Contradicted,
            _ => Verdict::Inconclusive,
        };
        let found = format!("{above} of {all} moments above");
        Condition::new("the risk of gradient descent stays under its bound", verdict, found)
    }

    fn derivative_conditions(&self, start: usize) -> [Condition; 2] {
        let rows = || self.second_derivatives.iter().filter(move |r| r.start == start);
        let largest = rows().map(|r| if r.outer > r.across { r.outer } else { r.across });
        let largest = largest.fold(0., |max, x| if x <= max { max } else { x });
        let off = |estimate: &Estimate, expected: f64| {
            let [low, high] = estimate.interval;
            Verdict::near_zero([low - expected, high - expected], 1e-12, 0.25 * expected + 0.01)
        };
        let agreements =
            rows().flat_map(|r| [off(&r.mixed, r.mixed_expected), off(&r.first, r.first_expected)]);
        let agreements: Vec<_> = agreements.map(|verdict| Condition::new("", verdict, "")).collect();
        let fit = agreements.iter().filter(|c| c.verdict == Verdict::Supported).count();
        [
            Condition::new(
                "second derivatives vanish between outer weights and between different neurons",
                Verdict::exactly(largest <= 1e-12),
                format!("at most {}", small(largest, 0)),
            ),
            Condition::new(
                "E(∂²Φ/∂θ²_i ∂θ¹_ik)² does not depend on n, and E(∂²Φ/∂θ¹_ik ∂θ¹_il)² falls like 1/n",
                Verdict::of(&agreements),
                format!("{fit} of {} means agree with their quadrature", agreements.len()),
            ),
        ]
    }

    /// The verdict on them.
    pub fn verdict(&self, start: usize) -> Verdict {
        Verdict::of(&self.conditions(start))
    }
}

/// What the bound has to fall to for a run to be long enough to show convergence.
const LONG: f64 = 1e-3;

/// The share of the bound's rate that gradient descent has to reach: in the end, and for wide networks, the two are equal, so that an
/// interval would hold 1 however long the run.
const LEAST: f64 = 0.9;

/// Whether the widest networks converge exponentially, and the run was long enough to tell.
fn convergence(rate: &Rate) -> [Condition; 3] {
    let is_long = rate.bound_left <= LONG;
    let left = match (rate.risk_left <= LONG, is_long) {
        (true, _) => Verdict::Supported,
        (false, true) => Verdict::Contradicted,
        (false, false) => Verdict::Inconclusive,
    };
    [
        Condition::new(
            format!("at n = {} the run is long enough for the bound to fall to {LONG} of r(0)", rate.n),
            if is_long { Verdict::Supported } else { Verdict::Inconclusive },
            format!("it falls to {:.1e}; more --steps let it fall further", rate.bound_left),
        ),
        Condition::new(
            format!("there gradient descent falls to {LONG} of r(0)"),
            left,
            format!("it falls to {:.1e}", rate.risk_left),
        ),
        rate_condition("gradient descent", rate, LEAST),
    ]
}

/// Whether the fitted rate is at least `least` times that of the bound.
fn rate_condition(method: &str, rate: &Rate, least: f64) -> Condition {
    Condition::new(
        format!(
            "at n = {} log r falls with {method} at {least} times the rate 4 inf λ_min(K̄)/m or faster",
            rate.n
        ),
        Verdict::at_least(rate.over_bound.interval, least),
        format!("{} times {:.3}", rate.over_bound.text(2), rate.bound.mean),
    )
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

/// All of [`STARTS`], by index.
pub(super) fn starts() -> std::ops::Range<usize> {
    0..STARTS.len()
}
