//! All minima of the single logistic neuron.

use collado_certify::neuron_minima;
use collado_risk::LogisticNeuron;
use serde::Serialize;

use super::args::CertifyMinimumArgs;
use crate::{failure::Failure, json::print, record::RunStatus};

/// The result for the single neuron.
#[derive(Serialize)]
struct Summary {
    proved: bool,
    /// The reason why the minima are not proved.
    reason: Option<String>,
    dims: usize,
    per_dim: usize,
    ratio: f64,
    /// The number of minima.
    minima: f64,
    /// Enclosures of the minima of one coordinate.
    boxes: Vec<(f64, f64)>,
}

pub(super) fn run(args: &CertifyMinimumArgs, dims: usize, per_dim: usize) -> Result<(), Failure> {
    let risk = LogisticNeuron::new(dims, per_dim, args.ratio)?;
    let found = neuron_minima(&risk);
    let boxes: Vec<_> = found.boxes.iter().map(|b| (b.lo(), b.hi())).collect();
    let proved = found.unproved == 0 && boxes.len() == per_dim;
    let reason = (!proved).then(|| {
        format!("{} minima a coordinate proved, {} not, expected {per_dim}", boxes.len(), found.unproved)
    });
    let minima = (boxes.len() as f64).powi(dims as i32);
    let summary = Summary { proved, reason, dims, per_dim, ratio: args.ratio, minima, boxes };
    args.common.show(&args.common.run.describe(&summary, RunStatus::Finished), || summary.print());
    match summary.reason {
        Some(reason) => {
            Err(Failure::new(format!("not proved: {reason}"))
                .hint("a --ratio of 10 or more has per-dim minima"))
        }
        None => Ok(()),
    }
}

impl Summary {
    fn print(&self) {
        let Self { minima, dims, boxes, .. } = self;
        let minima = if *minima < 1e15 { minima.to_string() } else { format!("{}^{dims}", boxes.len()) };
        print(&format!("{minima} strict local minima: all combinations over {dims} coordinates of w in"));
        boxes.iter().for_each(|(lo, hi)| print(&format!("  [{lo:.17e}, {hi:.17e}]")));
    }
}
