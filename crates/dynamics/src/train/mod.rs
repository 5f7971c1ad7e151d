//! The training loop: optimises every point of a stack, each with its own minibatches.

mod ahead;
mod lbfgs;
mod stack;
mod trainer;
mod wolfe;

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use candle_core::Tensor;
use collado_risk::{Evaluation, Objective};
use tracing::{info, info_span};

pub(crate) use self::lbfgs::Lbfgs;
use self::stack::Stack;
pub use self::trainer::Trainer;
use crate::{Error, Result, Rule, Schedule};

/// The settings of a training run.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `epochs` | 100 | passes over the examples | ≥ 1 |
/// | `batch` | 64 | minibatch; 0 = all examples (gradient descent) | |
/// | `rule` | SGD, momentum 0.9 | update | |
/// | `lr` | 0.05 | step size α | > 0 |
/// | `schedule` | constant | step size over the run | |
/// | `max_steps`, `max_time` | none | limits | |
/// | `until_risk`, `until_gradient` | none | stop of a run, checked after each epoch on all examples | |
#[derive(Debug, Clone)]
pub struct TrainSettings {
    /// Number of epochs, that is, of passes over the examples.
    pub epochs: u64,
    /// Number of examples in a minibatch; 0 means all examples.
    pub batch: usize,
    /// Update rule.
    pub rule: Rule,
    /// The step size α.
    pub lr: f64,
    /// The schedule of the step size over the run.
    pub schedule: Schedule,
    /// The largest number of steps.
    pub max_steps: Option<u64>,
    /// The longest time of training.
    pub max_time: Option<Duration>,
    /// A run stops when its risk is at most this.
    pub until_risk: Option<f64>,
    /// A run stops when the norm of its gradient is at most this.
    pub until_gradient: Option<f64>,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch: 64,
            rule: Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0. },
            lr: 0.05,
            schedule: Schedule::default(),
            max_steps: None,
            max_time: None,
            until_risk: None,
            until_gradient: None,
        }
    }
}

/// The reason why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The risk or gradient asked for was reached, or L-BFGS can go no further.
    Converged,
    /// All epochs were done.
    Epochs,
    /// The largest number of steps was done.
    MaxSteps,
    /// The longest time was over.
    MaxTime,
    /// The risk is no longer a finite number, or was above that of the start when all steps were done.
    Diverged,
    /// The observer asked to stop.
    Interrupted,
}

impl Stop {
    /// The name of the reason in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Epochs => "epochs",
            Self::MaxSteps => "max-steps",
            Self::MaxTime => "max-time",
            Self::Diverged => "diverged",
            Self::Interrupted => "interrupted",
        }
    }

    /// The reason with the given name in summaries.
    pub fn from_name(name: &str) -> Option<Self> {
        use Stop::{Converged, Diverged, Epochs, Interrupted, MaxSteps, MaxTime};
        [Converged, Epochs, MaxSteps, MaxTime, Diverged, Interrupted]
            .into_iter()
            .find(|stop| stop.name() == name)
    }
}

/// The state of a training run that an observer is told after each epoch.
pub struct Epoch<'a> {
    /// Number of epochs done; 0 is the start.
    pub epoch: u64,
    /// Total number of epochs.
    pub epochs: u64,
    /// The numbers of the runs that are still going.
    pub runs: &'a [usize],
    /// Their points `[runs, S]`.
    pub theta: &'a Tensor,
    /// Their running statistics `[runs, B]`, if training keeps some.
    pub buffers: Option<&'a Tensor>,
    /// Their values on all training examples.
    pub values: &'a [Evaluation],
}

/// Watches a loop; loops print nothing themselves.
///
/// `()` sees nothing and never stops a loop; a closure sees the epochs.
pub trait Observe {
    /// Called after each epoch.
    ///
    /// # Errors
    /// An error of the observer, which ends the loop.
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<()>;

    /// Called after each step, or after several where the objective takes them together. After `Break` the state is handed to [`save`](Self::save), and all runs end here.
    fn poll(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Called after each [`poll`](Self::poll): whether the state is to be handed to [`save`](Self::save) now.
    fn is_save_due(&self) -> bool {
        false
    }

    /// Whether nothing is done with what the observer is told, so that a loop may tell it at the end only.
    fn is_idle(&self) -> bool {
        false
    }

    /// Takes the state.
    ///
    /// # Errors
    /// An error of the observer, which ends the loop.
    fn save(&mut self, _: TrainState) -> Result<()> {
        Ok(())
    }
}

impl Observe for () {
    fn observe(&mut self, _: &Epoch<'_>) -> Result<()> {
        Ok(())
    }

    fn is_idle(&self) -> bool {
        true
    }
}

impl<F: FnMut(&Epoch<'_>) -> Result<()>> Observe for F {
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<()> {
        self(epoch)
    }
}

/// The result of one run.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The last point `[S]`.
    pub theta: Tensor,
    /// The running statistics `[B]` of batch normalisation that training kept, if it kept some.
    pub buffers: Option<Tensor>,
    /// Its values on all training examples.
    pub value: Evaluation,
    /// The reason why it ended.
    pub stop: Stop,
    /// Number of steps taken.
    pub steps: u64,
}

/// The result of [`train`].
#[derive(Debug, Clone)]
pub struct Training {
    /// The results of the runs, one for each row of the stack.
    pub runs: Vec<Trained>,
    /// Seconds spent on sampling, forward pass, backward pass and update.
    pub seconds: f64,
}

/// The state from which a training run goes on to the same bits. The minibatches depend on (seed, step) only.
#[derive(Debug, Clone)]
pub struct TrainState {
    /// Number of steps done.
    pub steps: u64,
    /// Seconds spent on sampling, forward pass, backward pass and update.
    pub seconds: f64,
    /// The numbers of the runs that are still going.
    pub alive: Vec<usize>,
    /// Their points `[alive, S]`.
    pub theta: Tensor,
    /// Their running statistics `[alive, B]`, if training keeps some.
    pub buffers: Option<Tensor>,
    /// The tensors that the optimiser remembers, `[alive, S]` each, and its steps; `None` before the first step.
    pub optimizer: Option<(Vec<Tensor>, u64)>,
    /// The results of the runs that have ended.
    pub ended: Vec<Option<Trained>>,
    /// The risk of each run at its start; NaN before the first step.
    pub first: Vec<f64>,
    /// Whether the last step of L-BFGS could go no further.
    pub stuck: bool,
}

/// Trains every row of `theta` `[P, S]` on `objective`, each with minibatches of its own drawn from `seeds[p]`:
/// `theta - alpha * evaluate_gradient(J, window, theta)`, all rows as one stack. Rows that end leave the stack.
///
/// # Errors
/// When a setting is out of range, and the errors of the objective and the observer.
pub fn train(
    objective: &dyn Objective,
    theta: &Tensor,
    seeds: &[u64],
    settings: &TrainSettings,
    observer: &mut dyn Observe,
) -> Result<Training> {
    let points = theta.dims2()?.0;
    let state = TrainState {
        steps: 0,
        seconds: 0.,
        alive: (0..points).collect(),
        theta: theta.copy()?,
        buffers: None,
        optimizer: None,
        ended: vec![None; points],
        first: vec![f64::NAN; points],
        stuck: false,
    };
    resume(objective, seeds, settings, state, observer)
}

/// Continues from a saved state, to the same bits as if the run had never stopped.
///
/// # Errors
/// The errors of [`train`], and when the state does not fit the settings.
pub fn resume(
    objective: &dyn Objective,
    seeds: &[u64],
    settings: &TrainSettings,
    state: TrainState,
    observer: &mut dyn Observe,
) -> Result<Training> {
    check(settings, &state)?;
    let TrainSettings { epochs, batch, .. } = *settings;
    let _span = info_span!("train", runs = state.ended.len(), epochs, batch).entered();
    if state.steps > 0 {
        info!(step = state.steps, going = state.alive.len(), "resumed");
    }
    let mut run = Stack::new(objective, seeds, settings, state)?;
    let start = Instant::now();
    // States are saved after a step, before an epoch that ends there is looked at.
    if run.is_between_epochs() {
        run.visit(run.epochs_done(), start, observer)?;
    }
    while !run.is_done() {
        match run.epoch(observer)? {
            ControlFlow::Continue(()) => run.visit(run.epochs_done(), start, observer)?,
            ControlFlow::Break(()) => run.interrupt()?,
        }
    }
    Ok(run.end())
}

fn check(settings: &TrainSettings, state: &TrainState) -> Result<()> {
    let setting = |name, expected, found| Err(Error::Setting { name, expected, found });
    if !(settings.lr > 0. && settings.lr.is_finite()) {
        return setting("lr", "a finite number > 0", settings.lr.to_string());
    }
    if settings.epochs == 0 {
        return setting("epochs", "at least 1", "0".into());
    }
    if settings.rule == Rule::Lbfgs && settings.batch != 0 {
        return setting("batch", "0 (all examples) for L-BFGS", settings.batch.to_string());
    }
    if settings.rule == Rule::Lbfgs && state.ended.len() != 1 {
        return setting("seeds", "one run for L-BFGS", state.ended.len().to_string());
    }
    if state.steps > 0 && state.optimizer.is_none() {
        return Err(Error::State("expected what the optimiser remembers, found nothing".into()));
    }
    if state.first.len() != state.ended.len() {
        let (found, expected) = (state.first.len(), state.ended.len());
        return Err(Error::State(format!("expected {expected} risks of the starts, found {found}")));
    }
    let rows = state.theta.dims2()?.0;
    if rows != state.alive.len() || state.alive.iter().any(|&i| i >= state.ended.len()) {
        return Err(Error::State(format!("{rows} points for the runs {:?}", state.alive)));
    }
    let mut alive = vec![false; state.ended.len()];
    state.alive.iter().for_each(|&run| alive[run] = true);
    match alive.iter().zip(&state.ended).position(|(alive, ended)| *alive == ended.is_some()) {
        Some(run) => Err(Error::State(format!("run {run}: expected that it goes on or has ended"))),
        None => Ok(()),
    }
}
