//! Pairs of minima of two-layer ReLU networks that learn from a teacher, and the two straight pieces between them.

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Decay, LearnedStar, Rule, Schedule, Search, TrainSettings, train};
use collado_models::{Activation, Arch, Init};
use collado_risk::{
    Criterion, EmpiricalRisk, Examples, Loss, Objective, Part, Path, Progress, Regularizer, Span, profile,
};
use serde::{Deserialize, Serialize};

use super::StarSettings;
use crate::{Result, error::proceed, synthetic::regression, training::TrainingProgress};

/// A path joins its ends when it rises by at most this share of F(0) above the higher one.
const JOINED: f64 = 0.01;
/// Number of points at which F is looked at on a piece.
const POINTS: usize = 41;
/// The step size of Adam to a minimum, and to a centre.
const STEP: f64 = 1e-2;
const CENTRE_STEP: f64 = 5e-3;

/// The pairs of one width. Heights are above the higher end, over F(0).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Width {
    /// The width.
    pub width: usize,
    /// F at the ends of each pair, over F(0).
    pub ends: Vec<[f64; 2]>,
    /// The height of the straight line.
    pub straight: Vec<f64>,
    /// The height of the two straight pieces through a learned centre.
    pub pieces: Vec<f64>,
}

impl Width {
    /// The number of pairs that a straight line joins, and that two pieces join.
    pub fn joined(&self) -> [u64; 2] {
        [&self.straight, &self.pieces]
            .map(|heights| heights.iter().filter(|height| **height <= JOINED).count() as u64)
    }

    /// The number of pairs.
    pub fn pairs(&self) -> u64 {
        self.pieces.len() as u64
    }
}

/// Trains and joins all pairs of one width, which is the part `from` to `to` of the study.
pub(super) fn measure(
    settings: &StarSettings,
    width: usize,
    progress: &mut dyn Progress,
    (from, to): (f64, f64),
) -> Result<Width> {
    let StarSettings { pairs, steps, teachers, seed, .. } = *settings;
    let (x, y) = regression(&format!("synthetic:teacher?d=2&n=200&k={teachers}&seed={seed}"))?;
    let arch = Arch::dense(Activation::Relu, &[2, width, y.dims2()?.1], true)?;
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    let objective = EmpiricalRisk::new(&arch, Examples::new(&x, &y)?, criterion)?.with_memory(256 << 20);
    let half = f64::midpoint(from, to);
    let seeds: Vec<u64> = (0..2 * pairs as u64).map(|i| seed.wrapping_add(i)).collect();
    let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu)?;
    let training = TrainSettings {
        epochs: steps,
        batch: 0,
        rule: Rule::Adam { weight_decay: 0., decoupled: false },
        lr: STEP,
        schedule: Schedule { decay: Decay::Cosine, warmup: 0 },
        ..TrainSettings::default()
    };
    let mut watch = TrainingProgress::new(progress, from, half);
    let runs = train(&objective, &start, &seeds, &training, &mut watch)?.runs;
    watch.finish()?;
    let zero = Tensor::zeros((1, arch.layout().len()), DType::F64, &Device::Cpu)?;
    let zero = objective.risks(&Span::stack(&zero)?)?[0];
    let star = LearnedStar { epochs: steps, batch: 0, lr: CENTRE_STEP, ..LearnedStar::default() };
    let mut found = Width { width, ends: vec![], straight: vec![], pieces: vec![] };
    for (i, pair) in runs.chunks_exact(2).enumerate() {
        let share = |i: usize| half + (to - half) * i as f64 / pairs as f64;
        let mut part = Part::new(progress, share(i), share(i + 1));
        let ends = Tensor::stack(&[&pair[0].theta, &pair[1].theta], 0)?;
        let mut search = Search { objective: &objective, seed, progress: &mut part };
        let centre = star.centre(&ends, &mut search)?;
        let height = |path: Path, points: usize| -> Result<f64> {
            Ok(profile(&path, points, &objective, None)?.barrier().above_ends / zero)
        };
        found.straight.push(height(Path::segment(&pair[0].theta, &pair[1].theta)?, POINTS)?);
        let through = Tensor::stack(&[&pair[0].theta, &centre, &pair[1].theta], 0)?;
        found.pieces.push(height(Path::polychain(through)?, 2 * POINTS - 1)?);
        found.ends.push([pair[0].value.risk / zero, pair[1].value.risk / zero]);
        proceed(progress.update(share(i + 1)))?;
    }
    Ok(found)
}
