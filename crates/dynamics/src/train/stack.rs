//! The stack of runs that are still going, with one step and one epoch of the training loop.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use candle_core::Tensor;
use collado_risk::{Evaluation, Objective, Rows, Span, TrainingObjective};
use tracing::info;

use super::{Epoch, Observe, Stop, TrainSettings, TrainState, Trained, Training, lbfgs::Lbfgs};
use crate::{Error, Optimizer, Result, Rule};

/// The runs that are still going.
pub(super) struct Stack<'a> {
    pub(super) objective: &'a dyn Objective,
    /// What the steps follow, where it is another objective.
    pub(super) training: Option<Box<dyn TrainingObjective + 'a>>,
    pub(super) settings: &'a TrainSettings,
    alive: Vec<usize>,
    theta: Tensor,
    grad: Tensor,
    pub(super) update: Update<'a>,
    pub(super) samplers: Vec<crate::Sampler>,
    pub(super) steps: u64,
    per_epoch: u64,
    pub(super) total: u64,
    ended: Vec<Option<Trained>>,
    busy: Duration,
    /// The risk of each run at its start.
    first: Vec<f64>,
}

pub(super) enum Update<'a> {
    Rule(Optimizer),
    Lbfgs { solver: Box<Lbfgs<'a>>, stuck: bool },
}

impl<'a> Update<'a> {
    fn new(objective: &'a dyn Objective, settings: &TrainSettings, state: &TrainState) -> Result<Self> {
        let saved = state.optimizer.clone();
        if settings.rule == Rule::Lbfgs {
            let mut solver = Box::new(Lbfgs::new(objective, settings.lr));
            solver.restore(&saved.unwrap_or_default().0, &state.theta)?;
            return Ok(Self::Lbfgs { solver, stuck: state.stuck });
        }
        let mut optimizer = Optimizer::new(settings.rule, &state.theta)?;
        if let Some((memory, steps)) = saved {
            optimizer.restore(memory, steps)?;
        }
        Ok(Self::Rule(optimizer))
    }

    /// The remembered tensors, and the number of steps.
    fn state(&self, steps: u64) -> Result<(Vec<Tensor>, u64)> {
        match self {
            Self::Lbfgs { solver, .. } => Ok((solver.memory(), steps)),
            Self::Rule(optimizer) => {
                let (memory, steps) = optimizer.state();
                Ok((memory.iter().map(Tensor::copy).collect::<candle_core::Result<_>>()?, steps))
            }
        }
    }

    /// Whether L-BFGS can go no further.
    fn is_stuck(&self) -> bool {
        matches!(self, Self::Lbfgs { stuck: true, .. })
    }
}

impl<'a> Stack<'a> {
    pub(super) fn new(
        objective: &'a dyn Objective,
        seeds: &[u64],
        settings: &'a TrainSettings,
        state: TrainState,
    ) -> Result<Self> {
        if seeds.len() != state.ended.len() {
            let found = seeds.len().to_string();
            return Err(Error::Setting { name: "seeds", expected: "one for each point", found });
        }
        let n = objective.examples();
        let sampler = |&i: &usize| crate::Sampler::new(seeds[i], n, settings.batch);
        let per_epoch = crate::Sampler::new(0, n, settings.batch).steps_per_epoch();
        let update = Update::new(objective, settings, &state)?;
        let training = match settings.rule {
            // A line search looks at points that it does not step to: no running averages are kept.
            Rule::Lbfgs => None,
            _ => objective.training(state.alive.len())?,
        };
        if let (Some(training), Some(buffers)) = (&training, &state.buffers) {
            training.restore(buffers)?;
        }
        Ok(Self {
            objective,
            training,
            settings,
            samplers: state.alive.iter().map(sampler).collect(),
            alive: state.alive,
            grad: state.theta.zeros_like()?,
            theta: state.theta,
            update,
            steps: state.steps,
            per_epoch,
            total: settings.epochs.saturating_mul(per_epoch).min(settings.max_steps.unwrap_or(u64::MAX)),
            ended: state.ended,
            busy: busy(state.seconds)?,
            first: state.first,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        self.alive.is_empty()
    }

    pub(super) fn is_between_epochs(&self) -> bool {
        self.steps.is_multiple_of(self.per_epoch) || self.steps >= self.total
    }

    /// Number of epochs done, the last of which may be incomplete.
    pub(super) fn epochs_done(&self) -> u64 {
        self.steps.div_ceil(self.per_epoch)
    }

    /// On to the end of the epoch. `Break` when the observer stopped it before.
    pub(super) fn epoch(&mut self, observer: &mut dyn Observe) -> Result<ControlFlow<()>> {
        let mut rows = Vec::new();
        let span = Span::stack(&self.theta)?;
        let stride = self.stride(&span);
        let end = match stride.is_some() && observer.is_idle() && !self.is_watched() {
            true => self.total,
            false => ((self.steps / self.per_epoch + 1) * self.per_epoch).min(self.total),
        };
        while self.steps < end {
            let start = Instant::now();
            match stride {
                Some(stride) => self.go_ahead(&span, (end - self.steps).min(stride as u64))?,
                None => self.step(&span, &mut rows)?,
            }
            self.busy += start.elapsed();
            let flow = observer.poll();
            if flow.is_break() || observer.is_save_due() {
                observer.save(self.state()?)?;
            }
            if flow.is_break() {
                return Ok(flow);
            }
        }
        let start = Instant::now();
        self.objective.settle()?;
        self.busy += start.elapsed();
        Ok(ControlFlow::Continue(()))
    }

    /// Whether a run may end before all steps are done.
    fn is_watched(&self) -> bool {
        let TrainSettings { max_time, until_risk, until_gradient, .. } = *self.settings;
        max_time.is_some() || until_risk.is_some() || until_gradient.is_some()
    }

    fn step(&mut self, span: &Span, rows: &mut Vec<u32>) -> Result<()> {
        match &mut self.update {
            Update::Lbfgs { solver, stuck } => *stuck = !solver.step(&self.theta)?,
            Update::Rule(optimizer) => {
                let batch = if self.samplers[0].is_full() {
                    Rows::All
                } else {
                    rows.clear();
                    self.samplers.iter_mut().for_each(|s| rows.extend_from_slice(s.batch(self.steps)));
                    Rows::Each { rows, batch: rows.len() / self.samplers.len() }
                };
                let objective = self.training.as_deref().map_or(self.objective, |training| training as _);
                let lr = self.settings.lr * self.settings.schedule.factor(self.steps, self.total);
                if let Some((keep, velocity)) = optimizer.velocity() {
                    objective.accumulate(span, batch, keep, velocity)?;
                    optimizer.follow(&self.theta, lr)?;
                } else {
                    objective.evaluate(span, batch, Some(&mut self.grad))?;
                    optimizer.step(&self.theta, &self.grad, lr)?;
                }
            }
        }
        self.steps += 1;
        Ok(())
    }

    /// Evaluates all runs after an epoch; those that end here leave the stack.
    pub(super) fn visit(&mut self, epoch: u64, start: Instant, observer: &mut dyn Observe) -> Result<()> {
        let (span, buffers) = (self.span()?, self.buffers()?);
        let gradient = self.settings.until_gradient.is_some();
        let values = self.objective.evaluate(&span, Rows::All, gradient.then_some(&mut self.grad))?;
        if self.steps == 0 {
            self.alive.iter().zip(&values).for_each(|(&run, value)| self.first[run] = value.risk);
        }
        let (runs, theta) = (&self.alive, &self.theta);
        let (epochs, buffers) = (self.settings.epochs, buffers.as_ref());
        observer.observe(&Epoch { epoch, epochs, runs, theta, buffers, values: &values })?;
        let late = self.settings.max_time.is_some_and(|max| start.elapsed() >= max);
        let stops = (0..values.len()).map(|i| self.stop(i, &values[i], late)).collect::<Result<Vec<_>>>()?;
        self.end_some(&values, &stops)
    }

    /// The reason why run `i` ends here, if it does.
    fn stop(&self, i: usize, value: &Evaluation, late: bool) -> Result<Option<Stop>> {
        let limit = match () {
            () if late => Some(Stop::MaxTime),
            () if self.steps >= self.settings.epochs.saturating_mul(self.per_epoch) => Some(Stop::Epochs),
            () if self.steps >= self.total => Some(Stop::MaxSteps),
            () => None,
        };
        Ok(match () {
            () if !value.risk.is_finite() => Some(Stop::Diverged),
            () if self.update.is_stuck() || self.is_converged(i, value)? => Some(Stop::Converged),
            () if limit.is_some() && self.is_above_start(self.alive[i], value.risk) => Some(Stop::Diverged),
            () => limit,
        })
    }

    /// Whether a risk is above the run's first, by more than rounding.
    fn is_above_start(&self, run: usize, risk: f64) -> bool {
        let first = self.first[run];
        risk > first + 1e-6 * first.abs()
    }

    fn is_converged(&self, i: usize, value: &Evaluation) -> Result<bool> {
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

    /// Ends the runs that have a reason to; the others stay in the stack.
    fn end_some(&mut self, values: &[Evaluation], stops: &[Option<Stop>]) -> Result<()> {
        let mut kept = Vec::new();
        let buffers = self.buffers()?;
        for (i, (value, stop)) in values.iter().zip(stops).enumerate() {
            match *stop {
                None => kept.push(i as u32),
                Some(stop) => {
                    info!(
                        run = self.alive[i],
                        stop = stop.name(),
                        steps = self.steps,
                        risk = value.risk,
                        "ended"
                    );
                    let theta = self.theta.get(i)?.copy()?;
                    let buffers = buffers.as_ref().map(|rows| rows.get(i)).transpose()?;
                    self.ended[self.alive[i]] =
                        Some(Trained { theta, buffers, value: *value, stop, steps: self.steps });
                }
            }
        }
        if kept.len() == self.alive.len() {
            return Ok(());
        }
        self.alive = kept.iter().map(|&i| self.alive[i as usize]).collect();
        if kept.is_empty() {
            return Ok(());
        }
        let index = Tensor::from_slice(&kept, kept.len(), self.theta.device())?;
        self.theta = self.theta.index_select(&index, 0)?;
        self.grad = self.theta.zeros_like()?;
        if let Some(training) = &self.training {
            training.keep(&kept);
        }
        self.samplers = kept.iter().map(|&i| self.samplers[i as usize].clone()).collect();
        match &mut self.update {
            Update::Rule(optimizer) => optimizer.keep(&kept),
            Update::Lbfgs { .. } => Ok(()),
        }
    }

    /// Ends all runs in the middle of an epoch.
    pub(super) fn interrupt(&mut self) -> Result<()> {
        let values = self.objective.evaluate(&self.span()?, Rows::All, None)?;
        self.end_some(&values, &vec![Some(Stop::Interrupted); values.len()])
    }

    /// The points with their running statistics, if training keeps some.
    fn span(&self) -> Result<Span> {
        let span = Span::stack(&self.theta)?;
        match self.buffers()? {
            Some(rows) => Ok(span.with_buffers(&rows)?),
            None => Ok(span),
        }
    }

    /// The running statistics `[alive, B]`, if training keeps some.
    fn buffers(&self) -> Result<Option<Tensor>> {
        Ok(self.training.as_ref().map(|training| training.buffers()).transpose()?)
    }

    /// A copy of everything that is needed to go on.
    fn state(&self) -> Result<TrainState> {
        Ok(TrainState {
            steps: self.steps,
            seconds: self.busy.as_secs_f64(),
            alive: self.alive.clone(),
            theta: self.theta.copy()?,
            buffers: self.buffers()?,
            optimizer: Some(self.update.state(self.steps)?),
            ended: self.ended.clone(),
            first: self.first.clone(),
            stuck: self.update.is_stuck(),
        })
    }

    pub(super) fn end(self) -> Training {
        let runs = self.ended.into_iter().map(|run| run.expect("every run has ended")).collect();
        Training { runs, seconds: self.busy.as_secs_f64() }
    }
}

/// Checks and converts the seconds of a saved state.
fn busy(seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::State(format!("seconds: expected a number ≥ 0, found {seconds}")))
}
