//! Newton's method in a trust region.

use candle_core::{Device, Tensor};
use collado_risk::{CurvatureForm, Evaluation, ExactCurvature, Objective};

use super::{
    FinishState, FinishStop, ObserveFinish, dot, evaluate, norm,
    steihaug::{TrustStep, steihaug},
};
use crate::Result;

/// The first radius, as a share of the norm of the point.
const FIRST: f64 = 0.01;
/// A radius below this share of the norm of the point lets no step change the risk any more.
const LEAST: f64 = 1e-12;
/// The largest number of Hessian products of one step.
const PRODUCTS: usize = 2000;
/// A step is taken where the risk falls by at least this share of what the model predicts.
const ENOUGH: f64 = 1e-4;

/// The values and the gradient at a point, with the point's norm.
struct Here {
    value: Evaluation,
    gradient: Vec<f64>,
}

pub(super) struct Newton<'a> {
    objective: &'a dyn Objective,
    curvature: &'a ExactCurvature,
    /// They are not saved, as they can be recomputed to the same bits.
    here: Option<Here>,
}

impl<'a> Newton<'a> {
    pub(super) fn new(objective: &'a dyn Objective, curvature: &'a ExactCurvature) -> Self {
        Self { objective, curvature, here: None }
    }

    pub(super) fn here(&mut self, state: &FinishState) -> Result<(Evaluation, f64)> {
        let here = self.take(state)?;
        let result = (here.value, norm(&here.gradient));
        self.here = Some(here);
        Ok(result)
    }

    fn take(&mut self, state: &FinishState) -> Result<Here> {
        if let Some(here) = self.here.take() {
            return Ok(here);
        }
        let (value, gradient) = evaluate(self.objective, &state.theta)?;
        Ok(Here { value, gradient })
    }

    /// Takes a step where the model is believed, and says why none can be taken.
    pub(super) fn step(
        &mut self,
        state: &mut FinishState,
        observer: &mut dyn ObserveFinish,
    ) -> Result<Option<FinishStop>> {
        let here = self.take(state)?;
        let theta: Vec<f64> = state.theta.to_device(&Device::Cpu)?.to_vec1()?;
        let size = norm(&theta).max(1.);
        let mut radius = state.radius.unwrap_or(FIRST * size);
        let slope = norm(&here.gradient);
        let point = self.curvature.at(theta.clone())?;
        let mut product = |d: &[f64], out: &mut [f64]| {
            self.curvature.apply(CurvatureForm::Hessian, &point, d, out)?;
            state.products += 1;
            Ok(observer.poll())
        };
        let most = theta.len().min(PRODUCTS);
        // A residual that shrinks with the gradient makes the convergence faster than linear.
        let tolerance = slope * slope.sqrt().min(0.1);
        while radius >= LEAST * size {
            let found = steihaug(&here.gradient, radius, tolerance, most, &mut product)?;
            let Some(TrustStep { step, predicted, is_on_boundary }) = found else {
                self.here = Some(here);
                return Ok(Some(FinishStop::Interrupted));
            };
            let next: Vec<f64> = theta.iter().zip(&step).map(|(x, p)| x + p).collect();
            let next = Tensor::from_vec(next, theta.len(), state.theta.device())?;
            let (value, gradient) = evaluate(self.objective, &next)?;
            let agreement = agreement(here.value.risk, value.risk, predicted);
            let length = dot(&step, &step).sqrt();
            if agreement < 0.25 || agreement.is_nan() {
                radius = 0.25 * length;
            } else if agreement > 0.75 && is_on_boundary {
                radius *= 2.;
            }
            if agreement > ENOUGH {
                self.here = Some(Here { value, gradient });
                (state.theta, state.radius) = (next, Some(radius));
                return Ok(None);
            }
        }
        self.here = Some(here);
        Ok(Some(FinishStop::Stuck))
    }
}

/// The decrease of the risk beside the one that was predicted; rounding of the risks counts for the step (Conn, Gould &
/// Toint 2000, §17.4.2).
fn agreement(before: f64, after: f64, predicted: f64) -> f64 {
    let rounding = 10. * f64::EPSILON * before.abs().max(1.);
    (before - after + rounding) / (predicted + rounding)
}
