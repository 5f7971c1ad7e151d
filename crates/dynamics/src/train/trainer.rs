use candle_core::{Device, Tensor};
use collado_models::Init;
use collado_risk::EmpiricalRisk;

use super::{Epoch, TrainSettings, train};
use crate::{Error, Result};

/// Trains networks from seeded starts, all as one stack.
///
/// | Name | Default | Purpose |
/// |---|---|---|
/// | `settings` | [`TrainSettings::default`] | the training loop |
/// | `init` | PyTorch's | where training starts |
#[derive(Debug, Clone, Default)]
pub struct Trainer {
    /// The training loop.
    pub settings: TrainSettings,
    /// Where training starts.
    pub init: Init,
}

impl Trainer {
    /// The same for so many passes over the examples.
    #[must_use]
    pub fn epochs(mut self, epochs: u64) -> Self {
        self.settings.epochs = epochs;
        self
    }

    /// The same with another step size.
    #[must_use]
    pub fn lr(mut self, lr: f64) -> Self {
        self.settings.lr = lr;
        self
    }

    /// The ends of a run for each seed, `[S]` each, in the type in which the inputs were given. A run's start and its
    /// minibatches follow from its seed.
    ///
    /// # Errors
    /// When a setting is outside its range, or a run diverges.
    pub fn minima<const N: usize>(&self, risk: &EmpiricalRisk, seeds: [u64; N]) -> Result<[Tensor; N]> {
        let dtype = risk.data().given().dtype();
        let start = self.init.stack(risk.arch(), &seeds, dtype, &Device::Cpu)?;
        let trained = train(risk, &start, &seeds, &self.settings, &mut |_: &Epoch<'_>| Ok(()))?;
        if let Some(run) = trained.runs.iter().find(|run| !run.value.risk.is_finite()) {
            return Err(Error::NotFinite { what: "the risk after training", found: run.value.risk });
        }
        let ends: Vec<Tensor> = trained.runs.into_iter().map(|run| run.theta).collect();
        Ok(ends.try_into().expect("a run for each seed"))
    }
}
