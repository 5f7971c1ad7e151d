//! Engines that compute an empirical risk and its gradient at many points at once.

mod chain;
mod cuda;
mod curvature;
mod graph;
mod normalised;
mod points;
mod tensors;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use collado_cuda::Machine;
use collado_models::dispatch;
use tracing::{debug, info};

pub(crate) use self::normalised::{Normalised, Seen};
use self::{
    chain::Fused,
    cuda::Kernels,
    graph::{Graph, Number},
    points::Points,
    tensors::Tensors,
};
pub use self::{
    cuda::Precision,
    curvature::{CurvatureForm, CurvaturePoint, ExactCurvature},
    graph::Jacobian,
};
use crate::{
    Descent, EmpiricalRisk, Error, Evaluation, Objective, Result, Rows, Span, TrainingObjective,
    training::BatchTraining,
};

/// An engine for points on a device, of a number type.
#[derive(Clone)]
pub(crate) enum Engine {
    /// For networks that treat each example by itself.
    Plain(Arc<dyn Objective>),
    /// For networks with batch normalisation.
    Normalised(Arc<dyn Normalised>),
}

impl EmpiricalRisk {
    /// The same risk through the kernels for GPUs on `machine`, in `f32`, for chains of dense layers.
    ///
    /// # Errors
    /// When the network is no chain, or the machine does not take the examples.
    pub fn on_machine(
        &self,
        machine: Arc<dyn Machine>,
        precision: Precision,
    ) -> Result<impl Objective + use<>> {
        let chain = self.network().chain().ok_or_else(|| Error::Unsupported {
            what: "the engine of kernels",
            found: self.arch().to_string(),
        })?;
        Kernels::new(self, chain, machine, precision)
    }

    /// The engine for points like `points`.
    pub(crate) fn engine(&self, points: &Tensor) -> Result<Engine> {
        self.engines().get(points, || {
            let (dtype, device) = (points.dtype(), points.device());
            let chain = self.network().chain();
            #[cfg(feature = "cuda")]
            if let (Device::Cuda(card), DType::F32, Some(chain), false) =
                (device, dtype, chain, self.is_tensors_only())
            {
                debug!(kernels = ?self.precision(), "engine");
                let card = Arc::new(collado_cuda::Card::new(card)?);
                return Ok(Engine::Plain(Arc::new(Kernels::new(self, chain, card, self.precision())?)));
            }
            let fused = chain.filter(|_| device.is_cpu() && !self.is_tensors_only());
            let (examples, memory_mib) = (self.data().len(), self.memory() >> 20);
            debug!(fused = fused.is_some(), ?dtype, examples, memory_mib, "engine");
            Ok(match (fused, chain) {
                (Some(chain), _) => {
                    let made: Result<Engine> = dispatch!(dtype, T => Fused::<T>::new(self, chain).map(|engine| Engine::Plain(Arc::new(engine))));
                    made?
                }
                (None, Some(_)) => Engine::Plain(Arc::new(Tensors::new(self, dtype, device)?)),
                (None, None) => match device.is_cpu() && !self.is_tensors_only() {
                    true => dispatch!(dtype, T => self.graph::<T>())?,
                    false => self.made(self.points(dtype, device)?),
                },
            })
        })
    }

    /// The fused engine, or candle's operations where it lacks an operation.
    fn graph<T: Number>(&self) -> Result<Engine> {
        match Graph::<T>::new(self)? {
            Some(engine) => Ok(self.made(engine)),
            None => {
                info!(network = %self.arch(), "candle's operations are used: the fused engine lacks one");
                Ok(self.made(Points::new(self, T::DTYPE, &Device::Cpu)?))
            }
        }
    }

    /// The engine in candle's operations, on a GPU with some of our own.
    fn points(&self, dtype: DType, device: &Device) -> Result<Points> {
        let points = Points::new(self, dtype, device)?;
        #[cfg(feature = "cuda")]
        if let (Device::Cuda(card), DType::F32) = (device, dtype) {
            let card = Arc::new(collado_cuda::Card::new(card)?);
            return Ok(points.with_kernels(Box::new(cuda::TensorOps::new(card))));
        }
        Ok(points)
    }

    fn made<E: Objective + Normalised + 'static>(&self, engine: E) -> Engine {
        match self.network().batch_norms().next() {
            Some(_) => Engine::Normalised(Arc::new(engine)),
            None => Engine::Plain(Arc::new(engine)),
        }
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
        match self.engine(span.vertices())? {
            Engine::Plain(engine) => engine.evaluate(span, rows, gradient),
            Engine::Normalised(engine) => self.normalised(&*engine, span, rows, gradient),
        }
    }

    fn accumulate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        keep: f64,
        velocity: &mut Tensor,
    ) -> Result<Vec<Evaluation>> {
        self.check(span.points(), span.size(), rows)?;
        match self.engine(span.vertices())? {
            Engine::Plain(engine) => engine.accumulate(span, rows, keep, velocity),
            Engine::Normalised(engine) => {
                let mut gradient = velocity.zeros_like()?;
                let values = self.normalised(&*engine, span, rows, Some(&mut gradient))?;
                velocity.slice_set(&((&*velocity * keep)? + gradient)?, 0, 0)?;
                Ok(values)
            }
        }
    }

    fn stride(&self, span: &Span, descent: &Descent<'_>) -> Option<usize> {
        match self.engine(span.vertices()).ok()? {
            Engine::Plain(engine) => engine.stride(span, descent),
            Engine::Normalised(_) => None,
        }
    }

    fn descend(&self, span: &Span, descent: &Descent<'_>, memory: &[Tensor]) -> Result<()> {
        match self.engine(span.vertices())? {
            Engine::Plain(engine) => engine.descend(span, descent, memory),
            Engine::Normalised(_) => {
                let found = "networks with batch normalisation".into();
                Err(Error::Unsupported { what: "many steps at a time", found })
            }
        }
    }

    fn settle(&self) -> Result<()> {
        self.engines().all().iter().try_for_each(|engine| match engine {
            Engine::Plain(engine) => engine.settle(),
            Engine::Normalised(_) => Ok(()),
        })
    }

    fn examples(&self) -> usize {
        self.data().len()
    }

    fn training(&self, points: usize) -> Result<Option<Box<dyn TrainingObjective + '_>>> {
        match self.network().batch_norms().next() {
            Some(_) => Ok(Some(Box::new(BatchTraining::new(self, points)))),
            None => Ok(None),
        }
    }
}
