//! Schedules of the step size over a training run.

/// The way in which the step size decays over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decay {
    /// The step size stays constant.
    #[default]
    Constant,
    /// The step size falls to a tenth after half of the steps, and to a hundredth after three quarters.
    Step,
    /// The step size is multiplied by $\tfrac12(1+\cos\pi s)$ at the share s of all steps.
    Cosine,
}

/// A decay after a linear warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Schedule {
    /// The decay.
    pub decay: Decay,
    /// Number of steps over which the step size rises linearly from 0.
    pub warmup: u64,
}

impl Schedule {
    /// The factor of the step size at step `step` (0-based) of `total`.
    pub fn factor(&self, step: u64, total: u64) -> f64 {
        if step < self.warmup {
            return (step + 1) as f64 / self.warmup as f64;
        }
        let share = (step - self.warmup) as f64 / total.saturating_sub(self.warmup).max(1) as f64;
        match self.decay {
            Decay::Constant => 1.,
            Decay::Step if share >= 0.75 => 0.01,
            Decay::Step if share >= 0.5 => 0.1,
            Decay::Step => 1.,
            Decay::Cosine => 0.5 * (1. + (std::f64::consts::PI * share.min(1.)).cos()),
        }
    }
}
