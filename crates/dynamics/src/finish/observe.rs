//! What finishing tells its observer, and how it ends.

use std::ops::ControlFlow;

use candle_core::{DType, Tensor};
use collado_risk::Evaluation;

use crate::Result;

/// The state from which finishing goes on to the same bits.
#[derive(Debug, Clone)]
pub struct FinishState {
    /// The point `[S]`, in `f64`.
    pub theta: Tensor,
    /// Number of steps done.
    pub steps: u64,
    /// Number of Hessian products done.
    pub products: u64,
    /// Seconds spent.
    pub seconds: f64,
    /// The radius of Newton's trust region; `None` before its first step.
    pub radius: Option<f64>,
    /// The tensors that L-BFGS remembers.
    pub memory: Vec<Tensor>,
}

impl FinishState {
    /// The state at the point `theta` `[S]`.
    ///
    /// # Errors
    /// An error of candle.
    pub fn start(theta: &Tensor) -> Result<Self> {
        let theta = theta.to_dtype(DType::F64)?.copy()?;
        Ok(Self { theta, steps: 0, products: 0, seconds: 0., radius: None, memory: Vec::new() })
    }
}

/// The point between two steps of the solver.
pub struct FinishStep<'a> {
    /// The state there.
    pub state: &'a FinishState,
    /// The values on all examples.
    pub value: Evaluation,
    /// The norm of the gradient.
    pub gradient_norm: f64,
}

/// Watches finishing. `()` sees nothing and never stops it.
pub trait ObserveFinish {
    /// Called at the start and after each step.
    ///
    /// # Errors
    /// An error of the observer, which ends finishing.
    fn observe(&mut self, step: &FinishStep<'_>) -> Result<()>;

    /// Called after each Hessian product or step. After `Break` finishing ends where the last step ended.
    fn poll(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl ObserveFinish for () {
    fn observe(&mut self, _: &FinishStep<'_>) -> Result<()> {
        Ok(())
    }
}

/// The reason why finishing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishStop {
    /// The gradient is as small as was asked for.
    Reached,
    /// It was, but it is not after the rounding of the point to its number type.
    Rounded,
    /// No step lowers the risk any more, as on a kink.
    Stuck,
    /// The largest number of steps was done.
    MaxSteps,
    /// The longest time was over.
    MaxTime,
    /// The observer asked to stop.
    Interrupted,
}

impl FinishStop {
    /// The name of the reason in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Rounded => "rounded",
            Self::Stuck => "stuck",
            Self::MaxSteps => "max-steps",
            Self::MaxTime => "max-time",
            Self::Interrupted => "interrupted",
        }
    }

    /// The reason with the given name in summaries.
    pub fn from_name(name: &str) -> Option<Self> {
        use FinishStop::{Interrupted, MaxSteps, MaxTime, Reached, Rounded, Stuck};
        [Reached, Rounded, Stuck, MaxSteps, MaxTime, Interrupted].into_iter().find(|stop| stop.name() == name)
    }
}

/// The end of finishing.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The point `[S]`, rounded to its number type.
    pub theta: Tensor,
    /// The values there.
    pub value: Evaluation,
    /// The norm of the gradient there, computed in `f64`.
    pub gradient_norm: f64,
    /// Number of steps of the solver.
    pub steps: u64,
    /// Number of Hessian products.
    pub products: u64,
    /// Seconds spent.
    pub seconds: f64,
    /// The reason why it ended.
    pub stop: FinishStop,
}
