//! Critical points of the risk of a dense network: search, judgement, comparison.

mod directions;
mod distinct;
mod eigendecomposition;
mod examine;
mod kink;
mod levenberg_marquardt;
mod search;
mod semicircle;

use candle_core::{DType, Tensor};
use collado_models::{Arch, with_slice};
use collado_risk::{Criterion, DenseCurvature, DenseObjective, Evaluation, Objective, Rows, Span};

pub use self::{
    examine::CriticalPoint,
    levenberg_marquardt::Termination,
    search::{CriticalSettings, Goal, SearchEnd},
    semicircle::{SemicircleLaw, semicircle_index},
};
use crate::Result;

/// The critical points of an empirical risk $F$: where $\nabla F=0$.
///
/// [`search`](Self::search) descends on $\frac12\|\nabla F\|^2$, or on F, from a stack of starts, [`examine`](Self::examine) says what
/// lies where a search ended, [`distinct`](Self::distinct) which ends are one. Each step takes a dense Hessian and its
/// eigenvalues: for networks up to some 2000 parameters.
pub struct CriticalSearch {
    arch: Arch,
    inputs: Tensor,
    criterion: Criterion,
    objective: DenseObjective,
    curvature: DenseCurvature,
}

impl CriticalSearch {
    /// For the risk of `arch` on `inputs` `[N, n_0]` in `f64` on the CPU and `targets`: class labels `u32` `[N]`, or values
    /// `[N, q]`. `memory` bounds scratch of one evaluation, in bytes.
    ///
    /// # Errors
    /// When shapes, labels, settings, dtype or device do not fit.
    pub fn new(
        arch: &Arch,
        inputs: &Tensor,
        targets: &Tensor,
        criterion: Criterion,
        memory: usize,
    ) -> Result<Self> {
        let curvature = DenseCurvature::new(arch, inputs, targets, criterion, memory)?;
        let objective = DenseObjective::new(arch, inputs, targets, criterion, memory)?;
        Ok(Self { arch: arch.clone(), inputs: inputs.clone(), criterion, objective, curvature })
    }

    /// Number of parameters S.
    pub fn size(&self) -> usize {
        self.curvature.size()
    }

    /// Values and gradients at the rows of `points`.
    fn evaluate(&self, points: Vec<f64>) -> Result<(Vec<Evaluation>, Vec<f64>)> {
        let size = self.size();
        let stack = Tensor::from_vec(points, ((), size), self.inputs.device())?;
        let grad = stack.zeros_like()?;
        let values = self.objective.evaluate(&Span::stack(&stack)?, Rows::All, Some(&grad))?;
        with_slice::<f64, _, _>(&grad, |g| Ok((values, g.to_vec())))
    }

    /// One point `[S]` as a tensor.
    fn point(&self, theta: &[f64]) -> Result<Tensor> {
        Ok(Tensor::from_slice(theta, theta.len(), self.inputs.device())?.to_dtype(DType::F64)?)
    }
}

/// $\|x\|$.
fn norm(x: &[f64]) -> f64 {
    collado_linalg::dot(x, x).sqrt()
}
