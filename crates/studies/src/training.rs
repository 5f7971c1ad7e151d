//! A training that is one part of a study.

use std::ops::ControlFlow;

use collado_dynamics::{Epoch, Observe};
use collado_risk::{Part, Progress};

use crate::{Result, StudyError};

/// Tells the progress of a study how far one of its trainings is, and stops the training with the study.
pub(crate) struct TrainingProgress<'a> {
    part: Part<'a>,
    share: f64,
}

impl<'a> TrainingProgress<'a> {
    /// The training is the part of the study that begins at the share `from` and ends at `to`.
    pub(crate) fn new(study: &'a mut dyn Progress, from: f64, to: f64) -> Self {
        Self { part: Part::new(study, from, to), share: 0. }
    }

    /// An error when the study was stopped meanwhile.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.part.is_stopped() { Err(StudyError::Interrupted) } else { Ok(()) }
    }
}

impl Observe for TrainingProgress<'_> {
    fn observe(&mut self, epoch: &Epoch<'_>) -> collado_dynamics::Result<()> {
        self.share = epoch.epoch as f64 / epoch.epochs as f64;
        Ok(())
    }

    fn poll(&mut self) -> ControlFlow<()> {
        self.part.update(self.share)
    }
}
