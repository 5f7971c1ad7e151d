//! How fast the risk falls, beside what the kernels promise.

use serde::Serialize;

use super::{Descent, Snapshot};
use crate::{Estimate, estimate::slope};

/// A risk below this share of the first one is rounding.
pub(super) const FLOOR: f64 = 1e-24;
/// The least number of records of a fit.
const RECORDS: usize = 4;

/// The rates of one method at one width, over its runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// Number of neurons n.
    pub n: usize,
    /// The rate at which $\log r$ falls with time: least squares over the second half of the time until r is at rounding.
    pub rate: Estimate,
    /// That rate over the one of the bound, $4\inf\lambda_\min(\bar K)/m$, run by run.
    pub over_bound: Estimate,
    /// The rate of the bound, $4\inf\lambda_\min(\bar K)/m$.
    pub bound: Estimate,
    /// The rate of the whole tangent kernel, $4\inf\lambda_\min(\Theta)/m$.
    pub tangent_bound: Estimate,
    /// The largest $r(T)/r(0)$ of all runs at the end.
    pub risk_left: f64,
    /// The largest bound of it.
    pub bound_left: f64,
}

impl Rate {
    /// The rates of some runs on m examples.
    pub(super) fn new(n: usize, runs: &[Vec<Snapshot>], m: f64) -> Self {
        let promised = |run: &[Snapshot], of: fn(&Snapshot) -> f64| {
            4. * run.iter().map(of).fold(f64::INFINITY, f64::min) / m
        };
        let estimate = |of: &dyn Fn(&[Snapshot]) -> f64| {
            Estimate::new(&runs.iter().map(|run| of(run)).collect::<Vec<_>>())
        };
        let left = |of: fn(&Snapshot) -> f64| {
            let share = runs
                .iter()
                .map(|run| run.last().map_or(f64::NAN, of) / run.first().map_or(f64::NAN, |m| m.risk));
            share.fold(0., |max, x| if x <= max { max } else { x })
        };
        Self {
            n,
            rate: estimate(&fitted),
            over_bound: estimate(&|run| fitted(run) / promised(run, |m| m.lambda_min)),
            bound: estimate(&|run| promised(run, |m| m.lambda_min)),
            tangent_bound: estimate(&|run| promised(run, |m| m.tangent_lambda_min)),
            risk_left: left(|m| m.risk),
            bound_left: left(|m| m.bound),
        }
    }

    /// The rates of gradient descent and of SGD at one width.
    pub(super) fn both(d: &Descent, m: f64) -> [Self; 2] {
        [&d.gradient, &d.stochastic].map(|runs| Self::new(d.neurons, runs, m))
    }
}

/// The rate of one run, over the second half of the time until it is fitted up to rounding; NaN where there are too few records.
fn fitted(run: &[Snapshot]) -> f64 {
    let first = run.first().map_or(f64::NAN, |m| m.risk);
    let above: Vec<_> = run.iter().take_while(|m| m.risk > FLOOR * first).collect();
    let end = above.last().map_or(f64::NAN, |m| m.time);
    let tail = above.iter().filter(|m| 2. * m.time >= end);
    let (times, logs): (Vec<f64>, Vec<f64>) = tail.map(|m| (m.time, m.risk.ln())).unzip();
    if times.len() < RECORDS { f64::NAN } else { -slope(&times, &logs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(risk: impl Fn(f64) -> f64) -> Vec<Snapshot> {
        let at = |i: u64| {
            let time = 0.1 * i as f64;
            Snapshot {
                step: i,
                time,
                risk: risk(time),
                bound: 2. * (-time).exp(),
                lambda_min: 8. + time,
                tangent_lambda_min: 16.,
                displacement: 0.,
                first_layer_displacement: 0.,
                last_layer_drift: 0.,
                tangent_drift: 0.,
                linear_gap: 0.,
            }
        };
        (0..=20).map(at).collect()
    }

    #[test]
    fn the_rate_of_an_exponential_is_found() {
        let rate = Rate::new(64, &[run(|t| 2. * (-3. * t).exp()), run(|t| 2. * (-4. * t).exp())], 32.);
        assert!(
            (rate.rate.mean - 3.5).abs() < 1e-12 && (rate.over_bound.mean - 3.5).abs() < 1e-12,
            "{rate:?}"
        );
        assert_eq!((rate.bound.mean, rate.tangent_bound.mean), (1., 2.));
        assert!(
            (rate.risk_left - (-6f64).exp()).abs() < 1e-12 && (rate.bound_left - (-2f64).exp()).abs() < 1e-12
        );
        // What lies at rounding is left out, and two records are no fit.
        let floored = Rate::new(64, &[run(|t| if t < 1.5 { 2. * (-3. * t).exp() } else { 0. })], 32.);
        assert!((floored.rate.mean - 3.).abs() < 1e-12, "{floored:?}");
        assert!(Rate::new(64, &[run(|_| 1.)[..2].to_vec()], 32.).rate.mean.is_nan());
    }
}
