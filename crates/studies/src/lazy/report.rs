use serde_json::{Value, json};

use super::{
    CLAIM, Lazy, RULE, STARTS, SecondDerivative,
    outcome::{
        Quantity, SCALING, displacement, first_layer_displacement, last_layer_drift, linear_gap, starts,
        tangent_drift,
    },
    pictures,
};
use crate::{
    Estimate, Report, Table,
    report::{fields, number, numbers},
};

const SOURCE: &str = "Berner, Grohs, Kutyniok & Petersen 2021, The modern mathematics of deep learning, section 5.2; Jacot, \
                      Gabriel & Hongler 2018";

impl From<&Lazy> for Report {
    fn from(lazy: &Lazy) -> Self {
        Self {
            claim: CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: lazy.verdict(0),
            shown: shown(lazy),
            not_shown: "Not shown: that this explains training at the widths and step sizes of practice, where features move; the \
                        data are points on a sphere with random targets, and the bound speaks of training risk only."
                .into(),
            numbers: fields(json!({
                "settings": settings(lazy),
                "init": starts().map(|start| init(lazy, start)).collect::<Vec<_>>(),
                "arc_cosine_lambda_min": number(lazy.arc_cosine_lambda_min),
                "displacement_exponent": number(lazy.displacement_exponent(0).mean),
                "displacement_exponent_ci": numbers(&lazy.displacement_exponent(0).interval),
                "expected_exponents": fields(SCALING.into_iter().collect()),
                "second_derivatives": lazy.second_derivatives.iter().map(derivative).collect::<Vec<_>>(),
            })),
            table: table(lazy),
            pictures: vec![
                ("growth", pictures::growth(lazy)),
                ("descent", pictures::descent(lazy)),
                ("laziness", pictures::laziness(lazy)),
            ],
        }
    }
}

fn shown(lazy: &Lazy) -> String {
    let ([theorem, slides], moved) =
        ([0, 1].map(|start| lazy.growth_exponent(start).mean), lazy.displacement_exponent(0).mean);
    let (above, all) = lazy.violations(0);
    let [drift, tangent] = [last_layer_drift, tangent_drift].map(|of| lazy.exponent(0, of).mean);
    format!(
        "Shown: with θ¹ ~ N(0, 1) λ_min(K̄) grows like n^{theorem:.2} (fitted slope {:.5}, limit {:.5}), with the slides' N(0, 1/n) like \
         n^{slides:.2}; with the former ‖θ_t − θ_0‖ goes like n^{moved:.2} (theory −1/2), the relative drift of K̄ like n^{drift:.2} and of the \
         tangent kernel like n^{tangent:.2} (no slower than n^(−1/2), as the theory says; n^−2 by orders of magnitude), and {above} of \
         {all} recorded moments of gradient descent lie above the bound.",
        lazy.slope(0).mean,
        lazy.arc_cosine_lambda_min
    )
}

fn settings(lazy: &Lazy) -> Value {
    let s = &lazy.settings;
    json!({
        "widths": s.widths, "examples": s.examples, "inputs": s.inputs, "runs": s.runs, "steps": s.steps,
        "batch": s.batch, "draws": s.draws, "seed": s.seed,
    })
}

fn init(lazy: &Lazy, start: usize) -> Value {
    let growth = &lazy.growth[start];
    let means: Vec<f64> = growth.lambda_min.iter().map(|runs| mean(runs)).collect();
    let shares: Vec<f64> = means.iter().zip(&growth.widths).map(|(x, &n)| x / n as f64).collect();
    let (slope, exponent, (above, all)) =
        (lazy.slope(start), lazy.growth_exponent(start), lazy.violations(start));
    let fit = |quantity: Quantity| {
        let Estimate { mean: exponent, interval } = lazy.exponent(start, quantity);
        let values: Vec<f64> = lazy.values(start, quantity).iter().map(|runs| mean(runs)).collect();
        json!({"mean": numbers(&values), "exponent": number(exponent), "exponent_ci": numbers(&interval)})
    };
    json!({
        "name": STARTS[start].name, "law": STARTS[start].law, "verdict": lazy.verdict(start).name(),
        "n": growth.widths, "lambda_min": numbers(&means), "lambda_min_over_n": numbers(&shares),
        "slope": number(slope.mean), "slope_ci": numbers(&slope.interval),
        "growth_exponent": number(exponent.mean), "growth_exponent_ci": numbers(&exponent.interval),
        "displacement": fit(displacement), "first_layer_displacement": fit(first_layer_displacement),
        "last_layer_drift": fit(last_layer_drift),
        "tangent_drift": fit(tangent_drift), "linear_gap": fit(linear_gap),
        "above_bound": above, "moments": all,
    })
}

fn derivative(of: &SecondDerivative) -> Value {
    json!({
        "init": STARTS[of.start].name, "activation": of.activation.to_string(), "kind": of.kind, "mean": number(of.mean),
        "stderr": number(of.stderr), "expected": number(of.expected), "theory": of.theory.map(number),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
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
