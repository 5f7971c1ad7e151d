use crate::{Error, Loss, Regularizer, Result};

/// What the empirical risk $F(\theta)=\frac1N\sum_i\ell(\Phi(x_i;\theta),y_i)+\kappa R(\theta)$ is made of.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `loss` | cross-entropy | ℓ | |
/// | `kappa` | 0 | weight κ of the regulariser, counted once (no ½) | ≥ 0, finite |
/// | `regularizer` | ‖θ‖² | R | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Criterion {
    /// ℓ.
    pub loss: Loss,
    /// κ.
    pub kappa: f64,
    /// R.
    pub regularizer: Regularizer,
}

impl Criterion {
    /// Refuses settings outside their range.
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
