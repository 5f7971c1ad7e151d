use candle_core::Tensor;
use collado_models::{Objective, Rows, Span, Value};
use std::time::{Duration, Instant};

use crate::{Error, Optimizer, Result, Rule, Sampler, Schedule};

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
    /// The risk or gradient asked for was reached.
    Converged,
    /// All epochs or steps were done.
    MaxSteps,
    /// The time was up.
    MaxTime,
    /// The risk is no longer a finite number.
    Diverged,
    /// Someone asked to stop.
    Interrupted,
}

impl Stop {
    /// Name in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::MaxSteps => "max-steps",
            Self::MaxTime => "max-time",
            Self::Diverged => "diverged",
            Self::Interrupted => "interrupted",
        }
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
    pub values: &'a [Value],
}

/// Watches a loop; loops print nothing themselves.
pub trait Observe {
    /// After each epoch. `false` asks the loop to stop.
    ///
    /// # Errors
    /// Whatever ends the loop.
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<bool>;
}

impl<F: FnMut(&Epoch<'_>) -> Result<bool>> Observe for F {
    fn observe(&mut self, epoch: &Epoch<'_>) -> Result<bool> {
        self(epoch)
    }
}

/// How one run ended.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The last point `[S]`.
    pub theta: Tensor,
    /// Its values on all training examples.
    pub value: Value,
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
    check(settings)?;
    let mut run = Stack::new(objective, theta, seeds, settings)?;
    let start = Instant::now();
    run.visit(0, start, observer)?;
    for epoch in 1..=settings.epochs {
        if run.alive.is_empty() {
            break;
        }
        run.epoch(epoch - 1)?;
        run.visit(epoch, start, observer)?;
    }
    run.end()
}

fn check(settings: &TrainSettings) -> Result<()> {
    if !(settings.lr > 0. && settings.lr.is_finite()) {
        let found = settings.lr.to_string();
        return Err(Error::Setting { name: "lr", expected: "a finite number > 0", found });
    }
    if settings.epochs == 0 {
        return Err(Error::Setting { name: "epochs", expected: "at least 1", found: "0".into() });
    }
    Ok(())
}

/// The runs that are still going.
struct Stack<'a> {
    objective: &'a dyn Objective,
    settings: &'a TrainSettings,
    alive: Vec<usize>,
    theta: Tensor,
    grad: Tensor,
    optimizer: Optimizer,
    samplers: Vec<Sampler>,
    steps: u64,
    total: u64,
    done: Vec<Option<Trained>>,
    busy: Duration,
}

impl<'a> Stack<'a> {
    fn new(
        objective: &'a dyn Objective,
        theta: &Tensor,
        seeds: &[u64],
        settings: &'a TrainSettings,
    ) -> Result<Self> {
        let points = theta.dims2()?.0;
        if seeds.len() != points {
            let found = seeds.len().to_string();
            return Err(Error::Setting { name: "seeds", expected: "one for each point", found });
        }
        let n = objective.examples();
        let samplers: Vec<_> = seeds.iter().map(|&s| Sampler::new(s, n, settings.batch)).collect();
        let per_epoch = samplers.first().map_or(1, Sampler::steps_per_epoch);
        let total = (settings.epochs * per_epoch).min(settings.max_steps.unwrap_or(u64::MAX));
        let theta = theta.copy()?;
        Ok(Self {
            objective,
            settings,
            alive: (0..points).collect(),
            grad: theta.zeros_like()?,
            optimizer: Optimizer::new(settings.rule, &theta)?,
            theta,
            samplers,
            steps: 0,
            total,
            done: vec![None; points],
            busy: Duration::ZERO,
        })
    }

    /// One pass over the examples.
    fn epoch(&mut self, epoch: u64) -> Result<()> {
        let start = Instant::now();
        let per_epoch = self.samplers[0].steps_per_epoch();
        let mut rows = Vec::new();
        let span = Span::stack(&self.theta)?;
        for step in epoch * per_epoch..((epoch + 1) * per_epoch).min(self.total) {
            let batch = if self.samplers[0].is_full() {
                Rows::All
            } else {
                rows.clear();
                self.samplers.iter_mut().for_each(|s| rows.extend_from_slice(s.batch(step)));
                Rows::Each { rows: &rows, batch: rows.len() / self.samplers.len() }
            };
            self.objective.evaluate(&span, batch, Some(&self.grad))?;
            let lr = self.settings.lr * self.settings.schedule.factor(step, self.total);
            self.optimizer.step(&self.theta, &self.grad, lr)?;
            self.steps = step + 1;
        }
        self.busy += start.elapsed();
        Ok(())
    }

    /// Values after an epoch; the runs that end here leave the stack.
    fn visit(&mut self, epoch: u64, start: Instant, observer: &mut dyn Observe) -> Result<()> {
        let span = Span::stack(&self.theta)?;
        let gradient = self.settings.until_gradient.is_some();
        let values = self.objective.evaluate(&span, Rows::All, gradient.then_some(&self.grad))?;
        let event = Epoch {
            epoch,
            epochs: self.settings.epochs,
            runs: &self.alive,
            theta: &self.theta,
            values: &values,
        };
        let go_on = observer.observe(&event)?;
        let out_of_time = self.settings.max_time.is_some_and(|max| start.elapsed() >= max);
        let mut kept = Vec::new();
        for (i, value) in values.iter().enumerate() {
            let stop = match () {
                () if !value.risk.is_finite() => Some(Stop::Diverged),
                () if self.is_converged(i, value)? => Some(Stop::Converged),
                () if !go_on => Some(Stop::Interrupted),
                () if out_of_time => Some(Stop::MaxTime),
                () if self.steps >= self.total => Some(Stop::MaxSteps),
                () => None,
            };
            match stop {
                None => kept.push(i as u32),
                Some(stop) => {
                    let theta = self.theta.get(i)?.copy()?;
                    self.done[self.alive[i]] =
                        Some(Trained { theta, value: *value, stop, steps: self.steps });
                }
            }
        }
        self.keep(&kept)
    }

    fn is_converged(&self, i: usize, value: &Value) -> Result<bool> {
        let risk = self.settings.until_risk.is_some_and(|r| value.risk <= r);
        let gradient = match self.settings.until_gradient {
            None => false,
            Some(bound) => {
                let g = self.grad.get(i)?.to_dtype(candle_core::DType::F64)?;
                g.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt() <= bound
            }
        };
        Ok(risk || gradient)
    }

    fn keep(&mut self, rows: &[u32]) -> Result<()> {
        if rows.len() == self.alive.len() {
            return Ok(());
        }
        self.alive = rows.iter().map(|&i| self.alive[i as usize]).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let index = Tensor::from_slice(rows, rows.len(), self.theta.device())?;
        self.theta = self.theta.index_select(&index, 0)?;
        self.grad = self.theta.zeros_like()?;
        self.samplers = rows.iter().map(|&i| self.samplers[i as usize].clone()).collect();
        self.optimizer.keep(&index)
    }

    fn end(self) -> Result<Training> {
        let runs = self.done.into_iter().flatten().collect();
        Ok(Training { runs, seconds: self.busy.as_secs_f64() })
    }
}
