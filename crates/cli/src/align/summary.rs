//! The result of `collado align`.

use std::path::Path;

use collado_dynamics::Aligned;
use serde::Serialize;

use crate::{json::print, shown::risk};

/// The changes that an alignment of B to A made.
#[derive(Debug, Serialize)]
pub(crate) struct Alignment {
    permutations: Vec<Vec<usize>>,
    max_output_difference: f64,
    max_output_difference_relative: f64,
    distance_before: f64,
    distance_after: f64,
    balanced_distance: f64,
    ambiguous: Vec<Vec<usize>>,
    seconds: f64,
}

impl Alignment {
    pub(crate) fn new(aligned: &Aligned, seconds: f64) -> Self {
        Self {
            permutations: aligned.symmetry.permutations().to_vec(),
            max_output_difference: aligned.difference.absolute,
            max_output_difference_relative: aligned.difference.relative,
            distance_before: aligned.distance_before,
            distance_after: aligned.distance_after,
            balanced_distance: aligned.balanced_distance,
            ambiguous: aligned.ambiguous.clone(),
            seconds,
        }
    }
}

/// The result of `align`.
#[derive(Serialize)]
pub(super) struct Summary {
    #[serde(flatten)]
    pub(super) alignment: Alignment,
    /// The risks, which need data.
    #[serde(flatten)]
    pub(super) risks: Option<Risks>,
}

/// The risk before and after.
#[derive(Serialize)]
pub(super) struct Risks {
    pub(super) risk: RiskOfB,
    pub(super) barrier_above_ends: Barriers,
}

/// The risk F of B before and after alignment, as rescaling changes the regulariser.
#[derive(Serialize)]
pub(super) struct RiskOfB {
    pub(super) b: f64,
    pub(super) aligned: f64,
}

/// Sampled barriers of the straight lines from A to B and to the aligned B.
#[derive(Serialize)]
pub(super) struct Barriers {
    pub(super) line: f64,
    pub(super) aligned_line: f64,
    /// The aligned line with REPAIR, which is for networks without normalisation.
    pub(super) aligned_repaired: Option<f64>,
    /// The aligned line with running statistics averaged like parameters, and with statistics computed anew at every
    /// point, which is REPAIR's reset; for networks with batch normalisation.
    pub(super) aligned_averaged: Option<f64>,
    pub(super) aligned_reset: Option<f64>,
}

impl Summary {
    /// Prints the result for people; `points` is the number at which barriers are sampled.
    pub(super) fn print(&self, points: usize, folder: &Path) {
        let Alignment { distance_before, distance_after, max_output_difference, .. } = &self.alignment;
        print(&format!("distance to A        {distance_before:.3} before, {distance_after:.3} after"));
        print(&format!("largest difference   {max_output_difference:.2e} of B's outputs"));
        if let Some(Risks { risk: of_b, barrier_above_ends: barrier }) = &self.risks {
            print(&format!("risk of B            {} before, {} after", risk(of_b.b), risk(of_b.aligned)));
            print(&format!("barrier above ends   line {}", risk(barrier.line)));
            print(&format!("                     aligned line {}", risk(barrier.aligned_line)));
            let others = [
                ("with REPAIR", barrier.aligned_repaired),
                ("statistics averaged", barrier.aligned_averaged),
                ("statistics anew (reset)", barrier.aligned_reset),
            ];
            for (name, height) in others {
                if let Some(height) = height {
                    print(&format!("                     aligned, {name} {}", risk(height)));
                }
            }
            print(&format!("                     (sampled at {points} points, not certified)"));
        }
        print(&format!("written to           {}", folder.display()));
    }
}
