//! What the study of lazy training says: numbers and table.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Lazy, LazySettings, Rate, STARTS, SecondDerivatives,
    outcome::{
        Quantity, SCALING, displacement, first_layer_displacement, last_layer_drift, linear_gap, starts,
        tangent_drift,
    },
    pictures, words,
};
use crate::{Claim, Condition, Estimate, Report, Table, Verdict, report::fields, scatter::mean};

pub(super) const CLAIM: Claim = Claim {
    statement: "Two-layer ReLU networks with θ¹ ~ N(0, 1), θ² ~ N(0, 1/n): λ_min(K̄) grows in proportion to n; gradient \
        descent converges exponentially, r(t) ≤ r(0) exp(−4 inf λ_min t/m), and SGD at half that rate or faster; ‖θ_t − \
        θ_0‖ falls like n^(−1/2), and the relative drift of the kernels at least as fast. (The slides print θ¹ ~ N(0, \
        1/n): init says which of these statements hold for it.)",
    source: "Berner, Grohs, Kutyniok & Petersen 2021, The modern mathematics of deep learning, section 5.2; Jacot, \
        Gabriel & Hongler 2018",
    rule: "every statement is a condition; intervals are 95 % (Student's t over networks). Growth: the slope of \
        λ_min(K̄) against n is above half of λ_min of the arc-cosine Gram matrix. Bound: no recorded moment of gradient \
        descent is above it (contradicted from 5 % on). Convergence, at the largest n: the run is long enough for the \
        bound to fall to 1e-3, the risk falls so far too, and the fitted rate is at least 0.9 of that of the bound (in \
        the end they are equal), for SGD at least half of it. Laziness: the exponents of ‖θ_t − θ_0‖ and of the drifts \
        are at most −1/4. Second derivatives: 0 (to 1e-12) where the theory says so, and equal to their quadrature \
        elsewhere (intervals jointly 95 %)",
    contradicted_by: "a λ_min(K̄) that does not grow, or θ and kernels that move as much at all widths, as with the \
        slides' N(0, 1/n); a risk above its bound, or one that stays when the bound has fallen to 1e-3; second \
        derivatives between different neurons",
};

const NOT_SHOWN: &str = "Not shown: that this explains training at the widths and step sizes of practice, where \
                         features move; the data are points on a sphere with random targets, and the bound speaks of \
                         training risk only. For SGD half the rate is asked for: that is what its step size, not the \
                         gradient flow, allows.";

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a LazySettings,
    init: Vec<StartNumbers<'a>>,
    arc_cosine_lambda_min: f64,
    displacement_exponent: f64,
    displacement_exponent_ci: [f64; 2],
    expected_exponents: BTreeMap<&'static str, f64>,
    second_derivatives: Vec<DerivativeNumbers>,
}

/// What was measured for one initialisation.
#[derive(Serialize)]
struct StartNumbers<'a> {
    name: &'static str,
    law: &'static str,
    verdict: Verdict,
    conditions: Vec<Condition>,
    n: &'a [usize],
    lambda_min: Vec<f64>,
    lambda_min_over_n: Vec<f64>,
    slope: f64,
    slope_ci: [f64; 2],
    growth_exponent: f64,
    growth_exponent_ci: [f64; 2],
    displacement: Fit,
    first_layer_displacement: Fit,
    last_layer_drift: Fit,
    tangent_drift: Fit,
    linear_gap: Fit,
    above_bound: usize,
    moments: usize,
    sgd_above_bound: usize,
    sgd_moments: usize,
    gradient_descent: Vec<Rate>,
    sgd: Vec<Rate>,
}

/// The means of a quantity over the runs of each width, and its exponent in n.
#[derive(Serialize)]
struct Fit {
    mean: Vec<f64>,
    exponent: f64,
    exponent_ci: [f64; 2],
}

/// The blocks of the second derivatives for one initialisation, ρ and n.
#[derive(Serialize)]
struct DerivativeNumbers {
    init: &'static str,
    activation: String,
    n: usize,
    mixed: Estimate,
    mixed_expected: f64,
    first_layer_times_n: Estimate,
    first_layer_times_n_expected: f64,
    largest_outer: f64,
    largest_across_neurons: f64,
}

impl<'a> StartNumbers<'a> {
    fn new(lazy: &'a Lazy, start: usize) -> Self {
        let growth = &lazy.growth[start];
        let lambda_min: Vec<f64> = growth.lambda_min.iter().map(|runs| mean(runs)).collect();
        let (slope, exponent) = (lazy.slope(start), lazy.growth_exponent(start));
        let [(above_bound, moments), (sgd_above_bound, sgd_moments)] = lazy.violations(start);
        let (gradient_descent, sgd) =
            lazy.rates(start).into_iter().map(|[gradient, sgd]| (gradient, sgd)).unzip();
        let fit = |quantity| Fit::new(lazy, start, quantity);
        Self {
            name: STARTS[start].name,
            law: STARTS[start].law,
            verdict: lazy.verdict(start),
            conditions: lazy.conditions(start),
            n: &growth.widths,
            lambda_min_over_n: lambda_min.iter().zip(&growth.widths).map(|(x, &n)| x / n as f64).collect(),
            lambda_min,
            slope: slope.mean,
            slope_ci: slope.interval,
            growth_exponent: exponent.mean,
            growth_exponent_ci: exponent.interval,
            displacement: fit(displacement),
            first_layer_displacement: fit(first_layer_displacement),
            last_layer_drift: fit(last_layer_drift),
            tangent_drift: fit(tangent_drift),
            linear_gap: fit(linear_gap),
            above_bound,
            moments,
            sgd_above_bound,
            sgd_moments,
            gradient_descent,
            sgd,
        }
    }
}

impl Fit {
    fn new(lazy: &Lazy, start: usize, quantity: Quantity) -> Self {
        let exponent = lazy.exponent(start, quantity);
        let mean = lazy.values(start, quantity).iter().map(|runs| mean(runs)).collect();
        Self { mean, exponent: exponent.mean, exponent_ci: exponent.interval }
    }
}

impl DerivativeNumbers {
    fn new(of: &SecondDerivatives) -> Self {
        Self {
            init: STARTS[of.start].name,
            activation: of.activation.to_string(),
            n: of.neurons,
            mixed: of.mixed,
            mixed_expected: of.mixed_expected,
            first_layer_times_n: of.first,
            first_layer_times_n_expected: of.first_expected,
            largest_outer: of.outer,
            largest_across_neurons: of.across,
        }
    }
}

impl From<&Lazy> for Report {
    fn from(lazy: &Lazy) -> Self {
        let exponent = lazy.displacement_exponent(0);
        let numbers = Numbers {
            settings: &lazy.settings,
            init: starts().map(|start| StartNumbers::new(lazy, start)).collect(),
            arc_cosine_lambda_min: lazy.arc_cosine_lambda_min,
            displacement_exponent: exponent.mean,
            displacement_exponent_ci: exponent.interval,
            expected_exponents: SCALING.into(),
            second_derivatives: lazy.second_derivatives.iter().map(DerivativeNumbers::new).collect(),
        };
        Self {
            claim: CLAIM,
            verdict: lazy.verdict(0),
            conditions: lazy.conditions(0),
            power: words::power(lazy),
            shown: words::shown(lazy),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(lazy),
            pictures: vec![
                ("growth", pictures::growth(lazy)),
                ("descent", pictures::descent(lazy)),
                ("laziness", pictures::laziness(lazy)),
                ("linearity", pictures::linearity(lazy)),
            ],
        }
    }
}

/// A row for each recorded moment.
fn table(lazy: &Lazy) -> Table {
    let mut table = Table::new(&[
        "init",
        "n",
        "method",
        "run",
        "step",
        "time",
        "risk",
        "bound",
        "lambda_min",
        "tangent_lambda_min",
        "displacement",
        "first_layer_displacement",
        "last_layer_drift",
        "tangent_drift",
        "linear_gap",
    ]);
    for d in &lazy.descents {
        for (method, runs) in [("gradient-descent", &d.gradient), ("sgd", &d.stochastic)] {
            for (run, moments) in runs.iter().enumerate() {
                for m in moments {
                    table.push(&[
                        STARTS[d.start].name.into(),
                        d.neurons.into(),
                        method.into(),
                        run.into(),
                        (m.step as usize).into(),
                        m.time.into(),
                        m.risk.into(),
                        m.bound.into(),
                        m.lambda_min.into(),
                        m.tangent_lambda_min.into(),
                        m.displacement.into(),
                        m.first_layer_displacement.into(),
                        m.last_layer_drift.into(),
                        m.tangent_drift.into(),
                        m.linear_gap.into(),
                    ]);
                }
            }
        }
    }
    table
}
