//! Critical points of the risk of a network: how they are found, examined and compared (docs/theory.md §8).

mod directions;
mod distinct;
mod eigendecomposition;
mod examine;
mod general;
mod kink;
mod levenberg_marquardt;
mod search;
mod semicircle;

use candle_core::{DType, Tensor};
use collado_models::{Activation, with_slice};
use collado_risk::{EmpiricalRisk, Error, Evaluation, ExactCurvature, Objective, Rows, Statistics};

pub use self::{
    examine::CriticalPoint,
    levenberg_marquardt::Termination,
    search::{CriticalSettings, Goal, SearchEnd},
    semicircle::{SemicircleLaw, semicircle_index},
};
use crate::Result;

/// The search for critical points of an empirical risk $F$, where $\nabla F=0$.
///
/// [`search`](Self::search) descends on $\frac12\|\nabla F\|^2$, or on F, from a stack of starts;
/// [`examine`](Self::examine) describes the point where a search ended; [`distinct`](Self::distinct) tells which ends
/// are the same point. Each step takes a dense Hessian and its eigenvalues, so networks should not have more than some
/// 2000 parameters.
pub struct CriticalSearch {
    risk: EmpiricalRisk,
    curvature: ExactCurvature,
    /// The inputs `[N, n_0]` in `f64`.
    inputs: Tensor,
}

impl CriticalSearch {
    /// The search for critical points of `risk`, in `f64` on the CPU.
    ///
    /// # Errors
    /// When the network has no [exact curvature](ExactCurvature), or its statistics are not those of all examples: a
    /// random start has no others.
    pub fn new(risk: &EmpiricalRisk) -> Result<Self> {
        if risk.network().batch_norms().next().is_some() {
            let rule = risk.statistics();
            let whole = rule == Statistics::Population && risk.reference_rows().len() == risk.data().len();
            if !whole && rule != (Statistics::Train { batch: 0 }) {
                let found = format!("the statistics {rule} over other rows than all examples");
                return Err(Error::Unsupported { what: "the search for critical points", found }.into());
            }
        }
        let inputs = risk.data().inputs(DType::F64)?.clone();
        Ok(Self { risk: risk.clone(), curvature: ExactCurvature::new(risk)?, inputs })
    }

    fn activation(&self) -> Activation {
        self.risk.arch().activation()
    }

    /// Number of parameters S.
    pub fn size(&self) -> usize {
        self.curvature.size()
    }

    /// Values and gradients at the rows of `points`.
    fn evaluate(&self, points: Vec<f64>) -> Result<(Vec<Evaluation>, Vec<f64>)> {
        let size = self.size();
        let stack = Tensor::from_vec(points, ((), size), self.inputs.device())?;
        let mut grad = stack.zeros_like()?;
        let values = self.risk.at(&stack, Rows::All, Some(&mut grad))?;
        with_slice::<f64, _, _>(&grad, |g| Ok((values, g.to_vec())))
    }

    /// One point `[S]` as a tensor.
    fn point(&self, theta: &[f64]) -> Result<Tensor> {
        Ok(Tensor::from_slice(theta, theta.len(), self.inputs.device())?.to_dtype(DType::F64)?)
    }
}

/// The Euclidean norm $\|x\|$.
fn norm(x: &[f64]) -> f64 {
    collado_linalg::dot(x, x).sqrt()
}
