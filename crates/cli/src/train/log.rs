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
}

/// Notes the values of an epoch in the logs of its runs.
pub(super) fn note(task: &Task, e: &Epoch<'_>, logs: &mut [EpochLog]) -> collado_dynamics::Result<()> {
    let span = Span::stack(e.theta)?;
    let test = task.test.as_ref().map(|t| t.evaluate(&span, Rows::All, None)).transpose()?;
    for (i, &run) in e.runs.iter().enumerate() {
        let missing = Evaluation { risk: f64::NAN, loss: f64::NAN, error: f64::NAN };
        logs[run].epochs.push(e.epoch as f64);
        logs[run].train.push(e.values[i]);
        logs[run].test.push(test.as_ref().map_or(missing, |t| t[i]));
    }
    Ok(())
}
