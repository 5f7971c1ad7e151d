//! The values of a run over its epochs.

use collado_dynamics::Epoch;
use collado_risk::{Evaluation, Objective, Rows, Span};

use crate::task::Task;

/// The values of one run after each epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct EpochLog {
    pub(super) epochs: Vec<f64>,
    pub(super) train: Vec<Evaluation>,
    pub(super) test: Vec<Evaluation>,
    /// The norms of the gradient after the steps of finishing; NaN after epochs of training.
    pub(super) gradient: Vec<f64>,
}

impl EpochLog {
    /// The last epoch of training.
    pub(super) fn trained(&self) -> Option<f64> {
        let mut epochs = self.epochs.iter().zip(&self.gradient);
        epochs.rfind(|(_, norm)| norm.is_nan()).map(|(&epoch, _)| epoch)
    }

    /// Adds a line.
    pub(super) fn push(&mut self, epoch: f64, train: Evaluation, test: Option<Evaluation>, gradient: f64) {
        let missing = Evaluation { risk: f64::NAN, loss: f64::NAN, error: f64::NAN };
        self.epochs.push(epoch);
        self.train.push(train);
        self.test.push(test.unwrap_or(missing));
        self.gradient.push(gradient);
    }
}

/// Notes the values of an epoch in the logs of its runs.
pub(super) fn note(task: &Task, e: &Epoch<'_>, logs: &mut [EpochLog]) -> collado_dynamics::Result<()> {
    let span = Span::stack(e.theta)?;
    let span = match e.buffers {
        Some(rows) => span.with_buffers(rows)?,
        None => span,
    };
    let test = task.test.as_ref().map(|t| t.evaluate(&span, Rows::All, None)).transpose()?;
    for (i, &run) in e.runs.iter().enumerate() {
        logs[run].push(e.epoch as f64, e.values[i], test.as_ref().map(|t| t[i]), f64::NAN);
    }
    Ok(())
}
