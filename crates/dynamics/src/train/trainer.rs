//! A convenient way to train several networks from seeds.

use candle_core::{Device, Tensor};
use collado_models::Init;
use collado_risk::EmpiricalRisk;

use super::{TrainSettings, train};
use crate::{Error, Result};

/// Trains networks from seeded random starts, all of them as one stack.
///
/// | Name | Default | Purpose |
/// |---|---|---|
/// | `settings` | [`TrainSettings::default`] | the training loop |
/// | `init` | PyTorch's | where training starts |
#[derive(Debug, Clone, Default)]
pub struct Trainer {
    /// The settings of the training loop.
    pub settings: TrainSettings,
    /// The distribution of the starts.
    pub init: Init,
}

impl Trainer {
    /// The same trainer with the given number of passes over the examples.
    #[must_use]
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.settings.epochs = epochs;
        self
    }

    /// The same trainer with another step size.
    #[must_use]
    pub fn lr(mut self, lr: f64) -> Self {
        self.settings.lr = lr;
        self
    }

    /// Trains one run for each seed and returns their last points, `[S]` each, in the number type of the inputs. A
    /// run's start and its minibatches follow from its seed.
    ///
    /// # Errors
    /// When a setting is outside its range, or a run diverges.
    pub fn minima<const N: usize>(&self, risk: &EmpiricalRisk, seeds: [u64; N]) -> Result<[Tensor; N]> {
        let dtype = risk.data().given().dtype();
        let start = self.init.stack(risk.arch(), &seeds, dtype, &Device::Cpu)?;
        let trained = train(risk, &start, &seeds, &self.settings, &mut ())?;
        if let Some(run) = trained.runs.iter().find(|run| !run.value.risk.is_finite()) {
            return Err(Error::NotFinite { what: "the risk after training", found: run.value.risk });
        }
        let ends: Vec<Tensor> = trained.runs.into_iter().map(|run| run.theta).collect();
        Ok(ends.try_into().expect("a run for each seed"))
    }
}
