//! The solver that finishing uses: Newton's method where there are Hessian products, else L-BFGS.

use collado_risk::{Evaluation, ExactCurvature, Objective};

use super::{FinishState, FinishStop, ObserveFinish, gradient_norm, newton::Newton};
use crate::{Result, train::Lbfgs};

pub(super) enum Solver<'a> {
    Newton(Newton<'a>),
    Lbfgs { solver: Box<Lbfgs<'a>>, objective: &'a dyn Objective },
}

impl<'a> Solver<'a> {
    pub(super) fn new(
        objective: &'a dyn Objective,
        curvature: Option<&'a ExactCurvature>,
        state: &FinishState,
    ) -> Result<Self> {
        if let Some(curvature) = curvature {
            return Ok(Self::Newton(Newton::new(objective, curvature)));
        }
        let mut solver = Box::new(Lbfgs::new(objective, 1.));
        solver.restore(&state.memory, &state.theta.unsqueeze(0)?)?;
        Ok(Self::Lbfgs { solver, objective })
    }

    /// The values at the point of `state`, and the norm of the gradient.
    pub(super) fn here(&mut self, state: &FinishState) -> Result<(Evaluation, f64)> {
        match self {
            Self::Newton(newton) => newton.here(state),
            Self::Lbfgs { objective, .. } => gradient_norm(*objective, &state.theta),
        }
    }

    /// Does one step, and returns the reason why there is no further one.
    pub(super) fn step(
        &mut self,
        state: &mut FinishState,
        observer: &mut dyn ObserveFinish,
    ) -> Result<Option<FinishStop>> {
        let (solver, before) = match self {
            Self::Newton(newton) => return newton.step(state, observer),
            Self::Lbfgs { solver, .. } => (solver, state.theta.clone()),
        };
        let theta = state.theta.unsqueeze(0)?.copy()?;
        let goes_on = solver.step(&theta)?;
        (state.theta, state.memory) = (theta.squeeze(0)?, solver.memory());
        if observer.poll().is_break() {
            return Ok(Some(FinishStop::Interrupted));
        }
        let moved = (&state.theta - before)?.abs()?.max_all()?.to_scalar::<f64>()? > 0.;
        Ok((!goes_on && !moved).then_some(FinishStop::Stuck))
    }
}
