//! Finishing: from a trained point on to a minimum, until the gradient is as small as is asked for.
//!
//! Steps of stochastic gradients end in the neighbourhood of a minimum. From there Newton's method in a trust region
//! goes on (Nocedal & Wright 2006, algorithm 4.1), with conjugate gradients on exact Hessian products (Steihaug 1983);
//! L-BFGS where there are no such products. Both compute in `f64` on all examples.

mod newton;
mod observe;
mod solver;
mod steihaug;

use std::time::{Duration, Instant};

use candle_core::{DType, Tensor};
use collado_risk::{Evaluation, ExactCurvature, Objective, Rows};
use tracing::{info, info_span};

pub use self::observe::{FinishState, FinishStep, FinishStop, Finished, ObserveFinish};
use self::solver::Solver;
use crate::{Error, Result};

/// The share of the bound that the solver aims at; the rest is for the rounding of the point to its number type.
const SHARE: f64 = 0.5;

/// The settings of finishing.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `gradient` | 1e-6 | the norm of the gradient, relative to 1 + F | > 0 |
/// | `max_steps` | 1000 | limit of steps of the solver | |
/// | `max_time` | none | limit of time | |
#[derive(Debug, Clone)]
pub struct FinishSettings {
    /// Finishing ends at $\lVert\nabla F\rVert\le\texttt{gradient}\cdot(1+F)$.
    pub gradient: f64,
    /// The largest number of steps of the solver.
    pub max_steps: u64,
    /// The longest time.
    pub max_time: Option<Duration>,
}

impl Default for FinishSettings {
    fn default() -> Self {
        Self { gradient: 1e-6, max_steps: 1000, max_time: None }
    }
}

impl FinishSettings {
    /// The largest gradient norm of a point of that risk.
    pub fn bound(&self, risk: f64) -> f64 {
        self.gradient * (1. + risk)
    }

    fn check(&self) -> Result<()> {
        if self.gradient > 0. && self.gradient.is_finite() {
            return Ok(());
        }
        let found = self.gradient.to_string();
        Err(Error::Setting { name: "gradient", expected: "a finite number > 0", found })
    }
}

/// Goes on from `state` to a point of `objective` with a small gradient, which is then rounded to `dtype`. `curvature` is
/// that of the objective, for Newton's method; without it L-BFGS is used.
///
/// # Errors
/// When a setting is out of range, and the errors of the objective and the observer.
pub fn finish(
    objective: &dyn Objective,
    curvature: Option<&ExactCurvature>,
    dtype: DType,
    mut state: FinishState,
    settings: &FinishSettings,
    observer: &mut dyn ObserveFinish,
) -> Result<Finished> {
    settings.check()?;
    let solver = if curvature.is_some() { "newton-cg" } else { "l-bfgs" };
    let _span = info_span!("finish", solver, gradient = settings.gradient).entered();
    let (start, before) = (Instant::now(), state.seconds);
    let mut solver = Solver::new(objective, curvature, &state)?;
    let stop = loop {
        let (value, gradient_norm) = solver.here(&state)?;
        state.seconds = before + start.elapsed().as_secs_f64();
        observer.observe(&FinishStep { state: &state, value, gradient_norm })?;
        let late = settings.max_time.is_some_and(|max| start.elapsed() >= max);
        let limit = match () {
            () if gradient_norm <= SHARE * settings.bound(value.risk) => Some(FinishStop::Reached),
            () if late => Some(FinishStop::MaxTime),
            () if state.steps >= settings.max_steps => Some(FinishStop::MaxSteps),
            () => None,
        };
        if let Some(stop) = limit.map_or_else(|| solver.step(&mut state, observer), |stop| Ok(Some(stop)))? {
            break stop;
        }
        state.steps += 1;
    };
    let theta = state.theta.to_dtype(dtype)?;
    let (value, gradient_norm) = gradient_norm(objective, &theta)?;
    let stop = match stop {
        FinishStop::Interrupted => FinishStop::Interrupted,
        _ if gradient_norm <= settings.bound(value.risk) => FinishStop::Reached,
        FinishStop::Reached => FinishStop::Rounded,
        stop => stop,
    };
    info!(stop = stop.name(), steps = state.steps, risk = value.risk, gradient_norm, "finished");
    let FinishState { steps, products, seconds, .. } = state;
    Ok(Finished { theta, value, gradient_norm, steps, products, seconds, stop })
}

/// The values at the point `theta` `[S]` and the norm of the gradient there, in `f64` whatever the type of `theta` is.
///
/// # Errors
/// The errors of the objective.
pub fn gradient_norm(objective: &dyn Objective, theta: &Tensor) -> Result<(Evaluation, f64)> {
    let (value, gradient) = evaluate(objective, theta)?;
    Ok((value, norm(&gradient)))
}

/// The values and the gradient at the point `theta` `[S]`, in `f64`.
fn evaluate(objective: &dyn Objective, theta: &Tensor) -> Result<(Evaluation, Vec<f64>)> {
    let row = theta.to_dtype(DType::F64)?.unsqueeze(0)?;
    let mut gradient = row.zeros_like()?;
    let values = objective.at(&row, Rows::All, Some(&mut gradient))?;
    Ok((values[0], gradient.squeeze(0)?.to_vec1()?))
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}
