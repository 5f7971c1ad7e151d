//! The results of `collado kernel`: summary and text.

use std::{collections::BTreeMap, path::Path};

use collado_landscape::KernelSpectrum;
use serde::Serialize;

use super::{
    args::KernelArgs,
    bounds::{Bounds, Gradient},
    input::KernelInput,
};
use crate::json::print;

/// The summary of one kernel after it is written.
pub(super) struct KernelSummary {
    pub(super) name: String,
    pub(super) size: usize,
    pub(super) spectrum: KernelSpectrum,
    pub(super) trace: f64,
    pub(super) seconds: [f64; 2],
}

/// The results for all kernels.
pub(super) struct Report {
    pub(super) kernels: Vec<KernelSummary>,
    pub(super) bounds: Vec<Bounds>,
    /// The relative distances of the empirical kernels from their infinite-width limits.
    pub(super) distances: BTreeMap<&'static str, f64>,
    pub(super) seconds: f64,
}

/// The result of `kernel`.
#[derive(Serialize)]
pub(super) struct Summary {
    arch: String,
    parameters: usize,
    examples: usize,
    outputs: &'static str,
    loss: &'static str,
    kernels: BTreeMap<String, KernelRecord>,
    limit: Option<Limit>,
    gradient: Option<Gradient>,
    seconds: f64,
}

/// One kernel.
#[derive(Serialize)]
struct KernelRecord {
    lambda_min: f64,
    lambda_min_residual: f64,
    lambda_max: f64,
    lambda_max_residual: f64,
    condition: f64,
    rounding: f64,
    trace: f64,
    method: &'static str,
    seconds: f64,
    spectrum_seconds: f64,
}

/// The distance of the empirical kernels from those of infinite width.
#[derive(Serialize)]
struct Limit {
    init: String,
    relative_distance: BTreeMap<&'static str, f64>,
}

impl KernelSummary {
    fn record(&self) -> KernelRecord {
        let KernelSpectrum { eigenvalues, min, max, rounding } = &self.spectrum;
        KernelRecord {
            lambda_min: min.value,
            lambda_min_residual: min.residual,
            lambda_max: max.value,
            lambda_max_residual: max.residual,
            condition: self.spectrum.condition(),
            rounding: *rounding,
            trace: self.trace,
            method: if eigenvalues.is_some() { "dense" } else { "lanczos" },
            seconds: self.seconds[0],
            spectrum_seconds: self.seconds[1],
        }
    }
}

impl Report {
    pub(super) fn summary(&self, args: &KernelArgs, input: &KernelInput) -> Summary {
        let arch = input.tangent.arch();
        let limit = || Limit { init: args.init.to_string(), relative_distance: self.distances.clone() };
        Summary {
            arch: arch.to_string(),
            parameters: arch.layout().len(),
            examples: input.rows.len(),
            outputs: args.outputs.name(),
            loss: input.loss.name(),
            kernels: self.kernels.iter().map(|k| (k.name.clone(), k.record())).collect(),
            limit: (!self.distances.is_empty()).then(limit),
            gradient: self.bounds.last().map(Bounds::record),
            seconds: self.seconds,
        }
    }

    /// Prints the results for people.
    pub(super) fn print(&self, folder: &Path) {
        let mut text = format!(
            "{:>18} {:>12} {:>12} {:>10} {:>9}\n",
            "kernel", "λ_min", "λ_max", "condition", "seconds"
        );
        for kernel in &self.kernels {
            let KernelSpectrum { min, max, .. } = &kernel.spectrum;
            let condition = kernel.spectrum.condition();
            let (name, seconds) = (&kernel.name, kernel.seconds.iter().sum::<f64>());
            let (min, max) = (min.value, max.value);
            text += &format!("{name:>18} {min:>12.4e} {max:>12.4e} {condition:>10.2e} {seconds:>9.2}\n");
        }
        if let Some(b) = self.bounds.last() {
            text += &format!(
                "‖∇r‖² = {:.4e} ≥ {:.4e} (last layer) ≥ {:.4e} (λ_min)\n",
                b.measured, b.bound.last_layer, b.bound.eigenvalue
            );
        }
        print(&format!("{text}written to {}", folder.display()));
    }
}
