//! Engines that compute an empirical risk and its gradient at many points at once.

mod chain;
mod curvature;
mod tensors;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use collado_models::dispatch;
use tracing::debug;

pub use self::curvature::{CurvatureForm, CurvaturePoint, DenseCurvature};
use self::{chain::Fused, tensors::Tensors};
use crate::{EmpiricalRisk, Error, Evaluation, Objective, Result, Rows, Span};

impl EmpiricalRisk {
    /// The same risk through candle's batched operations on any device. Other engines are tested against it.
    ///
    /// # Errors
    /// When the device does not take the examples.
    pub fn in_tensors(&self, dtype: DType, device: &Device) -> Result<impl Objective + use<>> {
        Tensors::new(self, dtype, device)
    }

    /// The engine for points like `points`.
    fn engine(&self, points: &Tensor) -> Result<Arc<dyn Objective>> {
        self.engines().get(points, || {
            let chain = self.network().chain().filter(|_| points.device().is_cpu());
            let (fused, examples, memory_mib) = (chain.is_some(), self.data().len(), self.memory() >> 20);
            debug!(fused, dtype = ?points.dtype(), examples, memory_mib, "engine");
            match chain {
                Some(chain) => {
                    dispatch!(points.dtype(), T => Fused::<T>::new(self, chain).map(|engine| Arc::new(engine) as _))
                }
                None => Ok(Arc::new(Tensors::new(self, points.dtype(), points.device())?)),
            }
        })
    }

    fn check(&self, points: usize, size: usize, rows: Rows<'_>) -> Result<()> {
        let expected = self.network().size();
        if size != expected {
            return Err(Error::mismatch(format!("{}: parameters of a point", self.arch()), expected, size));
        }
        rows.check(points, self.data().len())
    }
}

impl Objective for EmpiricalRisk {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        self.evaluate(&Span::stack(theta)?, rows, gradient)
    }

    fn evaluate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        self.check(span.points(), span.size(), rows)?;
        self.engine(span.vertices())?.evaluate(span, rows, gradient)
    }

    fn accumulate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        keep: f64,
        velocity: &mut Tensor,
    ) -> Result<Vec<Evaluation>> {
        self.check(span.points(), span.size(), rows)?;
        self.engine(span.vertices())?.accumulate(span, rows, keep, velocity)
    }

    fn examples(&self) -> usize {
        self.data().len()
    }
}
