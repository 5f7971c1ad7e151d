//! The engine for chains in candle's own operations, batched over the stack. It is used on devices other than the CPU,
//! and the fused engine is tested against it.

use std::{ops::Range, sync::Arc};

use candle_core::{D, DType, Device, Tensor, Var};
use collado_models::{Activation, Affine, Algebra, Network};

use crate::{Criterion, EmpiricalRisk, Evaluation, Loss, Objective, Regularizer, Result, Rows, Span};

/// The engine for one network on one data set, on any candle device.
pub(crate) struct Tensors {
    network: Arc<Network>,
    /// The inputs `[N, ..]`.
    inputs: Tensor,
    /// The targets: class labels `u32` `[N]`, or values `f64` `[N, q]`.
    targets: Tensor,
    is_classes: bool,
    criterion: Criterion,
    memory: usize,
}

impl Tensors {
    pub(crate) fn new(risk: &EmpiricalRisk, dtype: DType, device: &Device) -> Result<Self> {
        let examples = risk.data();
        Ok(Self {
            network: Arc::clone(risk.network()),
            inputs: examples.inputs(dtype)?.to_device(device)?,
            targets: examples.targets().tensor(device)?,
            is_classes: examples.targets().classes().is_some(),
            criterion: risk.criterion(),
            memory: risk.memory(),
        })
    }

    /// The numbers of points and examples that are computed at a time, so that activations and gradients fit into
    /// memory.
    fn tile(&self, points: usize, batch: usize, gradient: bool) -> (usize, usize) {
        let width = self.inputs.dims()[1..].iter().product::<usize>() + self.network.units();
        let size = self.inputs.dtype().size_in_bytes();
        let budget = self.memory / 2 / size / if gradient { 3 } else { 1 };
        let group = (budget / (2 * self.network.size() + width)).clamp(1, points.max(1));
        let rows = (budget / 2 / (group * width)).clamp(1, batch.max(1));
        (group, rows)
    }

    /// Computes the values of the points `first..` of the stack `theta`, and adds the gradient of their sum to `grad`
    /// if given.
    fn points(
        &self,
        theta: &Tensor,
        first: usize,
        rows: Rows<'_>,
        tile: usize,
        grad: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        let points = theta.dims()[0];
        let (index, batch) = self.index(rows, first, points)?;
        let var = grad.is_some().then(|| Var::from_tensor(theta)).transpose()?;
        let theta = var.as_ref().map_or(theta, Var::as_tensor);
        let mut loss = Tensor::zeros(points, DType::F64, theta.device())?;
        let mut wrong = None;
        let mut slope: Option<Tensor> = None;
        let mut add = |part: &Tensor| -> Result<()> {
            if let Some(var) = &var {
                let g = part.sum_all()?.backward()?.remove(var).map_or_else(|| var.zeros_like(), Ok)?;
                slope = Some(match slope.take() {
                    Some(s) => (s + g)?,
                    None => g,
                });
            }
            Ok(())
        };
        for from in (0..batch).step_by(tile) {
            let (x, y) = self.slice(index.as_ref(), from, tile.min(batch - from))?;
            let (part, errors) = self.criterion.loss.sums(
                &self.network.run(&mut Stacked { theta }, x)?,
                &y,
                self.is_classes,
            )?;
            let part = (part / batch as f64)?;
            add(&part)?;
            loss = (loss + part.detach().to_dtype(DType::F64)?)?;
            wrong = match (wrong, errors) {
                (Some(w), Some(e)) => Some((w + e)?),
                (None, e) => e,
                (w, None) => w,
            };
        }
        let mut penalties = vec![0.; points];
        if self.criterion.kappa != 0. {
            let part = penalty(self.criterion, &self.network, theta)?;
            add(&part)?;
            penalties = part.detach().to_dtype(DType::F64)?.to_vec1()?;
        }
        if let (Some(grad), Some(slope)) = (grad, slope) {
            *grad = slope.detach();
        }
        let wrong = wrong.map(|w| w.to_vec1::<f64>()).transpose()?;
        let values = loss.to_vec1::<f64>()?.into_iter().zip(penalties).enumerate();
        Ok(values
            .map(|(i, (loss, penalty))| {
                let error = wrong.as_ref().map_or(f64::NAN, |w| w[i] / batch as f64);
                Evaluation { risk: loss + penalty, loss, error }
            })
            .collect())
    }

    /// The minibatch as an index tensor, `[B]` or `[P, B]`, and its size.
    fn index(&self, rows: Rows<'_>, first: usize, points: usize) -> Result<(Option<Tensor>, usize)> {
        let device = self.inputs.device();
        Ok(match rows {
            Rows::All => (None, self.inputs.dims()[0]),
            Rows::Shared(rows) => (Some(Tensor::from_slice(rows, rows.len(), device)?), rows.len()),
            Rows::Each { rows, batch } => {
                let rows = &rows[first * batch..(first + points) * batch];
                (Some(Tensor::from_slice(rows, (points, batch), device)?), batch)
            }
        })
    }

    /// The inputs and targets of some examples of a batch.
    fn slice(&self, index: Option<&Tensor>, from: usize, count: usize) -> Result<(Tensor, Tensor)> {
        let (inputs, targets) = (&self.inputs, &self.targets);
        let Some(index) = index else {
            return Ok((inputs.narrow(0, from, count)?, targets.narrow(0, from, count)?));
        };
        let index = index.narrow(D::Minus1, from, count)?.contiguous()?;
        let pick = |t: &Tensor| -> candle_core::Result<Tensor> {
            let shape = [index.dims(), &t.dims()[1..]].concat();
            t.index_select(&index.flatten_all()?, 0)?.reshape(shape)
        };
        Ok((pick(inputs)?, pick(targets)?))
    }
}

/// The penalties $\kappa R(\theta_i)$ `[P]` of a stack `theta` `[P, S]`.
pub(super) fn penalty(
    criterion: Criterion,
    network: &Network,
    theta: &Tensor,
) -> candle_core::Result<Tensor> {
    let columns = criterion.regularizer.columns(network);
    let theta = theta.narrow(1, columns.start, columns.len())?;
    let each = match criterion.regularizer {
        Regularizer::L1Last => theta.abs()?,
        Regularizer::L2 | Regularizer::L2Last => theta.sqr()?,
    };
    each.sum(1)? * criterion.kappa
}

/// The arithmetic of a stack `theta` `[P, S]` on examples `[B, n]` or `[P, B, n]`.
struct Stacked<'a> {
    theta: &'a Tensor,
}

impl Algebra for Stacked<'_> {
    type Value = Tensor;
    type Error = collado_models::Error;
    const NAME: &'static str = "the engine in tensors";

    fn affine(&mut self, op: &Affine, x: &Tensor) -> collado_models::Result<Tensor> {
        let points = self.theta.dims()[0];
        let columns = |range: &Range<usize>| self.theta.narrow(1, range.start, range.len());
        let weight = columns(&op.weight)?.reshape((points, op.outputs(), op.inputs()))?;
        let z = x.broadcast_matmul(&weight.transpose(1, 2)?)?;
        match &op.bias {
            Some(bias) => Ok(z.broadcast_add(&columns(bias)?.reshape((points, 1, op.outputs()))?)?),
            None => Ok(z),
        }
    }

    fn activation(&mut self, rho: Activation, x: Tensor) -> collado_models::Result<Tensor> {
        Ok(rho.forward(&x)?)
    }
}

impl Loss {
    /// The loss and the misclassifications `[P]`, summed over the examples, of outputs `z` `[P, B, q]` for class labels
    /// `[B]` or `[P, B]`, or for values, which have one more axis.
    pub(crate) fn sums(
        self,
        z: &Tensor,
        targets: &Tensor,
        classes: bool,
    ) -> candle_core::Result<(Tensor, Option<Tensor>)> {
        let (points, batch, q) = z.dims3()?;
        let wrong = match classes {
            false => None,
            true => {
                let best = match q {
                    1 => z.gt(self.threshold())?.squeeze(2)?.to_dtype(DType::U32)?,
                    _ => z.argmax(D::Minus1)?,
                };
                Some(best.ne(&targets.broadcast_as((points, batch))?)?.to_dtype(DType::F64)?.sum(1)?)
            }
        };
        if let (Loss::CrossEntropy, true, 2..) = (self, classes, q) {
            let y = targets.broadcast_as((points, batch))?.contiguous()?.unsqueeze(2)?;
            let each = candle_nn::ops::log_softmax(z, D::Minus1)?.gather(&y, 2)?.neg()?;
            return Ok((each.sum((1, 2))?, wrong));
        }
        let y = match (classes, q) {
            (false, _) => targets.to_dtype(z.dtype())?,
            (true, 1) => targets.unsqueeze(D::Minus1)?.to_dtype(z.dtype())?,
            // Made where the outputs are: to ask for labels waits for a GPU.
            (true, _) => {
                let each = Tensor::arange(0, q as u32, z.device())?;
                targets.unsqueeze(D::Minus1)?.broadcast_eq(&each)?.to_dtype(z.dtype())?
            }
        };
        let each = match self {
            Loss::Squared => z.broadcast_sub(&y)?.sqr()?,
            Loss::Logistic => (Activation::Softplus.forward(z)? - z.broadcast_mul(&y)?)?,
            Loss::CrossEntropy => candle_nn::ops::log_softmax(z, D::Minus1)?.broadcast_mul(&y)?.neg()?,
        };
        Ok((each.sum((1, 2))?, wrong))
    }
}

impl Objective for Tensors {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        self.evaluate(&Span::stack(theta)?, rows, gradient)
    }

    fn evaluate(&self, span: &Span, rows: Rows<'_>, grad: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        let stack = span.materialize()?;
        let batch = rows.size(self.examples());
        let (group, tile) = self.tile(span.points(), batch, grad.is_some());
        let (mut values, mut slopes) = (Vec::new(), Vec::new());
        for first in (0..span.points()).step_by(group) {
            let theta = stack.narrow(0, first, group.min(span.points() - first))?;
            let mut slope = theta.clone();
            values.extend(self.points(&theta, first, rows, tile, grad.is_some().then_some(&mut slope))?);
            slopes.push(slope);
        }
        if let Some(grad) = grad {
            span.pull_back(&Tensor::cat(&slopes, 0)?, grad)?;
        }
        Ok(values)
    }

    fn examples(&self) -> usize {
        self.inputs.dims()[0]
    }
}
