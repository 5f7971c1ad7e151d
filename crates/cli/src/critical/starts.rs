//! The starts of searches for critical points.

use std::ops::ControlFlow;

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Epoch, Observe, TrainSettings, train};
use collado_landscape::Goal;

use super::args::CriticalArgs;
use crate::{failure::Failure, progress, task::Task};

/// The origin of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    /// Seed of the initialisation.
    pub(super) seed: u64,
    /// Number of epochs of training; `None` for a random start.
    pub(super) epoch: Option<u64>,
    /// The function that the search lowers.
    pub(super) goal: Goal,
}

impl Start {
    pub(super) fn source(&self) -> &'static str {
        match (self.epoch, self.goal) {
            (Some(_), _) => "run",
            (None, Goal::Gradient) => "random",
            (None, Goal::Risk) => "descent",
        }
    }
}

/// All starts with their stack: first random points, then random points from which F is lowered, then points along
/// training runs.
pub(super) fn all(args: &CriticalArgs, task: &Task) -> Result<(Vec<Start>, Tensor), Failure> {
    let seed = args.common.seed;
    let runs: Vec<u64> = (0..args.runs).map(|i| seed.wrapping_add(i)).collect();
    let count = args.starts + args.descents;
    let random: Vec<u64> = (0..count).map(|i| seed.wrapping_add(args.runs + i)).collect();
    let goal = |i: usize| if (i as u64) < args.starts { Goal::Gradient } else { Goal::Risk };
    let start = |(i, &seed): (usize, &u64)| Start { seed, epoch: None, goal: goal(i) };
    let mut starts: Vec<Start> = random.iter().enumerate().map(start).collect();
    let mut points = vec![];
    if !random.is_empty() {
        points.push(args.init.stack(&task.arch, &random, DType::F64, &Device::Cpu)?);
    }
    if !runs.is_empty() && args.per_run > 0 {
        let mut watch =
            StopObserver { epochs: moments(args.epochs, args.per_run), runs: &runs, found: vec![] };
        let settings =
            TrainSettings { epochs: args.epochs, batch: args.batch, lr: args.lr, ..TrainSettings::default() };
        let theta = args.init.stack(&task.arch, &runs, DType::F64, &Device::Cpu)?;
        train(&task.train, &theta, &runs, &settings, &mut watch)?;
        if progress::interrupted() {
            return Err(Failure::interrupted("interrupted; nothing was written"));
        }
        // Run by run, each from its beginning.
        watch.found.sort_by_key(|(start, _)| (start.seed.wrapping_sub(seed), start.epoch));
        for (start, theta) in watch.found {
            starts.push(start);
            points.push(theta.unsqueeze(0)?);
        }
    }
    let points = if points.is_empty() {
        Tensor::zeros((0, task.arch.layout().len()), DType::F64, &Device::Cpu)?
    } else {
        Tensor::cat(&points, 0)?
    };
    Ok((starts, points))
}

/// Epochs from 1 to the last one, evenly on a log scale; there are fewer where they coincide.
fn moments(epochs: u64, count: usize) -> Vec<u64> {
    let share = |i: usize| if count < 2 { 1. } else { i as f64 / (count - 1) as f64 };
    let mut all: Vec<u64> = (0..count).map(|i| (epochs as f64).powf(share(i)).round() as u64).collect();
    all.dedup();
    all
}

/// An observer that keeps the points of some epochs.
struct StopObserver<'a> {
    epochs: Vec<u64>,
    runs: &'a [u64],
    found: Vec<(Start, Tensor)>,
}

impl Observe for StopObserver<'_> {
    fn observe(&mut self, epoch: &Epoch<'_>) -> collado_dynamics::Result<()> {
        if self.epochs.contains(&epoch.epoch) {
            for (row, &run) in epoch.runs.iter().enumerate() {
                let start = Start { seed: self.runs[run], epoch: Some(epoch.epoch), goal: Goal::Gradient };
                if epoch.values[row].risk.is_finite() {
                    self.found.push((start, epoch.theta.get(row)?.copy()?));
                }
            }
        }
        Ok(())
    }

    fn poll(&mut self) -> ControlFlow<()> {
        progress::flow()
    }
}
