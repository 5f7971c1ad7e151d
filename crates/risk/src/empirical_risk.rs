//! The empirical risk of a network as one value, and the choice of the engine that computes it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use candle_core::{DType, DeviceLocation, Tensor};
use collado_data::Split;
use collado_models::{Arch, Network};

use crate::{Criterion, Examples, Loss, Objective, Result};

/// The empirical risk $F(\theta)=\frac1N\sum_i\ell(\Phi(x_i;\theta),y_i)+\kappa R(\theta)$ of a network as one value.
/// Training minimises it, paths and curvature are computed for it, and proofs are about it.
///
/// It is an [`Objective`] on stacks `[P, S]` in `f32` or `f64`. On the CPU the fused engine computes it, with the same
/// bits for any number of threads; on other devices candle's batched operations do. Clones share everything.
#[derive(Clone)]
pub struct EmpiricalRisk {
    network: Arc<Network>,
    examples: Arc<Examples>,
    criterion: Criterion,
    memory: usize,
    engines: Arc<Engines>,
}

/// The default bound of scratch memory for engines, in bytes.
const MEMORY: usize = 1 << 30;

/// An engine for points on a device, of a number type.
type Engine = (DeviceLocation, DType, Arc<dyn Objective>);

/// The engines made so far, by device and number type.
#[derive(Default)]
pub(crate) struct Engines(Mutex<Vec<Engine>>);

impl Engines {
    /// The engine for points like `points`, which `make` makes the first time.
    pub(crate) fn get(
        &self,
        points: &Tensor,
        make: impl FnOnce() -> Result<Arc<dyn Objective>>,
    ) -> Result<Arc<dyn Objective>> {
        let (device, dtype) = (points.device().location(), points.dtype());
        let mut engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, engine)) = engines.iter().find(|(d, t, _)| (*d, *t) == (device, dtype)) {
            return Ok(Arc::clone(engine));
        }
        let engine = make()?;
        engines.push((device, dtype, Arc::clone(&engine)));
        Ok(engine)
    }
}

impl EmpiricalRisk {
    /// The risk of `network` on `examples`.
    ///
    /// # Errors
    /// When the examples do not fit the network or the loss, or a setting is outside its range.
    pub fn new(
        network: impl Into<Network>,
        examples: impl Into<Arc<Examples>>,
        criterion: Criterion,
    ) -> Result<Self> {
        Self::of(Arc::new(network.into()), examples.into(), criterion, MEMORY)
    }

    fn of(
        network: Arc<Network>,
        examples: Arc<Examples>,
        criterion: Criterion,
        memory: usize,
    ) -> Result<Self> {
        criterion.check()?;
        examples.check(&network, criterion.loss)?;
        Ok(Self { network, examples, criterion, memory, engines: Arc::default() })
    }

    /// The same risk with a bound on scratch memory, in bytes (default: 1 GiB). The bound does not change results.
    #[must_use]
    pub fn with_memory(self, memory: usize) -> Self {
        Self { memory, engines: Arc::default(), ..self }
    }

    /// The same risk on other examples.
    ///
    /// # Errors
    /// When the examples do not fit the network or the loss.
    pub fn on(&self, examples: impl Into<Arc<Examples>>) -> Result<Self> {
        Self::of(Arc::clone(&self.network), examples.into(), self.criterion, self.memory)
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// The description of the network.
    pub fn arch(&self) -> &Arch {
        self.network.arch()
    }

    /// The inputs and targets.
    pub fn data(&self) -> &Arc<Examples> {
        &self.examples
    }

    /// The loss and the regulariser.
    pub fn criterion(&self) -> Criterion {
        self.criterion
    }

    /// The number of bytes that engines may use for scratch.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The store of the engines for this risk.
    pub(crate) fn engines(&self) -> &Engines {
        &self.engines
    }
}

impl fmt::Debug for EmpiricalRisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { criterion, examples, .. } = self;
        write!(f, "EmpiricalRisk({}, {} examples, {criterion:?})", self.arch(), examples.len())
    }
}

/// Extends [`Arch`] by the empirical risk on rows of data.
pub trait RiskOn {
    /// The risk on the rows of `split`, with the loss that the targets call for: cross-entropy for classes, the squared
    /// loss for values; κ = 0.
    ///
    /// # Errors
    /// When the rows do not fit the network.
    fn risk(&self, split: &Split) -> Result<EmpiricalRisk>;
}

impl RiskOn for Arch {
    fn risk(&self, split: &Split) -> Result<EmpiricalRisk> {
        let loss = if split.targets.is_classes() { Loss::CrossEntropy } else { Loss::Squared };
        EmpiricalRisk::new(self, Examples::try_from(split)?, Criterion { loss, ..Criterion::default() })
    }
}
