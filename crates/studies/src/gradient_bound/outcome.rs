//! What is fitted to the measurements, and how it decides on the claim.

use super::{Cell, GradientBoundSettings, Run};
use crate::{Condition, Estimate, Verdict};

/// Everything that [`gradient_bound`](super::gradient_bound) measures.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientBound {
    /// The settings it was measured with.
    pub settings: GradientBoundSettings,
    /// For each number m of examples, λ_min of the limit of K̄/n for θ¹ ~ N(0, 1).
    pub limits: Vec<(usize, f64)>,
    /// What was measured for each m and n ≥ 4m.
    pub cells: Vec<Cell>,
}

/// What was found for one number of examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// The number m of examples.
    pub examples: usize,
    /// λ_min of the limit of K̄/n.
    pub limit: f64,
    /// The bound of the constant, 4λ_min(K̄)/n, at the largest n.
    pub bound: Estimate,
    /// The constant at the start at the largest n, with random targets.
    pub start: Estimate,
    /// The same with the worst targets.
    pub start_worst: Estimate,
    /// The exponent of the bound of the constant in n.
    pub bound_exponent: Estimate,
    /// The exponent of the radius R in n.
    pub radius_exponent: Estimate,
}

impl GradientBound {
    /// The cells of one number of examples, by n.
    pub(super) fn of(&self, examples: usize) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(move |cell| cell.examples == examples)
    }

    /// A quantity of each run at each n.
    fn values(&self, examples: usize, quantity: fn(&Run) -> f64) -> (Vec<f64>, Vec<Vec<f64>>) {
        let of = |cell: &Cell| (cell.neurons as f64, cell.runs.iter().map(quantity).collect());
        self.of(examples).map(of).unzip()
    }

    /// The fits for each number of examples.
    pub fn fits(&self) -> Vec<Fit> {
        let fit = |&(examples, limit): &(usize, f64)| {
            let (neurons, bounds) = self.values(examples, |run| run.bound);
            let (_, radii) = self.values(examples, |run| run.radius);
            let (_, starts) = self.values(examples, |run| run.start);
            let (_, worst) = self.values(examples, |run| run.start_worst);
            let last = neurons.len() - 1;
            Fit {
                examples,
                limit,
                bound: Estimate::new(&bounds[last]),
                start: Estimate::new(&starts[last]),
                start_worst: Estimate::new(&worst[last]),
                bound_exponent: Estimate::of_exponents(&neurons, &bounds),
                radius_exponent: Estimate::of_exponents(&neurons, &radii),
            }
        };
        self.limits.iter().map(fit).collect()
    }

    /// Points, the starts among them, at which the constant is below its bound, and all points.
    pub fn below(&self) -> (usize, usize) {
        let pairs = self.cells.iter().flat_map(|cell| &cell.runs).flat_map(|run| {
            let around = run.random.iter().chain(&run.worst).zip(run.bounds.iter().chain(&run.bounds));
            around
                .map(|(c, b)| (*c, *b))
                .chain([(run.start, run.bound), (run.start_worst, run.bound)])
                .collect::<Vec<_>>()
        });
        let pairs: Vec<(f64, f64)> = pairs.collect();
        // NaN is below every bound.
        let below = pairs.iter().filter(|(c, b)| c.is_nan() || *c < b * (1. - 1e-9)).count();
        (below, pairs.len())
    }

    /// The least constant over its bound, over all points.
    pub fn closest(&self) -> f64 {
        let runs = self.cells.iter().flat_map(|cell| &cell.runs);
        let ratios = runs.flat_map(|run| {
            let around = run.worst.iter().zip(&run.bounds).map(|(c, b)| c / b);
            around.chain([run.start_worst / run.bound]).collect::<Vec<_>>()
        });
        ratios.fold(f64::INFINITY, f64::min)
    }

    /// What the numbers say about the claim.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.conditions())
    }

    /// The conditions of the claim.
    pub(super) fn conditions(&self) -> Vec<Condition> {
        let (below, all) = self.below();
        let points = if all == 0 { Verdict::Inconclusive } else { Verdict::exactly(below == 0) };
        let text =
            |of: &Estimate| format!("[{:.2e}, {:.2e}], {} runs", of.interval[0], of.interval[1], of.count);
        let of = |fit: &Fit| {
            let (m, half) = (fit.examples, 2. * fit.limit);
            [
                Condition::new(
                    format!("m = {m}: the bound of c at the largest n is at least half of its limit"),
                    Verdict::at_least(fit.bound.interval, half),
                    format!("{}, half of the limit is {half:.2e}", text(&fit.bound)),
                ),
                Condition::new(
                    format!("m = {m}: the radius grows at least like n^(1/4)"),
                    Verdict::at_least(fit.radius_exponent.interval, 0.25),
                    format!("exponent {}", text(&fit.radius_exponent)),
                ),
            ]
        };
        let everywhere = Condition::new(
            "c is at least its bound at all points",
            points,
            format!("{below} of {all} below"),
        );
        self.fits().iter().flat_map(of).chain([everywhere]).collect()
    }
}
