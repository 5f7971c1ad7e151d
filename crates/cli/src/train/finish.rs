//! Finishing after training: each run goes on to a minimum, and its state is saved like that of training.

use std::{ops::ControlFlow, time::Instant};

use candle_core::Tensor;
use collado_dynamics::{
    FinishSettings, FinishState, FinishStep, FinishStop, Finished, ObserveFinish, Stop, TrainState, Trained,
    Training, finish,
};
use collado_risk::{EmpiricalRisk, ExactCurvature, Objective, Rows, Span, Statistics};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{TrainArgs, log::EpochLog, state::Saved};
use crate::{
    args::Common,
    failure::Failure,
    progress, shown,
    task::{self, Task},
};

/// Where the finishing of one run stands.
#[derive(Clone)]
pub(super) enum Stage {
    Going(FinishState),
    Done(Finished),
}

impl Stage {
    /// The end, if it has come.
    pub(super) fn done(&self) -> Option<&Finished> {
        match self {
            Self::Going(_) => None,
            Self::Done(finished) => Some(finished),
        }
    }
}

/// What finishing was asked for, and how it ended, in summaries and files.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct FinishRecord {
    /// The norm that was asked for, relative to 1 + F.
    pub(super) gradient: f64,
    pub(super) reached: bool,
    pub(super) stop: &'static str,
    /// The norm of the gradient at the point that is written, computed in F64.
    pub(super) gradient_norm: f64,
    pub(super) steps: u64,
    hessian_products: u64,
    seconds: f64,
}

impl FinishRecord {
    pub(super) fn new(gradient: f64, end: &Finished) -> Self {
        Self {
            gradient,
            reached: end.stop == FinishStop::Reached,
            stop: end.stop.name(),
            gradient_norm: end.gradient_norm,
            steps: end.steps,
            hessian_products: end.products,
            seconds: end.seconds,
        }
    }
}

impl FinishRecord {
    /// The end in words, to be put behind those of training.
    pub(super) fn text(&self) -> String {
        let Self { gradient_norm, steps, reached, stop, .. } = *self;
        let steps = shown::counted(steps as usize, "step");
        let end = if reached { String::new() } else { format!(" ({stop})") };
        format!(", then {steps} to a gradient of norm {}{end}", shown::significant(gradient_norm, 3))
    }
}

/// Finishes the runs of a training one after the other, those that are not finished yet.
pub(super) fn all(
    args: &TrainArgs,
    task: &Task,
    files: &Saved,
    gradient: f64,
    training: &mut Training,
    logs: Vec<EpochLog>,
    stages: Vec<Option<Stage>>,
) -> Result<(Vec<EpochLog>, Vec<Option<Stage>>), Failure> {
    let settings = FinishSettings { gradient, max_time: args.max_seconds, ..FinishSettings::default() };
    let mut watch = Watch {
        task,
        files,
        state: ended(training)?,
        logs,
        stages,
        run: 0,
        epochs: 0,
        buffers: None,
        bar: progress::bar("finishing", args.common.quiet),
        every: args.save_every,
        last: Instant::now(),
        settings: &settings,
    };
    for (run, trained) in training.runs.iter_mut().enumerate() {
        let start = match &watch.stages[run] {
            None if matches!(trained.stop, Stop::Diverged | Stop::Interrupted) => continue,
            None => FinishState::start(&trained.theta)?,
            Some(Stage::Going(state)) => state.clone(),
            Some(Stage::Done(_)) => continue,
        };
        watch.begin(run, constants(task, trained));
        let risk = match &watch.buffers {
            Some(row) => task.train.clone().with_buffers(row)?,
            None => task.train.clone(),
        };
        let curvature = exact(&risk, &args.common)?;
        let end = finish(&risk, curvature.as_ref(), task.dtype, start, &settings, &mut watch)?;
        if end.stop == FinishStop::Interrupted {
            watch.save()?;
            trained.stop = Stop::Interrupted;
            break;
        }
        watch.stages[run] = Some(Stage::Done(end));
        watch.save()?;
    }
    watch.bar.finish_and_clear();
    let Watch { logs, stages, .. } = watch;
    for (trained, stage) in training.runs.iter_mut().zip(&stages) {
        if let Some(Stage::Done(end)) = stage {
            (trained.theta, trained.value) = (end.theta.clone(), end.value);
            // Averages of the training do not belong to another point.
            trained.buffers = constants(task, trained);
        }
    }
    Ok((logs, stages))
}

/// The running statistics of a run where they are constants of the risk.
fn constants(task: &Task, trained: &Trained) -> Option<Tensor> {
    trained.buffers.clone().filter(|_| task.statistics() == Some(Statistics::Interpolate))
}

/// The exact curvature, for Newton's method; without it L-BFGS is used.
fn exact(risk: &EmpiricalRisk, common: &Common) -> Result<Option<ExactCurvature>, Failure> {
    match ExactCurvature::new(risk) {
        Ok(curvature) => {
            common.note_cpu("products with Hessians are computed");
            Ok(Some(curvature))
        }
        Err(collado_risk::Error::Unsupported { what, found }) => {
            common.note(format!("--finish takes L-BFGS: {what} is not available for {found}"));
            Ok(None)
        }
        Err(error) => Err(task::short_of_memory(error, 1)),
    }
}

/// The state of a training all of whose runs have ended.
fn ended(training: &Training) -> Result<TrainState, Failure> {
    let first = &training.runs.first().ok_or_else(|| Failure::new("no run was trained"))?.theta;
    Ok(TrainState {
        steps: training.runs.iter().map(|run| run.steps).max().unwrap_or_default(),
        seconds: training.seconds,
        alive: Vec::new(),
        theta: first.unsqueeze(0)?,
        buffers: None,
        optimizer: None,
        ended: training.runs.iter().cloned().map(Some).collect(),
        first: vec![f64::NAN; training.runs.len()],
        stuck: false,
    })
}

/// The error of the first run whose gradient is not as small as was asked for.
pub(super) fn missed(seeds: &[u64], gradient: f64, stages: &[Option<Stage>]) -> Option<Failure> {
    let ends = stages.iter().map(|stage| stage.as_ref().and_then(Stage::done));
    let (seed, end) = seeds
        .iter()
        .zip(ends)
        .find_map(|(seed, end)| Some((seed, end.filter(|e| e.stop != FinishStop::Reached)?)))?;
    let (norm, stop) = (shown::significant(end.gradient_norm, 3), end.stop.name());
    let message =
        format!("seed {seed}: expected a gradient norm of at most {gradient}·(1+F), found {norm} ({stop})");
    Some(Failure::new(message).hint(match end.stop {
        FinishStop::Rounded => "--dtype f64, since rounding to f32 moves the point off the minimum",
        FinishStop::MaxTime => "a longer --max-seconds",
        _ => "minima of ReLU networks lie on kinks, where no gradient vanishes: a smooth activation such as tanh has \
              none; without --kappa separable data have no minimum",
    }))
}

/// The observer of finishing: progress, history, saved states.
struct Watch<'a> {
    task: &'a Task,
    files: &'a Saved,
    /// The state of the training before.
    state: TrainState,
    logs: Vec<EpochLog>,
    stages: Vec<Option<Stage>>,
    /// The run that is being finished, and the epochs that it was trained.
    run: usize,
    epochs: u64,
    /// Its running statistics `[B]`, where they are constants.
    buffers: Option<Tensor>,
    bar: ProgressBar,
    every: std::time::Duration,
    last: Instant,
    settings: &'a FinishSettings,
}

impl Watch<'_> {
    fn begin(&mut self, run: usize, buffers: Option<Tensor>) {
        (self.run, self.buffers) = (run, buffers);
        self.epochs = self.logs[run].trained().map_or(0, |epoch| epoch as u64);
        // A bar in decades: how far the logarithm of the gradient has come.
        self.bar.set_length(100);
        self.bar.set_position(0);
    }

    fn save(&mut self) -> Result<(), Failure> {
        self.last = Instant::now();
        Ok(self.files.write(&self.state, &self.logs, &self.stages)?)
    }

    /// Adds a line to the history, unless a resumed run has it already.
    fn note(&mut self, step: &FinishStep<'_>) -> collado_dynamics::Result<()> {
        let epoch = (self.epochs + step.state.steps) as f64;
        if self.logs[self.run].epochs.last().is_some_and(|&last| last >= epoch) {
            return Ok(());
        }
        let point = Span::stack(&step.state.theta.unsqueeze(0)?)?;
        let point = match &self.buffers {
            Some(row) => point.with_buffers(&row.unsqueeze(0)?)?,
            None => point,
        };
        let test = self.task.test.as_ref().map(|t| t.evaluate(&point, Rows::All, None)).transpose()?;
        self.logs[self.run].push(epoch, step.value, test.map(|t| t[0]), step.gradient_norm);
        Ok(())
    }
}

impl ObserveFinish for Watch<'_> {
    fn observe(&mut self, step: &FinishStep<'_>) -> collado_dynamics::Result<()> {
        self.note(step)?;
        let bound = self.settings.bound(step.value.risk);
        let share = (1. / (1. + (step.gradient_norm / bound).max(1.).log10())).clamp(0., 1.);
        self.bar.set_position((100. * share) as u64);
        self.stages[self.run] = Some(Stage::Going(step.state.clone()));
        if self.last.elapsed() >= self.every {
            self.save().map_err(|e| collado_dynamics::Error::Method(e.to_string()))?;
        }
        Ok(())
    }

    fn poll(&mut self) -> ControlFlow<()> {
        progress::flow()
    }
}
