//! The dense engine in candle's own operations, batched over the stack: for devices other than the CPU, and the
//! independent truth that the fused engine is tested against.

use candle_core::{D, DType, Tensor, Var};

use super::{Criterion, examples::Examples};
use crate::{Evaluation, Loss, Objective, Regularizer, Result, Rows, Span};
use collado_models::{Activation, Arch, Layout};

/// Dense networks of one architecture on one data set, on any candle device.
pub(super) struct Stacked {
    pub(super) arch: Arch,
    pub(super) layout: Layout,
    pub(super) examples: Examples,
    pub(super) criterion: Criterion,
    pub(super) memory: usize,
}

impl Stacked {
    /// Points and examples at a time, so that activations and their gradients stay within memory.
    fn tile(&self, points: usize, batch: usize, gradient: bool) -> (usize, usize) {
        let width: usize = self.arch.widths().iter().sum();
        let size = self.examples.inputs.dtype().size_in_bytes();
        let budget = self.memory / 2 / size / if gradient { 3 } else { 1 };
        let group = (budget / (2 * self.layout.len() + width)).clamp(1, points.max(1));
        let rows = (budget / 2 / (group * width)).clamp(1, batch.max(1));
        (group, rows)
    }

    /// Outputs `[P, B, q]` of the points `theta` `[P, S]` for `x` `[B, n_0]` or `[P, B, n_0]`.
    fn forward(&self, theta: &Tensor, x: &Tensor) -> candle_core::Result<Tensor> {
        let points = theta.dims()[0];
        let mut h = x.clone();
        let mut entries = self.layout.entries().iter();
        for k in 0..self.arch.depth() {
            let columns = |e: &collado_models::Entry| theta.narrow(1, e.offset, e.len());
            if let Some(weight) = entries.next() {
                let w = columns(weight)?.reshape((points, weight.shape[0], weight.shape[1]))?;
                h = h.broadcast_matmul(&w.transpose(1, 2)?)?;
            }
            if let Some(bias) = self.arch.has_bias(k).then(|| entries.next()).flatten() {
                h = h.broadcast_add(&columns(bias)?.reshape((points, 1, bias.shape[0]))?)?;
            }
            if k + 1 < self.arch.depth() {
                h = self.arch.activation().forward(&h)?;
            }
        }
        Ok(h)
    }

    /// $\kappa R(\theta_i)$ `[P]`.
    fn penalty(&self, theta: &Tensor) -> candle_core::Result<Tensor> {
        let columns = self.criterion.regularizer.columns(&self.arch);
        let theta = theta.narrow(1, columns.start, columns.len())?;
        let each = match self.criterion.regularizer {
            Regularizer::L1Last => theta.abs()?,
            Regularizer::L2 | Regularizer::L2Last => theta.sqr()?,
        };
        each.sum(1)? * self.criterion.kappa
    }

    /// Values of the points `first..` of the stack `theta`, adding the gradient of their sum to `grad` when given.
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
            let (part, errors) =
                self.criterion.loss.sums(&self.forward(theta, &x)?, &y, self.examples.is_classes())?;
            let part = (part / batch as f64)?;
            add(&part)?;
            loss = (loss + part.detach().to_dtype(DType::F64)?)?;
            wrong = match (wrong, errors) {
                (Some(w), Some(e)) => Some((w + e)?),
                (None, e) => e,
                (w, None) => w,
            };
        }
        let mut penalty = vec![0.; points];
        if self.criterion.kappa != 0. {
            let part = self.penalty(theta)?;
            add(&part)?;
            penalty = part.detach().to_dtype(DType::F64)?.to_vec1()?;
        }
        if let (Some(grad), Some(slope)) = (grad, slope) {
            *grad = slope.detach();
        }
        let wrong = wrong.map(|w| w.to_vec1::<f64>()).transpose()?;
        let values = loss.to_vec1::<f64>()?.into_iter().zip(penalty).enumerate();
        Ok(values
            .map(|(i, (loss, penalty))| {
                let error = wrong.as_ref().map_or(f64::NAN, |w| w[i] / batch as f64);
                Evaluation { risk: loss + penalty, loss, error }
            })
            .collect())
    }

    /// The minibatch as an index tensor, `[B]` or `[P, B]`, and its size.
    fn index(&self, rows: Rows<'_>, first: usize, points: usize) -> Result<(Option<Tensor>, usize)> {
        let device = self.examples.inputs.device();
        Ok(match rows {
            Rows::All => (None, self.examples.len()),
            Rows::Shared(rows) => (Some(Tensor::from_slice(rows, rows.len(), device)?), rows.len()),
            Rows::Each { rows, batch } => {
                let rows = &rows[first * batch..(first + points) * batch];
                (Some(Tensor::from_slice(rows, (points, batch), device)?), batch)
            }
        })
    }

    /// Inputs and targets of some examples of a batch.
    fn slice(&self, index: Option<&Tensor>, from: usize, count: usize) -> Result<(Tensor, Tensor)> {
        let (inputs, targets) = (&self.examples.inputs, &self.examples.targets);
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

impl Loss {
    /// Loss and misclassification `[P]`, summed over the examples, of outputs `z` `[P, B, q]` for class
    /// labels `[B]` or `[P, B]`, or for values with a last axis more.
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
        let y = match (classes, q) {
            (false, _) => targets.to_dtype(z.dtype())?,
            (true, 1) => targets.unsqueeze(D::Minus1)?.to_dtype(z.dtype())?,
            (true, _) => candle_nn::encoding::one_hot(targets.clone(), q, 1f32, 0f32)?.to_dtype(z.dtype())?,
        };
        let each = match self {
            Loss::Squared => z.broadcast_sub(&y)?.sqr()?,
            Loss::Logistic => (Activation::Softplus.forward(z)? - z.broadcast_mul(&y)?)?,
            Loss::CrossEntropy => candle_nn::ops::log_softmax(z, D::Minus1)?.broadcast_mul(&y)?.neg()?,
        };
        Ok((each.sum((1, 2))?, wrong))
    }
}

impl Objective for Stacked {
    fn evaluate(&self, span: &Span, rows: Rows<'_>, grad: Option<&Tensor>) -> Result<Vec<Evaluation>> {
        let stack = span.materialize()?;
        let batch = match rows {
            Rows::All => self.examples.len(),
            Rows::Shared(rows) => rows.len(),
            Rows::Each { batch, .. } => batch,
        };
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
        self.examples.len()
    }
}
