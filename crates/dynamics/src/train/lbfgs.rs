//! L-BFGS of candle-optimisers on an objective.

use candle_core::{Tensor, Var};
use candle_optimisers::{
    LossOptimizer, Model, ModelOutcome,
    lbfgs::{GradConv, Lbfgs, LineSearch, ParamsLBFGS, StepConv},
};
use collado_models::{Objective, Rows, Span};

use crate::Result;

/// The risk over all examples at one point, as the library's line search asks for it.
pub(super) struct Risk<'a> {
    objective: &'a dyn Objective,
    theta: Var,
}

impl<'a> Risk<'a> {
    pub(super) fn new(objective: &'a dyn Objective, theta: &Tensor) -> Result<Self> {
        Ok(Self { objective, theta: Var::from_tensor(&theta.copy()?)? })
    }

    pub(super) fn solver(&'a self, lr: f64) -> Result<Solver<'a>> {
        let params = ParamsLBFGS {
            lr,
            history_size: 20,
            line_search: Some(LineSearch::StrongWolfe(1e-4, 0.9, 1e-9)),
            grad_conv: GradConv::MinForce(1e-12),
            step_conv: StepConv::MinStep(1e-14),
            weight_decay: None,
        };
        Ok(Solver { risk: self, inner: Lbfgs::new(vec![self.theta.clone()], params, self)? })
    }
}

impl Model for Risk<'_> {
    /// $F(\theta_0)+\langle\nabla F(\theta_0),\theta-\theta_0\rangle$ at θ = θ₀: a graph with the risk's value and gradient.
    fn loss(&self) -> candle_core::Result<Tensor> {
        let here = self.theta.as_detached_tensor();
        let grad = here.zeros_like()?;
        let span = Span::stack(&here).map_err(candle_core::Error::wrap)?;
        let value =
            self.objective.evaluate(&span, Rows::All, Some(&grad)).map_err(candle_core::Error::wrap)?;
        ((self.theta.as_tensor() - here)? * grad)?.sum_all()? + value[0].risk
    }
}

/// One run of L-BFGS.
pub(super) struct Solver<'a> {
    risk: &'a Risk<'a>,
    inner: Lbfgs<'a, Risk<'a>>,
}

impl Solver<'_> {
    /// One iteration, its result written over `theta`; whether it can go on.
    pub(super) fn step(&mut self, theta: &Tensor) -> Result<bool> {
        let outcome = self.inner.backward_step(&self.risk.loss()?)?;
        theta.slice_set(&self.risk.theta.as_detached_tensor(), 0, 0)?;
        Ok(matches!(outcome, ModelOutcome::Stepped(..)))
    }
}
