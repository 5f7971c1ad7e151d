//! The engine in candle's own operations for networks of any kind, point by point. Faster engines are tested against it.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use collado_models::{
    BatchMoments, Leaves, Network, Noted, PointTensors, Tape, TensorKernels, TensorMoments,
};

use super::{Normalised, Seen, tensors::penalty};
use crate::{Criterion, EmpiricalRisk, Evaluation, Objective, Result, Rows, Span, Targets};

/// The engine for one network on one data set, on any candle device.
pub(super) struct Points {
    network: Arc<Network>,
    /// The inputs `[N, ..]`.
    inputs: Tensor,
    /// The targets: class labels `u32` `[N]` or `[N, positions]`, or values `[N, q]`.
    targets: Tensor,
    /// The number of classes that an example has.
    positions: usize,
    is_classes: bool,
    /// The inputs of the reference examples, and the rows among them for statistics.
    reference: Tensor,
    reference_rows: Vec<u32>,
    criterion: Criterion,
    memory: usize,
    /// Those of the device, if it has some.
    kernels: Option<Box<dyn TensorKernels>>,
}

/// The statistics for one pass at one point.
#[derive(Clone, Copy)]
enum Moments<'a> {
    /// A row of buffers `[B]`.
    Given(&'a [f64]),
    /// Those of the examples of the pass.
    Batch,
    /// Those of the reference rows.
    Population,
}

/// What a pass at one point gives.
struct Found {
    value: Evaluation,
    gradient: Option<Tensor>,
    seen: Vec<BatchMoments>,
}

/// What a pass on some tiles of examples gives.
struct Part {
    /// Its share in the mean loss.
    mean: Tensor,
    /// The misclassifications of each tile.
    misses: Vec<Tensor>,
    slope: Option<Tensor>,
    seen: Vec<BatchMoments>,
}

/// How a pass comes to its gradient.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// It has none.
    Values,
    /// By a tape, which is for one tile.
    Tape,
    /// By automatic differentiation, also through statistics of the reference examples.
    Leaves(&'a Leaves),
}

impl Points {
    pub(super) fn new(risk: &EmpiricalRisk, dtype: DType, device: &Device) -> Result<Self> {
        let examples = risk.data();
        Ok(Self {
            network: Arc::clone(risk.network()),
            inputs: examples.inputs(dtype)?.to_device(device)?,
            targets: examples.targets().tensor(device)?,
            positions: examples.targets().positions(),
            is_classes: !matches!(examples.targets(), Targets::Values { .. }),
            reference: risk.reference().inputs(dtype)?.to_device(device)?,
            reference_rows: risk.reference_rows(),
            criterion: risk.criterion(),
            memory: risk.memory(),
            kernels: None,
        })
    }

    /// The same with kernels of the device.
    #[cfg(feature = "cuda")]
    pub(super) fn with_kernels(self, kernels: Box<dyn TensorKernels>) -> Self {
        Self { kernels: Some(kernels), ..self }
    }

    fn kernels(&self) -> Option<&dyn TensorKernels> {
        self.kernels.as_deref()
    }

    /// Does a pass at each point.
    fn each<'m>(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
        moments: impl Fn(usize) -> Moments<'m>,
        mut seen: Option<Seen<'_>>,
    ) -> Result<Vec<Evaluation>> {
        let stack = span.materialize()?;
        let (mut values, mut slopes) = (Vec::new(), Vec::new());
        let width = self.network.buffers().len();
        for i in 0..span.points() {
            let found = self.point(&stack.get(i)?, rows.of(i), moments(i), gradient.is_some())?;
            values.push(found.value);
            slopes.extend(found.gradient);
            if let Some(Seen { statistics, unbiased }) = &mut seen {
                let row = &mut statistics[i * width..(i + 1) * width];
                BatchMoments::write(&found.seen, *unbiased, row)?;
            }
        }
        if let Some(gradient) = gradient {
            span.pull_back(&Tensor::stack(&slopes, 0)?, gradient)?;
        }
        Ok(values)
    }

    fn point(
        &self,
        theta: &Tensor,
        batch: Option<&[u32]>,
        moments: Moments<'_>,
        gradient: bool,
    ) -> Result<Found> {
        let leaves = gradient.then(|| Leaves::new(theta));
        let row = self.row(theta, leaves.as_ref(), moments)?;
        let given = row.as_ref().map_or(TensorMoments::Batch, TensorMoments::Given);
        let tiles = self.tiles(&self.inputs, batch, gradient)?;
        let targets = self.tiles_like(&tiles, batch)?;
        let count = targets.iter().map(|y| y.dims()[0]).sum::<usize>() as f64;
        // With statistics of the batch itself the examples belong together; else each tile is done with by itself.
        let groups: Vec<_> = match (row.is_some() || self.network.buffers().is_empty(), moments) {
            (true, Moments::Given(_) | Moments::Batch) => {
                tiles.into_iter().zip(targets).map(|(x, y)| (vec![x], vec![y])).collect()
            }
            _ => vec![(tiles, targets)],
        };
        let (mut loss, mut wrong, mut seen) = (0., 0., Vec::new());
        let mut slope: Option<Tensor> = None;
        let mut add = |part_slope: Tensor| -> Result<()> {
            slope = Some(match slope.take() {
                Some(sum) => (sum + part_slope)?,
                None => part_slope,
            });
            Ok(())
        };
        for (x, y) in groups {
            let way = match (&leaves, moments) {
                (None, _) => Way::Values,
                (Some(leaves), Moments::Population) => Way::Leaves(leaves),
                (Some(leaves), _) if x.len() > 1 => Way::Leaves(leaves),
                _ => Way::Tape,
            };
            let part = self.part(theta, given, way, (x, &y), count)?;
            part.slope.map(&mut add).transpose()?;
            seen.extend(part.seen);
            // Numbers are asked for once all work on these tiles is under way: to do so waits for a GPU.
            loss += number(&part.mean)?;
            wrong += match part.misses.is_empty() {
                true => f64::NAN,
                false => number(&Tensor::cat(&part.misses, 0)?.sum_all()?)? / self.positions as f64,
            };
        }
        let mut value = Evaluation { risk: loss, loss, error: wrong / count };
        if self.criterion.kappa != 0. {
            let var = Var::from_tensor(theta)?;
            let part = penalty(self.criterion, &self.network, &var.unsqueeze(0)?)?.squeeze(0)?;
            if gradient {
                add(part.backward()?.remove(&var).map_or_else(|| var.zeros_like(), Ok)?.detach())?;
            }
            value.risk += number(&part)?;
        }
        Ok(Found { value, gradient: slope, seen })
    }

    /// A pass on some tiles of inputs and targets.
    fn part(
        &self,
        theta: &Tensor,
        given: TensorMoments<'_>,
        way: Way<'_>,
        (mut x, y): (Vec<Tensor>, &[Tensor]),
        count: f64,
    ) -> Result<Part> {
        let mut algebra = match way {
            Way::Tape => {
                let mut tape = Tape::new(theta, given, self.kernels());
                let z = self.network.run(&mut tape, Noted::data(x.remove(0)))?;
                let outputs = Var::from_tensor(z.tensor())?;
                let (mean, misses) = self.mean(&[outputs.as_tensor().clone()], y, count)?;
                let slope = mean.backward()?.remove(&outputs).map_or_else(|| outputs.zeros_like(), Ok)?;
                let seen = tape.take_seen();
                return Ok(Part { slope: Some(tape.gradient(&z, slope)?), mean, misses, seen });
            }
            Way::Leaves(leaves) => PointTensors::of_leaves(leaves, given),
            Way::Values => PointTensors::new(theta, given),
        }
        .with_kernels(self.kernels());
        let outputs = self.network.run(&mut algebra, x)?;
        let (mean, misses) = self.mean(&outputs, y, count)?;
        let slope = match way {
            Way::Leaves(leaves) => Some(leaves.gradient(&mut mean.backward()?)?),
            _ => None,
        };
        Ok(Part { mean, misses, slope, seen: algebra.into_seen() })
    }

    /// The share of tiles in the mean loss over `count` examples, and the misclassifications of each tile.
    fn mean(&self, outputs: &[Tensor], targets: &[Tensor], count: f64) -> Result<(Tensor, Vec<Tensor>)> {
        let (mut sum, mut misses): (Option<Tensor>, Vec<Tensor>) = Default::default();
        for (z, y) in outputs.iter().zip(targets) {
            // Positions count as examples, each of which has its share of the mean.
            let z = z.reshape((1, z.dims()[0] * self.positions, ()))?;
            let y = if self.positions > 1 { y.flatten_all()? } else { y.clone() };
            let (part, errors) = self.criterion.loss.sums(&z, &y, self.is_classes)?;
            misses.extend(errors);
            let part = (part.squeeze(0)? / self.positions as f64)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        Ok(((sum.expect("there are examples") / count)?, misses))
    }

    /// The statistics `[B]` to normalise with, unless they are those of the batch.
    fn row(&self, theta: &Tensor, leaves: Option<&Leaves>, moments: Moments<'_>) -> Result<Option<Tensor>> {
        let (dtype, device) = (theta.dtype(), theta.device());
        match moments {
            Moments::Batch => Ok(None),
            Moments::Given(row) => Ok(Some(
                Tensor::from_slice(row, row.len(), &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?,
            )),
            Moments::Population => {
                let seen = self.reference_pass(theta, leaves, &self.reference_rows)?;
                // In the order of the buffers; the number of batches is not used.
                let one = Tensor::ones(1, dtype, device)?;
                let parts: Vec<_> = seen.iter().flat_map(|m| [&m.mean, &m.variance, &one]).collect();
                Ok(Some(Tensor::cat(&parts, 0)?))
            }
        }
    }

    /// The statistics of rows of the reference examples, as one batch, with a way for gradients to `leaves`.
    fn reference_pass(
        &self,
        theta: &Tensor,
        leaves: Option<&Leaves>,
        rows: &[u32],
    ) -> Result<Vec<BatchMoments>> {
        let tiles = self.tiles(&self.reference, Some(rows), leaves.is_some())?;
        let mut algebra = match leaves {
            // Kernels carry no gradients through statistics.
            Some(leaves) => PointTensors::of_leaves(leaves, TensorMoments::Batch),
            None => PointTensors::new(theta, TensorMoments::Batch).with_kernels(self.kernels()),
        };
        self.network.run(&mut algebra, tiles)?;
        Ok(algebra.into_seen())
    }

    /// The chosen rows of `inputs`, or all, in tiles whose activations fit into memory.
    fn tiles(&self, inputs: &Tensor, rows: Option<&[u32]>, gradient: bool) -> Result<Vec<Tensor>> {
        let inputs = match rows {
            Some(rows) => inputs.index_select(&Tensor::from_slice(rows, rows.len(), inputs.device())?, 0)?,
            None => inputs.clone(),
        };
        let width = inputs.dims()[1..].iter().product::<usize>() + self.network.units();
        let budget = self.memory / inputs.dtype().size_in_bytes() / if gradient { 6 } else { 2 };
        let most = if inputs.device().is_cpu() { TILE } else { CUDA_TILE };
        let (count, tile) = (inputs.dims()[0], (budget / width).clamp(1, most));
        (0..count).step_by(tile).map(|from| Ok(inputs.narrow(0, from, tile.min(count - from))?)).collect()
    }

    /// The targets of the chosen rows, in tiles as long as those of the inputs.
    fn tiles_like(&self, tiles: &[Tensor], rows: Option<&[u32]>) -> Result<Vec<Tensor>> {
        let targets = match rows {
            Some(rows) => {
                let index = Tensor::from_slice(rows, rows.len(), self.targets.device())?;
                self.targets.index_select(&index, 0)?
            }
            None => self.targets.clone(),
        };
        let mut from = 0;
        let next = |tile: &Tensor| {
            let count = tile.dims()[0];
            from += count;
            Ok(targets.narrow(0, from - count, count)?)
        };
        tiles.iter().map(next).collect()
    }
}

/// More examples at a time than this are not faster.
const TILE: usize = 64;
/// On a GPU every operation takes as long as its launch at least.
const CUDA_TILE: usize = 1024;

fn number(scalar: &Tensor) -> Result<f64> {
    Ok(scalar.detach().to_dtype(DType::F64)?.to_scalar()?)
}

impl Objective for Points {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        self.evaluate(&Span::stack(theta)?, rows, gradient)
    }

    fn evaluate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        self.each(span, rows, gradient, |_| Moments::Batch, None)
    }

    fn examples(&self) -> usize {
        self.inputs.dims()[0]
    }
}

impl Normalised for Points {
    fn given(
        &self,
        span: &Span,
        rows: Rows<'_>,
        statistics: &[f64],
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        let width = self.network.buffers().len();
        let row = |i: usize| Moments::Given(&statistics[i * width..(i + 1) * width]);
        self.each(span, rows, gradient, row, None)
    }

    fn batch(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
        seen: Option<Seen<'_>>,
    ) -> Result<Vec<Evaluation>> {
        self.each(span, rows, gradient, |_| Moments::Batch, seen)
    }

    fn population(&self, span: &Span, gradient: &mut Tensor) -> Result<Vec<Evaluation>> {
        self.each(span, Rows::All, Some(gradient), |_| Moments::Population, None)
    }

    fn statistics(&self, span: &Span, rows: &[u32], unbiased: bool) -> Result<Vec<f64>> {
        let (stack, width) = (span.materialize()?, self.network.buffers().len());
        let mut found = vec![0.; span.points() * width];
        for (i, row) in found.chunks_exact_mut(width).enumerate() {
            let seen = self.reference_pass(&stack.get(i)?.detach(), None, rows)?;
            BatchMoments::write(&seen, unbiased, row)?;
        }
        Ok(found)
    }
}
