//! All minima of the single logistic neuron.

use std::path::Path;

use collado_certify::{NeuronProof, neuron_minima};
use collado_files::{NeuronBox, NeuronClaim, NeuronFile, NeuronHeader, NeuronSubject};
use collado_risk::LogisticNeuron;
use serde::Serialize;

use super::{args::CertifyMinimumArgs, proof::roomy};
use crate::{failure::Failure, json::print, record::RunStatus, shown::enclosure};

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
    /// An enclosure of F at all minima.
    #[serde(rename = "F")]
    risk: Option<(f64, f64)>,
}

pub(super) fn run(args: &CertifyMinimumArgs, dims: usize, per_dim: usize) -> Result<(), Failure> {
    let risk = LogisticNeuron::new(dims, per_dim, args.ratio)?;
    let found = neuron_minima(&risk);
    let boxes: Vec<_> = found.boxes.iter().map(|b| (b.lo(), b.hi())).collect();
    let proved = found.unproved == 0 && boxes.len() == per_dim;
    let reason = (!proved).then(|| {
        format!("{} minima a coordinate proved, {} not, expected {per_dim}", boxes.len(), found.unproved)
    });
    if let (true, Some(file)) = (proved, &args.proof) {
        write(file, &found.proofs, NeuronSubject { dims, per_dim, ratio: args.ratio })?;
    }
    let minima = (boxes.len() as f64).powi(dims as i32);
    let risk = hull(found.proofs.iter().map(|proof| (proof.risk.lo(), proof.risk.hi()))).filter(|_| proved);
    let summary = Summary { proved, reason, dims, per_dim, ratio: args.ratio, minima, boxes, risk };
    args.common.show(&args.common.run.describe(&summary, RunStatus::Finished), || summary.print());
    match summary.reason {
        Some(reason) => {
            Err(Failure::new(format!("not proved: {reason}"))
                .hint("a --ratio of 10 or more has per-dim minima"))
        }
        None => Ok(()),
    }
}

/// Writes the proof, with claims that are moved outwards a little.
fn write(file: &Path, proofs: &[NeuronProof], neuron: NeuronSubject) -> Result<(), Failure> {
    let minimum = |proof: &NeuronProof| NeuronBox {
        at: proof.at,
        radius: proof.radius,
        inverse: proof.inverse,
        curvature: proof.curvature * (1. - 1e-9),
        risk: roomy(proof.risk),
    };
    let minima: Vec<NeuronBox> = proofs.iter().map(minimum).collect();
    let risk = hull(minima.iter().map(|minimum| minimum.risk)).expect("every coordinate has minima");
    let header = NeuronHeader {
        version: NeuronHeader::VERSION,
        program: env!("CARGO_PKG_VERSION").into(),
        claim: NeuronClaim { minima: neuron.minima(), risk },
        neuron,
    };
    Ok(NeuronFile { header, minima }.write(file)?)
}

/// The smallest interval that holds all of these, if there are some: F at a combination is a mean of those of its coordinates.
fn hull(intervals: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    intervals.reduce(|(lo, hi), (a, b)| (lo.min(a), hi.max(b)))
}

impl Summary {
    fn print(&self) {
        let Self { minima, dims, boxes, .. } = self;
        let minima = if *minima < 1e15 { minima.to_string() } else { format!("{}^{dims}", boxes.len()) };
        print(&format!("{minima} strict local minima: all combinations over {dims} coordinates of w in"));
        boxes.iter().for_each(|(lo, hi)| print(&format!("  [{lo:.17e}, {hi:.17e}]")));
        if let Some(risk) = self.risk {
            print(&format!("F               in {}", enclosure(risk, 12)));
        }
    }
}
