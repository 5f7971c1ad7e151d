use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Targets};
use collado_dynamics::{
    Connect, Control, Curve, Decay, Epoch, Linear, Observe, Rule, Schedule, Search, TrainSettings, train,
};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Regularizer, profile};
use serde::{Deserialize, Serialize};

use super::WidthSettings;
use crate::{
    Result, StudyError,
    watch::{Progress, Watch},
};

/// What was found at one width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Width {
    /// m.
    pub neurons: usize,
    /// Final training loss of each run.
    pub losses: Vec<f64>,
    /// Final share of misclassified training examples.
    pub errors: Vec<f64>,
    /// Training loss at the start and after each epoch, for each run.
    pub history: Vec<Vec<f64>>,
    /// For each pair of runs, the straight line's barrier above the ends, at 61 points.
    pub straight: Vec<f64>,
    /// And that of a trained Bézier curve with one bend.
    pub curved: Vec<f64>,
}

impl Width {
    /// Runs whose final loss is at most `target`.
    pub fn hits(&self, target: f64) -> usize {
        self.losses.iter().filter(|loss| **loss <= target).count()
    }
}

/// Trains all runs as one stack and connects neighbours.
pub(super) fn measure(
    data: &Dataset,
    settings: &WidthSettings,
    neurons: usize,
    [from, to]: [f64; 2],
    progress: Progress<'_>,
) -> Result<Width> {
    let Targets::Classes { labels, .. } = &data.train.targets else {
        let found = "real targets".into();
        return Err(StudyError::Setting { name: "--data", expected: "classes", found });
    };
    let labels = Tensor::from_slice(labels, labels.len(), &Device::Cpu)?;
    let inputs = data.train.inputs.to_dtype(DType::F64)?;
    let arch = Arch::dense(Activation::Relu, &[data.features(), neurons, data.outputs()], true)?;
    let criterion = Criterion { loss: Loss::CrossEntropy, kappa: 0., regularizer: Regularizer::L2 };
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&inputs, &labels)?, criterion)?.with_memory(256 << 20);
    let seeds: Vec<u64> = (0..settings.runs as u64).map(|i| settings.seed.wrapping_add(i)).collect();
    let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu)?;
    let middle = 0.6 * to + 0.4 * from;
    let mut history =
        History { watch: Watch::new(progress, from, middle), losses: vec![Vec::new(); settings.runs] };
    let runs = train(&objective, &start, &seeds, &training(settings), &mut history)?.runs;
    let History { watch, losses } = history;
    if watch.stopped() {
        return Err(StudyError::Interrupted);
    }
    let ends: Vec<Tensor> = runs.iter().map(|run| run.theta.clone()).collect();
    let [straight, curved] = barriers(&objective, settings, &ends, [middle, to], progress)?;
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
    [from, to]: [f64; 2],
    progress: Progress<'_>,
) -> Result<[Vec<f64>; 2]> {
    let curve = Curve { epochs: settings.curve_epochs, ..Curve::default() };
    let pairs = ends.len() / 2;
    let (mut straight, mut curved) = (Vec::new(), Vec::new());
    for (i, pair) in ends.chunks_exact(2).enumerate() {
        let mut go_on = true;
        let mut inner = |step: u64, steps: u64| {
            let share = (i as f64 + step as f64 / steps as f64) / pairs as f64;
            go_on = progress(from + (to - from) * share);
            go_on
        };
        let seed = settings.seed.wrapping_add(i as u64);
        let mut search = Search { objective, seed, progress: &mut inner };
        let line = Linear.find(&pair[0], &pair[1], &mut search)?.path;
        let bent = curve.find(&pair[0], &pair[1], &mut search)?.path;
        if !go_on {
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
struct History<'a, 'b> {
    watch: Watch<'a, 'b>,
    losses: Vec<Vec<f64>>,
}

impl Observe for History<'_, '_> {
    fn observe(&mut self, epoch: &Epoch<'_>) -> collado_dynamics::Result<()> {
        epoch.runs.iter().zip(epoch.values).for_each(|(&run, value)| self.losses[run].push(value.loss));
        self.watch.observe(epoch)
    }

    fn poll(&mut self) -> Control {
        self.watch.poll()
    }
}
