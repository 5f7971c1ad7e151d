//! What is measured at one width.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Targets};
use collado_dynamics::{
    Connect, Curve, Decay, Epoch, Linear, Observe, Rule, Schedule, Search, TrainSettings, train,
};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Part, Progress, Regularizer, profile};
use serde::{Deserialize, Serialize};

use super::WidthSettings;
use crate::{Result, StudyError, error::refuse, training::TrainingProgress};

/// What was found at one width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Width {
    /// Number of hidden neurons m.
    pub neurons: usize,
    /// The final training loss of each run.
    pub losses: Vec<f64>,
    /// The final share of misclassified training examples.
    pub errors: Vec<f64>,
    /// The training loss at the start and after each epoch, for each run.
    pub history: Vec<Vec<f64>>,
    /// For each pair of runs, the straight line's barrier above the ends, at 61 points.
    pub straight: Vec<f64>,
    /// For each pair of runs, the barrier of a trained Bézier curve with one bend above the ends.
    pub curved: Vec<f64>,
}

impl Width {
    /// The number of runs whose final loss is at most `target`.
    pub fn hits(&self, target: f64) -> usize {
        self.losses.iter().filter(|loss| **loss <= target).count()
    }
}

/// The share of the work that is training; the rest is connecting.
const TRAINING: f64 = 0.6;

/// Trains all runs as one stack and connects neighbours.
pub(super) fn measure(
    data: &Dataset,
    settings: &WidthSettings,
    neurons: usize,
    progress: &mut dyn Progress,
) -> Result<Width> {
    let Targets::Classes { labels, .. } = &data.train.targets else {
        return refuse("data", "classes", "real targets");
    };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu)?;
    let inputs = data.train.inputs.to_dtype(DType::F64)?;
    let arch = Arch::dense(Activation::Relu, &[data.features(), neurons, data.outputs()], true)?;
    let criterion = Criterion { loss: Loss::CrossEntropy, kappa: 0., regularizer: Regularizer::L2 };
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&inputs, &labels)?, criterion)?.with_memory(256 << 20);
    let seeds: Vec<u64> = (0..settings.runs as u64).map(|i| settings.seed.wrapping_add(i)).collect();
    let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu)?;
    let mut history = History {
        training: TrainingProgress::new(progress, 0., TRAINING),
        losses: vec![Vec::new(); settings.runs],
    };
    let runs = train(&objective, &start, &seeds, &training(settings), &mut history)?.runs;
    let History { training, losses } = history;
    training.finish()?;
    let ends: Vec<Tensor> = runs.iter().map(|run| run.theta.clone()).collect();
    let [straight, curved] = barriers(&objective, settings, &ends, &mut Part::new(progress, TRAINING, 1.))?;
    Ok(Width {
        neurons,
        losses: runs.iter().map(|run| run.value.loss).collect(),
        errors: runs.iter().map(|run| run.value.error).collect(),
        history: losses,
        straight,
        curved,
    })
}

/// Barriers of the straight line and of the trained curve between neighbouring `ends`.
fn barriers(
    objective: &EmpiricalRisk,
    settings: &WidthSettings,
    ends: &[Tensor],
    progress: &mut dyn Progress,
) -> Result<[Vec<f64>; 2]> {
    let curve = Curve { epochs: settings.curve_epochs, ..Curve::default() };
    let pairs = ends.len() / 2;
    let (mut straight, mut curved) = (Vec::new(), Vec::new());
    for (i, pair) in ends.chunks_exact(2).enumerate() {
        let mut part = Part::new(progress, i as f64 / pairs as f64, (i + 1) as f64 / pairs as f64);
        let seed = settings.seed.wrapping_add(i as u64);
        let mut search = Search { objective, seed, progress: &mut part };
        let line = Linear.find(&pair[0], &pair[1], &mut search)?.path;
        let bent = curve.find(&pair[0], &pair[1], &mut search)?.path;
        if part.is_stopped() {
            return Err(StudyError::Interrupted);
        }
        straight.push(profile(&line, 61, objective, None)?.barrier().above_ends);
        curved.push(profile(&bent, 61, objective, None)?.barrier().above_ends);
    }
    Ok([straight, curved])
}

fn training(settings: &WidthSettings) -> TrainSettings {
    TrainSettings {
        epochs: settings.epochs,
        batch: settings.batch,
        rule: Rule::Adam { weight_decay: 0., decoupled: false },
        lr: settings.lr,
        schedule: Schedule { decay: Decay::Cosine, warmup: 0 },
        ..TrainSettings::default()
    }
}

/// Keeps the losses after each epoch.
struct History<'a> {
    training: TrainingProgress<'a>,
    losses: Vec<Vec<f64>>,
}

impl Observe for History<'_> {
    fn observe(&mut self, epoch: &Epoch<'_>) -> collado_dynamics::Result<()> {
        epoch.runs.iter().zip(epoch.values).for_each(|(&run, value)| self.losses[run].push(value.loss));
        self.training.observe(epoch)
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.training.poll()
    }
}
