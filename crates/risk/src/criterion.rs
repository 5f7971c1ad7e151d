//! The criterion of an empirical risk: loss, regulariser and its weight.

use crate::{Error, Loss, Regularizer, Result};

/// The loss ℓ, the weight κ and the regulariser R of the empirical risk
/// $F(\theta)=\frac1N\sum_i\ell(\Phi(x_i;\theta),y_i)+\kappa R(\theta)$.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `loss` | cross-entropy | ℓ | |
/// | `kappa` | 0 | weight κ of the regulariser, counted once (no ½) | ≥ 0, finite |
/// | `regularizer` | ‖θ‖² | R | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Criterion {
    /// The loss ℓ.
    pub loss: Loss,
    /// The weight κ of the regulariser.
    pub kappa: f64,
    /// The regulariser R.
    pub regularizer: Regularizer,
}

impl Criterion {
    /// Checks that the settings are in their ranges.
    pub(crate) fn check(&self) -> Result<()> {
        if self.kappa >= 0. && self.kappa.is_finite() {
            return Ok(());
        }
        Err(Error::Setting {
            name: "kappa", expected: "a finite number ≥ 0", found: self.kappa.to_string()
        })
    }
}

impl Default for Criterion {
    fn default() -> Self {
        Self { loss: Loss::CrossEntropy, kappa: 0., regularizer: Regularizer::L2 }
    }
}
