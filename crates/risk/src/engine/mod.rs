//! Risk and gradient of dense networks at many points: one objective, two engines behind it.

mod curvature;
mod examples;
mod fused;
mod gradient;
mod matmul;
mod pool;
mod softmax;
mod stacked;
mod tile;
mod values;

use candle_core::Tensor;

pub use self::curvature::{CurvatureForm, CurvaturePoint, DenseCurvature};
use self::{examples::Examples, fused::Fused, stacked::Stacked};
use crate::{Error, Evaluation, Loss, Objective, Regularizer, Result, Rows, Span};
use collado_models::{Arch, Real, dispatch};

/// What the empirical risk $F(\theta)=\frac1N\sum_i\ell(\Phi(x_i;\theta),y_i)+\kappa R(\theta)$ is made of.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `loss` | cross-entropy | ℓ | |
/// | `kappa` | 0 | weight κ of the regulariser, counted once (no ½) | ≥ 0, finite |
/// | `regularizer` | ‖θ‖² | R | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Criterion {
    /// ℓ.
    pub loss: Loss,
    /// κ.
    pub kappa: f64,
    /// R.
    pub regularizer: Regularizer,
}

impl Criterion {
    /// Refuses settings outside their range.
    pub(crate) fn check(&self) -> Result<()> {
        if self.kappa >= 0. && self.kappa.is_finite() {
            return Ok(());
        }
        Err(Error::Setting {
            name: "kappa", expected: "a finite number ≥ 0", found: self.kappa.to_string()
        })
    }
}

impl Default for Criterion {
    fn default() -> Self {
        Self { loss: Loss::CrossEntropy, kappa: 0., regularizer: Regularizer::L2 }
    }
}

/// The empirical risk of dense networks of one architecture: [`Objective`] on stacks `[P, S]`.
///
/// On the CPU the fused engine runs, tiled so that activations stay in cache, parallel over points and examples, with
/// the same bits for any number of threads; on other devices candle's batched operations.
pub struct DenseObjective {
    engine: Box<dyn Objective>,
    arch: Arch,
    size: usize,
}

impl DenseObjective {
    /// The risk of `arch` on `inputs` `[N, n_0]` and `targets`: class labels `u32` `[N]`, or values `[N, q]`.
    ///
    /// Parameters must have the dtype (`f32` or `f64`) and device of `inputs`. `memory` bounds scratch, in bytes.
    ///
    /// # Errors
    /// When shapes, labels or settings do not fit.
    pub fn new(
        arch: &Arch,
        inputs: &Tensor,
        targets: &Tensor,
        criterion: Criterion,
        memory: usize,
    ) -> Result<Self> {
        let examples = Self::examples_of(arch, inputs, targets, criterion)?;
        let engine: Box<dyn Objective> = if inputs.device().is_cpu() {
            dispatch!(inputs.dtype(), T => Ok::<_, Error>(Self::fused::<T>(arch, examples, criterion, memory)))?
        } else {
            Self::stacked(arch, examples, criterion, memory)
        };
        Ok(Self { engine, arch: arch.clone(), size: arch.layout().len() })
    }

    /// The same risk through candle's batched operations, whatever the device.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_candle(
        arch: &Arch,
        inputs: &Tensor,
        targets: &Tensor,
        criterion: Criterion,
        memory: usize,
    ) -> Result<Self> {
        let examples = Self::examples_of(arch, inputs, targets, criterion)?;
        let engine = Self::stacked(arch, examples, criterion, memory);
        Ok(Self { engine, arch: arch.clone(), size: arch.layout().len() })
    }

    /// The architecture.
    pub fn arch(&self) -> &Arch {
        &self.arch
    }

    fn examples_of(arch: &Arch, inputs: &Tensor, targets: &Tensor, criterion: Criterion) -> Result<Examples> {
        criterion.check()?;
        Examples::new(arch, criterion.loss, inputs, targets)
    }

    fn fused<T: Real>(
        arch: &Arch,
        examples: Examples,
        criterion: Criterion,
        memory: usize,
    ) -> Box<dyn Objective> {
        Box::new(Fused::<T>::new(arch, examples, criterion, memory))
    }

    fn stacked(arch: &Arch, examples: Examples, criterion: Criterion, memory: usize) -> Box<dyn Objective> {
        Box::new(Stacked { arch: arch.clone(), layout: arch.layout(), examples, criterion, memory })
    }

    fn check(&self, span: &Span, rows: Rows<'_>) -> Result<()> {
        let (points, found) = (span.points(), span.vertices().dims()[1]);
        if found != self.size {
            return Err(Error::mismatch(format!("{}: parameters of a point", self.arch), self.size, found));
        }
        let indices = match rows {
            Rows::All => return Ok(()),
            Rows::Shared(rows) => rows,
            Rows::Each { rows, batch } if rows.len() == points * batch => rows,
            Rows::Each { rows, batch } => {
                return Err(Error::mismatch("minibatch indices", format!("{points} x {batch}"), rows.len()));
            }
        };
        let n = self.examples();
        match indices.iter().find(|&&i| i as usize >= n) {
            _ if indices.is_empty() => Err(Error::mismatch("minibatch", "at least one example", "none")),
            Some(i) => Err(Error::mismatch("minibatch index", format!("less than {n}"), i)),
            None => Ok(()),
        }
    }
}

impl Objective for DenseObjective {
    fn evaluate(&self, span: &Span, rows: Rows<'_>, grad: Option<&Tensor>) -> Result<Vec<Evaluation>> {
        self.check(span, rows)?;
        self.engine.evaluate(span, rows, grad)
    }

    fn accumulate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        keep: f64,
        velocity: &Tensor,
    ) -> Result<Vec<Evaluation>> {
        self.check(span, rows)?;
        self.engine.accumulate(span, rows, keep, velocity)
    }

    fn examples(&self) -> usize {
        self.engine.examples()
    }
}
