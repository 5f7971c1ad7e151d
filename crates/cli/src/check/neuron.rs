//! The check of a proof of all minima of one logistic neuron.

use std::time::Instant;

use collado_check::{CheckedNeuron, check_neuron};
use collado_files::NeuronFile;
use serde::Serialize;

use super::{CheckArgs, conclude, no_file};
use crate::{
    failure::Failure,
    json::print,
    shown::{enclosure, lower, significant},
};

/// Checks the proof of all minima of one neuron.
pub(super) fn run(args: &CheckArgs, proof: &NeuronFile) -> Result<(), Failure> {
    if let Some(file) = &args.path {
        return Err(no_file(file, "one logistic neuron"));
    }
    let start = Instant::now();
    let checked = check_neuron(proof)?;
    let summary = Summary::new(proof, &checked, start.elapsed().as_secs_f64());
    conclude(args, &summary, || summary.print(), checked.refuted)
}

/// The result for a proof of all minima of one neuron.
#[derive(Serialize)]
struct Summary {
    holds: bool,
    /// The reason why it was not confirmed.
    reason: Option<String>,
    /// The number of minima, as a power.
    minima: String,
    /// Number of minima of a coordinate that were confirmed.
    holding: usize,
    dims: usize,
    per_dim: usize,
    ratio: f64,
    /// How far Krawczyk's operator reaches, as a share of the radius: the largest.
    reach: f64,
    /// The least second derivative that the check found, each in the scale of its minimum.
    curvature_lower: f64,
    #[serde(rename = "F")]
    risk: (f64, f64),
    seconds: f64,
}

impl Summary {
    fn new(proof: &NeuronFile, checked: &CheckedNeuron, seconds: f64) -> Self {
        let neuron = &proof.header.neuron;
        Self {
            holds: checked.refuted.is_none(),
            reason: checked.refuted.clone(),
            minima: neuron.minima(),
            holding: checked.holding,
            dims: neuron.dims,
            per_dim: neuron.per_dim,
            ratio: neuron.ratio,
            reach: checked.reach,
            curvature_lower: checked.curvature,
            risk: checked.risk,
            seconds,
        }
    }

    fn print(&self) {
        if !self.holds {
            return;
        }
        let Self { minima, dims, per_dim, ratio, .. } = self;
        print(&format!("risk                 one logistic neuron, d = {dims}, p = {per_dim}, R = {ratio}"));
        print(&format!("claim                {minima} strict local minima"));
        print(&format!("reach of Krawczyk    {} of the radius", significant(self.reach, 2)));
        print(&format!("second derivatives   ≥ {}", lower(self.curvature_lower)));
        print(&format!("F                    in {}", enclosure(self.risk, 12)));
        print(&format!("the proof holds      {:.2} s", self.seconds));
    }
}
