//! The reference network that both ends of a constructive path are moved to.

use std::{ops::ControlFlow, sync::Arc};

use candle_core::{DType, Device, Tensor};
use collado_models::{Arch, Init};
use collado_risk::{EmpiricalRisk, Progress};
use faer::Mat;

use super::{Constructive, HiddenLayer, data::Data, readout::Output};
use crate::{Epoch, Observe, Result, Rule, Schedule, TrainSettings, dense::Dense, schedule::Decay, train};

/// A small network that both ends are moved to.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) hidden: HiddenLayer,
    pub(super) output: Output,
}

impl Reference {
    /// The best network found with as many neurons as each of `starts` has: those hidden layers themselves, and what
    /// training makes of them and of some random ones; the output weights are always the optimum.
    ///
    /// `enough` is a risk that is low enough: if a start has it, nothing is trained.
    pub(super) fn find(
        task: &Constructive,
        data: &Data,
        starts: &[HiddenLayer],
        enough: f64,
        seed: u64,
        progress: &mut dyn Progress,
    ) -> Result<Self> {
        let mut all: Vec<_> =
            starts.iter().map(|hidden| Self::refit(task, data, hidden.clone())).collect::<Result<_>>()?;
        let neurons = starts[0].weight.nrows();
        if all.iter().all(|(_, risk)| *risk > enough) && neurons > 0 {
            let arch = task.narrow(neurons)?;
            let stack: Vec<_> = all.iter().map(|(reference, _)| reference.dense().row()).collect();
            for hidden in trained(task, &arch, stack, data.dtype, seed, progress)? {
                all.push(Self::refit(task, data, hidden)?);
            }
        }
        let best = all.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(reference, _)| reference).ok_or(crate::Error::Numerics("the reference network"))
    }

    /// The network with the best output weights for `hidden`, and its risk.
    fn refit(task: &Constructive, data: &Data, hidden: HiddenLayer) -> Result<(Self, f64)> {
        let readout = data.readout(&hidden, task);
        let all: Vec<usize> = (0..hidden.weight.nrows()).collect();
        let (output, value) = readout.solve(&all)?;
        let risk = value + task.hidden_penalty(&hidden);
        Ok((Self { hidden, output }, risk))
    }

    fn dense(&self) -> Dense {
        Dense {
            weights: vec![self.hidden.weight.clone(), self.output.weight.clone()],
            biases: vec![self.hidden.bias.clone(), self.output.bias.clone()],
        }
    }
}

/// Trains the `stack` and as many random starts as the settings say, as one stack; runs that diverge are left out.
fn trained(
    task: &Constructive,
    arch: &Arch,
    mut stack: Vec<Vec<f64>>,
    dtype: DType,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Vec<HiddenLayer>> {
    let settings = &task.settings;
    let seeds: Vec<u64> = (0..settings.starts as u64).map(|i| seed.wrapping_add(i)).collect();
    if !seeds.is_empty() {
        stack.extend(Init::default().stack(arch, &seeds, DType::F64, &Device::Cpu)?.to_vec2::<f64>()?);
    }
    let shape = (stack.len(), arch.layout().len());
    let theta = Tensor::from_vec(stack.concat(), shape, &Device::Cpu)?.to_dtype(dtype)?;
    let examples = task.risk.data();
    let risk = EmpiricalRisk::new(arch, Arc::clone(examples), task.risk.criterion())?;
    let objective = risk.with_memory(settings.memory);
    let examples = examples.len();
    let batch = if settings.batch == 0 { examples } else { settings.batch.min(examples) };
    let settings = TrainSettings {
        epochs: settings.steps.div_ceil(examples.div_ceil(batch) as u64).max(1),
        max_steps: Some(settings.steps),
        batch,
        rule: Rule::Adam { weight_decay: 0., decoupled: false },
        lr: settings.lr,
        schedule: Schedule { decay: Decay::Cosine, warmup: 0 },
        ..TrainSettings::default()
    };
    let runs = vec![seed; shape.0];
    let training = train(&objective, &theta, &runs, &settings, &mut Poll(progress))?;
    let finite = training.runs.into_iter().filter(|run| run.value.risk.is_finite());
    finite.map(|run| HiddenLayer::read(arch, &run.theta)).collect()
}

/// Asks the caller after each step whether to go on. Nothing of the search for a chain is done meanwhile: its share is 0.
struct Poll<'a>(&'a mut dyn Progress);

impl Observe for Poll<'_> {
    fn observe(&mut self, _: &Epoch<'_>) -> Result<()> {
        Ok(())
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.0.update(0.)
    }
}

impl HiddenLayer {
    /// The first layer of a point.
    pub(super) fn read(arch: &Arch, theta: &Tensor) -> Result<Self> {
        let dense = Dense::read(arch, theta)?;
        Ok(Self { weight: dense.weights[0].clone(), bias: dense.biases[0].clone() })
    }

    /// The layer with the given neurons only.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        Self {
            weight: Mat::from_fn(rows.len(), self.weight.ncols(), |i, j| self.weight[(rows[i], j)]),
            bias: if self.bias.is_empty() {
                Vec::new()
            } else {
                rows.iter().map(|&i| self.bias[i]).collect()
            },
        }
    }
}
