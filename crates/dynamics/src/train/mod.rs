mod lbfgs;
mod stack;
mod trainer;
mod wolfe;

use std::time::{Duration, Instant};

use candle_core::Tensor;
use collado_risk::{Evaluation, Objective};

use self::stack::Stack;
pub use self::trainer::Trainer;
use crate::{Error, Result, Rule, Schedule};

/// How a stack is trained.
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
    /// Passes over the examples.
    pub epochs: u64,
    /// Examples in a minibatch; 0 = all.
    pub batch: usize,
    /// Update rule.
    pub rule: Rule,
    /// Step size.
    pub lr: f64,
    /// Step size over the run.
    pub schedule: Schedule,
    /// At most so many steps.
    pub max_steps: Option<u64>,
    /// At most so long.
    pub max_time: Option<Duration>,
    /// A run stops when its risk is this small.
    pub until_risk: Option<f64>,
    /// A run stops when the norm of its gradient is this small.
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

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The risk or gradient asked for was reached, or L-BFGS can go no further.
    Converged,
    /// All epochs were done.
    Epochs,
    /// The steps allowed were done.
    MaxSteps,
    /// The time was up.
    MaxTime,
    /// The risk is no longer a finite number, or was above that of the start when all steps were done.
    Diverged,
    /// Someone asked to stop.
    Interrupted,
}

impl Stop {
    /// Name in summaries.
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

    /// From its name in summaries.
    pub fn from_name(name: &str) -> Option<Self> {
        use Stop::{Converged, Diverged, Epochs, Interrupted, MaxSteps, MaxTime};
        [Converged, Epochs, MaxSteps, MaxTime, Diverged, Interrupted]
            .into_iter()
            .find(|stop| stop.name() == name)
    }
}

/// What an observer is told after each epoch.
pub struct Epoch<'a> {
    /// Epochs done; 0 is the start.
    pub epoch: u64,
    /// Of so many.
    pub epochs: u64,
    /// Which runs are still going.
    pub runs: &'a [usize],
    /// Their points `[runs, S]`.
    pub theta: &'a Tensor,
    /// Their values on all training examples.
    pub values: &'a [Evaluation],
}

/// What an observer wants after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// To go on.
    Continue,
    /// To be given the state, and to go on.
    Save,
    /// To be given the state, and to stop.
    Stop,
}

/// Watches a loop; loops print nothing themselves.
pub trait Observe {
    /// After each epoch.
    ///
    /// # Errors
    /// Whatever ends the loop.
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<()>;

    /// After each step.
    fn poll(&mut self) -> Control {
        Control::Continue
    }

    /// The state, when it was wished for.
    ///
    /// # Errors
    /// Whatever ends the loop.
    fn save(&mut self, _: TrainState) -> Result<()> {
        Ok(())
    }
}

impl<F: FnMut(&Epoch<'_>) -> Result<()>> Observe for F {
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<()> {
        self(epoch)
    }
}

/// How one run ended.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The last point `[S]`.
    pub theta: Tensor,
    /// Its values on all training examples.
    pub value: Evaluation,
    /// Why it ended.
    pub stop: Stop,
    /// Steps taken.
    pub steps: u64,
}

/// What [`train`] returns.
#[derive(Debug, Clone)]
pub struct Training {
    /// One for each row of the stack.
    pub runs: Vec<Trained>,
    /// Time in sampling, forward, backward and update.
    pub seconds: f64,
}

/// All that a training run needs to go on to the same bits; the minibatches depend on (seed, step) only.
#[derive(Debug, Clone)]
pub struct TrainState {
    /// Steps done.
    pub steps: u64,
    /// Time in sampling, forward, backward and update.
    pub seconds: f64,
    /// Which runs are still going.
    pub alive: Vec<usize>,
    /// Their points `[alive, S]`.
    pub theta: Tensor,
    /// What the optimiser remembers, `[alive, S]` each, and its steps; nothing before the first step.
    pub optimizer: Option<(Vec<Tensor>, u64)>,
    /// The runs that have ended.
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
/// When a setting is out of range, and those of the objective and the observer.
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
        optimizer: None,
        ended: vec![None; points],
        first: vec![f64::NAN; points],
        stuck: false,
    };
    resume(objective, seeds, settings, state, observer)
}

/// Goes on from a saved state, to the same bits as if it had never stopped.
///
/// # Errors
/// Those of [`train`], and when the state does not fit.
pub fn resume(
    objective: &dyn Objective,
    seeds: &[u64],
    settings: &TrainSettings,
    state: TrainState,
    observer: &mut dyn Observe,
) -> Result<Training> {
    check(settings, &state)?;
    let mut run = Stack::new(objective, seeds, settings, state)?;
    let start = Instant::now();
    // States are saved after a step, before an epoch that ends there is looked at.
    if run.is_between_epochs() {
        run.visit(run.epochs_done(), start, observer)?;
    }
    while !run.is_done() {
        if run.epoch(observer)? {
            run.visit(run.epochs_done(), start, observer)?;
        } else {
            run.interrupt()?;
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
    Ok(())
}
