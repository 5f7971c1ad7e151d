//! The empirical risk of a network as one value, and the choice of the engine that computes it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use candle_core::{DType, DeviceLocation, Tensor};
use collado_data::Split;
use collado_models::{Arch, Network};

use crate::{
    Criterion, Error, Examples, Loss, Precision, Result, Statistics, engine::Engine,
    statistics::evenly_spaced,
};

/// The empirical risk $F(\theta)=\frac1N\sum_i\ell(\Phi(x_i;\theta),y_i)+\kappa R(\theta)$ of a network as one value.
/// Training minimises it, paths and curvature are computed for it, and proofs are about it.
///
/// It is an [`Objective`](crate::Objective) on stacks `[P, S]` in `f32` or `f64`. On the CPU the fused engine computes it, with the same
/// bits for any number of threads; on a GPU own kernels compute dense chains in `f32`, and candle's batched operations all
/// else. Clones share everything.
#[derive(Clone)]
pub struct EmpiricalRisk {
    network: Arc<Network>,
    examples: Arc<Examples>,
    criterion: Criterion,
    statistics: Statistics,
    /// The training examples that statistics are taken over, and how many of them.
    reference: Arc<Examples>,
    reference_rows: usize,
    /// Running statistics `[1, B]` for points without their own.
    buffers: Option<Tensor>,
    memory: usize,
    precision: Precision,
    /// Whether candle's operations are to be used even where another engine is faster.
    tensors_only: bool,
    engines: Arc<Engines>,
}

/// The default bound of scratch memory for engines, in bytes.
const MEMORY: usize = 1 << 30;

/// The largest number of reference rows, where none is stated.
const REFERENCE_ROWS: usize = 10_000;

/// The engines made so far, by device and number type.
#[derive(Default)]
pub(crate) struct Engines(Mutex<Vec<(DeviceLocation, DType, Engine)>>);

impl Engines {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Engine> {
        let engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        engines.iter().map(|(_, _, engine)| engine.clone()).collect()
    }

    /// The engine for points like `points`, which `make` makes the first time.
    pub(crate) fn get(&self, points: &Tensor, make: impl FnOnce() -> Result<Engine>) -> Result<Engine> {
        let (device, dtype) = (points.device().location(), points.dtype());
        let mut engines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, engine)) = engines.iter().find(|(d, t, _)| (*d, *t) == (device, dtype)) {
            return Ok(engine.clone());
        }
        let engine = make()?;
        engines.push((device, dtype, engine.clone()));
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
        let (network, examples) = (Arc::new(network.into()), examples.into());
        criterion.check()?;
        if criterion.kappa != 0. && criterion.regularizer.columns(&network).is_empty() && network.size() > 0 {
            let what = format!("{}: layers with weights, for the regulariser", network.arch());
            return Err(Error::mismatch(what, "at least one", 0));
        }
        examples.check(&network, criterion.loss)?;
        Ok(Self {
            network,
            reference: Arc::clone(&examples),
            reference_rows: examples.len().min(REFERENCE_ROWS),
            examples,
            criterion,
            statistics: Statistics::default(),
            buffers: None,
            memory: MEMORY,
            precision: Precision::default(),
            tensors_only: false,
            engines: Arc::default(),
        })
    }

    /// The same risk with a bound on scratch memory, in bytes (default: 1 GiB). The bound does not change results.
    #[must_use]
    pub fn with_memory(self, memory: usize) -> Self {
        Self { memory, engines: Arc::default(), ..self }
    }

    /// The same risk with products of `f32` numbers on GPUs computed in this way.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, engines: Arc::default(), ..self }
    }

    /// How products of `f32` numbers are computed on GPUs.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The same risk on other examples. Statistics of batch normalisation are still those of the same reference rows.
    ///
    /// # Errors
    /// When the examples do not fit the network or the loss.
    pub fn on(&self, examples: impl Into<Arc<Examples>>) -> Result<Self> {
        let examples = examples.into();
        examples.check(&self.network, self.criterion.loss)?;
        Ok(Self { examples, engines: Arc::default(), ..self.clone() })
    }

    /// The same risk on `count` of its examples alone, evenly spaced. Statistics of batch normalisation are then over
    /// these (at most 10 000 of them).
    ///
    /// # Errors
    /// When there are fewer examples, or `count` is 0.
    pub fn on_evenly_spaced(&self, count: usize) -> Result<Self> {
        let n = self.examples.len();
        if count == 0 || count > n {
            return Err(Error::mismatch("rows", format!("1 to {n}"), count));
        }
        let examples = Arc::new(self.examples.select(&evenly_spaced(n, count))?);
        let reference = Arc::clone(&examples);
        let reference_rows = count.min(REFERENCE_ROWS);
        Ok(Self { examples, reference, reference_rows, engines: Arc::default(), ..self.clone() })
    }

    /// The same risk with another rule for the statistics of batch normalisation (default:
    /// [`Population`](Statistics::Population)).
    #[must_use]
    pub fn with_statistics(self, statistics: Statistics) -> Self {
        Self { statistics, ..self }
    }

    /// The same risk with statistics over `rows` of the reference examples, evenly spaced (default: all, but at most
    /// 10 000).
    ///
    /// # Errors
    /// When there are fewer rows, or `rows` is below 2, for which there is no variance.
    pub fn with_reference_rows(self, rows: usize) -> Result<Self> {
        if rows < 2 || rows > self.reference.len() {
            let expected = format!("2 to {}", self.reference.len());
            return Err(Error::mismatch("rows for the statistics of batch normalisation", expected, rows));
        }
        Ok(Self { reference_rows: rows, engines: Arc::default(), ..self })
    }

    /// The same risk with running statistics `[B]` for points that have none of their own, under the rule
    /// [`Interpolate`](Statistics::Interpolate).
    ///
    /// # Errors
    /// When the number of statistics is not that of the network.
    pub fn with_buffers(self, buffers: &Tensor) -> Result<Self> {
        let (found, expected) = (buffers.elem_count(), self.network.buffers().len());
        if found != expected {
            return Err(Error::mismatch("running statistics of a point", expected, found));
        }
        let buffers = buffers.to_dtype(DType::F64)?.flatten_all()?.unsqueeze(0)?;
        Ok(Self { buffers: Some(buffers), ..self })
    }

    /// The same risk through candle's operations on any device. Other engines are tested against it.
    #[must_use]
    pub fn in_tensors(&self) -> Self {
        Self { tensors_only: true, engines: Arc::default(), ..self.clone() }
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

    /// The rule for the statistics of batch normalisation.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// The training examples that the statistics of batch normalisation are taken over.
    pub fn reference(&self) -> &Arc<Examples> {
        &self.reference
    }

    /// The rows of the [reference examples](Self::reference) that statistics are taken over.
    pub fn reference_rows(&self) -> Vec<u32> {
        evenly_spaced(self.reference.len(), self.reference_rows)
    }

    /// Whether the statistics are taken over the very examples of this risk.
    pub(crate) fn is_its_own_reference(&self) -> bool {
        Arc::ptr_eq(&self.reference, &self.examples) && self.reference_rows == self.examples.len()
    }

    /// The running statistics `[1, B]` for points without their own.
    pub fn buffers(&self) -> Option<&Tensor> {
        self.buffers.as_ref()
    }

    pub(crate) fn is_tensors_only(&self) -> bool {
        self.tensors_only
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
