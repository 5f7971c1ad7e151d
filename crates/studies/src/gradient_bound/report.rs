//! What the study of the gradient's bound says: verdict, sentences, numbers and table.

use serde::Serialize;

use super::{GradientBound, GradientBoundSettings, outcome::Fit, picture};
use crate::{Claim, Estimate, Report, Table, Verdict, report::fields};

pub(super) const CLAIM: Claim = Claim {
    statement: "Wide two-layer ReLU networks with θ¹ ~ N(0, 1), θ² ~ N(0, 1/n): ‖∇r‖² ≥ c (n/m) r with a constant c that \
        does not depend on n, at the start Θ and at all Θ + θ̄ within a radius that grows with n. (The slides print θ¹ ~ \
        N(0, 1/n): --as-printed decides on that.)",
    source: "Berner, Grohs, Kutyniok & Petersen 2021, The modern mathematics of deep learning, section 5.2; the radius: \
        docs/theory.md §11",
    rule: "supported: for every m the 95 % interval (Student's t over runs) of 4 λ_min(K̄)/n, the bound of c, at the \
        largest n is above half of its limit, that of the exponent of the radius R in n is above 1/4, and at no point, \
        random or bad with the worst targets, c is below its bound; contradicted: an interval is on the other side, or a \
        point is below its bound; otherwise inconclusive",
    contradicted_by: "a bound of c that falls with n, as with θ¹ ~ N(0, 1/n), or a neighbourhood that does not grow; one \
        point below its bound",
};

const NOT_SHOWN: &str = "Not shown: a constant that does not depend on the data, as its bound falls with m; points beyond 2R, where the \
                         bound is 0; that descent stays within R (study lazy); other activations than ReLU.";

impl GradientBound {
    fn shown(&self) -> String {
        let mut sentences: Vec<String> =
            self.fits().iter().map(|fit| sentence(fit, self.settings.runs)).collect();
        let (below, all) = self.below();
        sentences.push(format!(
            "{below} of {all} points up to {} R are below the bound, the worst at {:.2} times it",
            self.settings.distances.iter().copied().fold(0., f64::max),
            self.closest()
        ));
        format!("Shown: {}.", sentences.join("; "))
    }

    fn power(&self) -> String {
        let shares =
            self.fits().iter().map(|fit| fit.bound.detectable() / (4. * fit.limit)).collect::<Vec<_>>();
        let exponents = self.fits().iter().map(|fit| fit.radius_exponent.detectable()).collect::<Vec<_>>();
        let largest = |of: &[f64]| of.iter().copied().fold(0., |m, x| if x <= m { m } else { x });
        format!(
            "bounds of c that are {:.0} % of the limit apart, and exponents {:.2} apart, are told apart in 80 % of samples like this one",
            100. * largest(&shares),
            largest(&exponents)
        )
    }
}

fn interval(of: &Estimate) -> String {
    format!("[{:.3}, {:.3}]", of.interval[0], of.interval[1])
}

fn sentence(fit: &Fit, runs: usize) -> String {
    format!(
        "m = {}, {runs} runs: c ≥ {:.4} {}, limit {:.4}; measured {:.3} with random and {:.4} with the worst targets; exponents in n of its bound {:.2} and of the radius {:.2} {}",
        fit.examples,
        fit.bound.mean,
        interval(&fit.bound),
        4. * fit.limit,
        fit.start.mean,
        fit.start_worst.mean,
        fit.bound_exponent.mean,
        fit.radius_exponent.mean,
        interval(&fit.radius_exponent)
    )
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a GradientBoundSettings,
    examples: Vec<FitNumbers>,
    points: usize,
    points_below: usize,
    closest: f64,
}

#[derive(Serialize)]
struct FitNumbers {
    m: usize,
    limit: f64,
    bound: Estimate,
    measured: Estimate,
    measured_worst_targets: Estimate,
    bound_exponent: Estimate,
    radius_exponent: Estimate,
}

impl From<&Fit> for FitNumbers {
    fn from(fit: &Fit) -> Self {
        Self {
            m: fit.examples,
            limit: 4. * fit.limit,
            bound: fit.bound,
            measured: fit.start,
            measured_worst_targets: fit.start_worst,
            bound_exponent: fit.bound_exponent,
            radius_exponent: fit.radius_exponent,
        }
    }
}

impl From<&GradientBound> for Report {
    fn from(found: &GradientBound) -> Self {
        let conditions = found.conditions();
        let (points_below, points) = found.below();
        let numbers = Numbers {
            settings: &found.settings,
            examples: found.fits().iter().map(FitNumbers::from).collect(),
            points,
            points_below,
            closest: found.closest(),
        };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: found.power(),
            shown: found.shown(),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(found),
            pictures: picture::pictures(found),
        }
    }
}

/// A row for each network and distance; the distance 0 is the start.
fn table(found: &GradientBound) -> Table {
    let mut table = Table::new(&["m", "n", "run", "radius", "distance", "bound", "random", "worst"]);
    for cell in &found.cells {
        for (i, run) in cell.runs.iter().enumerate() {
            let head = [cell.examples.into(), cell.neurons.into(), i.into(), run.radius.into()];
            let start = [0., run.bound, run.start, run.start_worst].map(Into::into);
            table.push(&[&head[..], &start].concat());
            for (j, &distance) in found.settings.distances.iter().enumerate() {
                let around = [distance, run.bounds[j], run.random[j], run.worst[j]].map(Into::into);
                table.push(&[&head[..], &around].concat());
            }
        }
    }
    table
}
