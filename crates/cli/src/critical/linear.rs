//! The risks that critical points of deep linear networks can have, in closed form, and their comparison with points
//! found.

use candle_core::{DType, Tensor};
use collado_data::Targets;
use collado_dynamics::linear_optimum;
use collado_landscape::CriticalPoint;
use collado_models::Activation;
use collado_risk::Loss;
use serde::Serialize;

use crate::{failure::Failure, task::Task};

/// A risk belongs to the closed form if it differs from one of its risks by less than this times 1 + F.
const EQUAL: f64 = 1e-8;
/// The largest number of singular directions whose subsets are listed.
const MOST: usize = 16;

/// The risks that critical points of a deep linear network can have under squared loss, in closed form: a subset of the
/// singular directions of the least-squares fit is learned, as many as the narrowest layer has neurons at most (Baldi &
/// Hornik 1989 for two layers; Achour, Malgouyres & Gerchinovitz 2024 for any number).
pub(super) struct ClosedForm {
    pub(super) optimum: f64,
    /// The risks, ascending; empty where there are too many.
    risks: Vec<f64>,
}

/// The comparison of the points found with the closed form.
#[derive(Serialize)]
pub(super) struct Comparison {
    pub(super) optimum: f64,
    /// Points of this risk.
    pub(super) global: usize,
    pub(super) strict_saddles: usize,
    /// Points above the optimum without a negative eigenvalue that have more zero modes than symmetries give.
    pub(super) degenerate: usize,
    /// Other points above the optimum without a negative eigenvalue.
    pub(super) exceptions: usize,
    /// Risks on the list, how far a point is from it at most, and how many points are not on it; nothing where the list is
    /// too long.
    closed_form_risks: Option<usize>,
    largest_gap: Option<f64>,
    off_the_list: Option<usize>,
}

impl ClosedForm {
    /// The closed form for the network and the risk of a task; `None` if it does not apply to them.
    pub(super) fn new(task: &Task) -> Result<Option<Self>, Failure> {
        let plain = task.arch.activation() == Activation::Linear && task.criterion.loss == Loss::Squared;
        if !plain || task.criterion.kappa != 0. || task.train.network().chain().is_none() {
            return Ok(None);
        }
        let split = &task.data.train;
        let bias = (0..task.arch.depth()).any(|k| task.arch.has_bias(k));
        let targets = values(&split.targets, task.arch.outputs())?;
        let risk = |rank: usize| -> Result<f64, Failure> {
            Ok(linear_optimum(&split.inputs.to_dtype(DType::F64)?, &targets, rank, bias)?.risk)
        };
        let narrowest = task.arch.widths().iter().copied().min().unwrap_or(0);
        let optimum = risk(narrowest)?;
        let q = task.arch.outputs();
        if q > MOST {
            return Ok(Some(Self { optimum, risks: Vec::new() }));
        }
        let ladder = (0..=q).map(risk).collect::<Result<Vec<_>, _>>()?;
        let gains: Vec<f64> = ladder.windows(2).map(|pair| pair[0] - pair[1]).collect();
        let gain = |set: u32| {
            gains.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, g)| g).sum::<f64>()
        };
        // One layer is convex.
        let least = if task.arch.depth() == 1 { narrowest } else { 0 };
        let sets = (0_u32..1 << q).filter(|s| (least..=narrowest).contains(&(s.count_ones() as usize)));
        let mut risks: Vec<f64> = sets.map(|set| ladder[0] - gain(set)).collect();
        risks.sort_by(f64::total_cmp);
        Ok(Some(Self { optimum, risks }))
    }

    pub(super) fn is_global(&self, risk: f64) -> bool {
        risk - self.optimum <= EQUAL * (1. + risk)
    }

    /// Compares the points found with the closed form.
    pub(super) fn check(&self, points: &[&CriticalPoint]) -> Comparison {
        let above: Vec<_> = points.iter().filter(|p| !self.is_global(p.risk)).collect();
        let strict = above.iter().filter(|p| p.spectrum.index > 0).count();
        let degenerate = above.iter().filter(|p| p.spectrum.index == 0 && p.is_degenerate()).count();
        let gap = |risk: f64| {
            self.risks.iter().map(|r| (r - risk).abs() / (1. + risk)).fold(f64::INFINITY, f64::min)
        };
        let gaps: Vec<f64> = points.iter().map(|p| gap(p.risk)).collect();
        let off = gaps.iter().filter(|g| **g > EQUAL).count();
        let listed = !self.risks.is_empty();
        Comparison {
            optimum: self.optimum,
            global: points.len() - above.len(),
            strict_saddles: strict,
            degenerate,
            exceptions: above.len() - strict - degenerate,
            closed_form_risks: listed.then_some(self.risks.len()),
            largest_gap: listed.then(|| gaps.iter().fold(0.0_f64, |m, g| m.max(*g))),
            off_the_list: listed.then_some(off),
        }
    }
}

/// The targets as real values: labels are one-hot, or kept as they are where two classes share one output.
fn values(targets: &Targets, outputs: usize) -> Result<Tensor, Failure> {
    Ok(match targets {
        Targets::Values(values) => values.to_dtype(DType::F64)?,
        Targets::Tokens { .. } => {
            return Err(Failure::new("expected values or one class a row, found a class for each position"));
        }
        Targets::Classes { labels, .. } => {
            let hot = |&label: &u32| {
                (0..outputs).map(move |j| match outputs {
                    1 => f64::from(label),
                    _ => f64::from(u8::from(label as usize == j)),
                })
            };
            let rows: Vec<f64> = labels.iter().flat_map(hot).collect();
            Tensor::from_vec(rows, (labels.len(), outputs), &candle_core::Device::Cpu)?
        }
    })
}
