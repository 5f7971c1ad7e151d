//! A forward pass in tensors that notes how to go back. The derivatives of the operations that most networks consist of are
//! written here; candle's automatic differentiation, which takes several times as many operations, is left with the rest.

use std::ops::Range;

use candle_core::{Tensor, Var};

use super::{BatchMoments, Leaves, PointTensors, TensorKernels, TensorMoments, leaves::Gradient, norm};
use crate::{
    Activation, Affine, Algebra, Embedding, Error, Function, Map, Norm, NormKind, Pad, Pool, Rearrange,
    Reduce, Result, Softmax, Source,
};

/// The operations of a network at the point `theta` `[S]` on one tile of examples `[n, ..]`, for gradients.
pub struct Tape<'a> {
    theta: Tensor,
    moments: TensorMoments<'a>,
    kernels: Option<&'a dyn TensorKernels>,
    seen: Vec<BatchMoments>,
    /// The number of values so far.
    values: usize,
    notes: Vec<(usize, Back<'a>)>,
}

/// The way back through an operation: from the derivative with respect to its result.
type Back<'a> = Box<dyn FnOnce(&Tensor, &mut Slopes) -> Result<()> + 'a>;

/// A value on a tape.
#[derive(Debug, Clone)]
pub struct Noted {
    tensor: Tensor,
    /// Its number; none for data, whose derivative is not wanted.
    id: Option<usize>,
}

/// Derivatives on the way back.
struct Slopes {
    values: Vec<Option<Tensor>>,
    /// With respect to the point.
    theta: Gradient,
}

impl Noted {
    /// Data `[n, ..]`.
    pub fn data(tensor: Tensor) -> Self {
        Self { tensor, id: None }
    }

    /// The numbers.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }
}

impl Slopes {
    /// Adds to the derivative with respect to a value.
    fn add(&mut self, id: Option<usize>, slope: Tensor) -> Result<()> {
        let Some(id) = id else { return Ok(()) };
        self.values[id] = Some(match self.values[id].take() {
            Some(sum) => (sum + slope)?,
            None => slope,
        });
        Ok(())
    }
}

impl<'a> Tape<'a> {
    /// An empty tape at the point `theta` `[S]`.
    pub fn new(theta: &Tensor, moments: TensorMoments<'a>, kernels: Option<&'a dyn TensorKernels>) -> Self {
        let (seen, notes) = Default::default();
        Self { theta: theta.detach(), moments, kernels, seen, values: 0, notes }
    }

    /// The statistics of the batches that were normalised by their own.
    pub fn take_seen(&mut self) -> Vec<BatchMoments> {
        std::mem::take(&mut self.seen)
    }

    /// The gradient `[S]`, from the derivative with respect to the value `y`.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn gradient(self, y: &Noted, slope: Tensor) -> Result<Tensor> {
        let mut slopes = Slopes { values: vec![None; self.values], theta: Gradient::new(&self.theta)? };
        slopes.add(y.id, slope)?;
        for (id, back) in self.notes.into_iter().rev() {
            if let Some(dy) = slopes.values[id].take() {
                back(&dy, &mut slopes)?;
            }
        }
        Ok(slopes.theta.into_tensor())
    }

    fn note(&mut self, tensor: Tensor, back: impl FnOnce(&Tensor, &mut Slopes) -> Result<()> + 'a) -> Noted {
        let id = self.values;
        self.values += 1;
        self.notes.push((id, Box::new(back)));
        Noted { tensor, id: Some(id) }
    }

    /// The parameters in these columns, where libraries find numbers quickly.
    fn parameter(&self, columns: &Range<usize>) -> Result<Tensor> {
        let part = self.theta.narrow(0, columns.start, columns.len())?;
        Ok(if columns.start.is_multiple_of(ALIGNED) { part } else { part.force_contiguous()? })
    }

    /// An operation whose derivatives candle finds.
    fn traced(
        &mut self,
        inputs: &[&Noted],
        run: impl FnOnce(&mut PointTensors<'_>, Vec<Vec<Tensor>>) -> Result<Vec<Tensor>>,
    ) -> Result<Noted> {
        let leaves = Leaves::new(&self.theta);
        let mut variables = Vec::new();
        let mut values = Vec::new();
        for x in inputs {
            values.push(vec![match x.id {
                None => x.tensor.clone(),
                Some(id) => {
                    let variable = Var::from_tensor(&x.tensor)?;
                    let tensor = variable.as_tensor().clone();
                    variables.push((id, variable));
                    tensor
                }
            }]);
        }
        let mut algebra = PointTensors::of_leaves(&leaves, self.moments).with_kernels(self.kernels);
        let y = run(&mut algebra, values)?.remove(0);
        self.seen.extend(algebra.into_seen());
        if variables.is_empty() && leaves.is_empty() {
            return Ok(Noted::data(y));
        }
        Ok(self.note(y.detach(), move |dy, slopes| {
            let mut found = (y * dy)?.sum_all()?.backward()?;
            for (id, variable) in variables {
                if let Some(slope) = found.remove(&variable) {
                    slopes.add(Some(id), slope)?;
                }
            }
            leaves.add(&mut found, &mut slopes.theta)
        }))
    }
}

/// Numbers of a parameter tensor begin at a multiple of so many, or are copied.
const ALIGNED: usize = 64;

impl Affine {
    /// The derivatives of $W*x+b$ with respect to x, if wanted, and to W.
    fn slopes(&self, weight: &Tensor, x: &Noted, dy: &Tensor) -> Result<(Option<Tensor>, Tensor)> {
        match self.map {
            Map::Dense { inputs, outputs } => {
                let (rows, dy) = (x.tensor.reshape(((), inputs))?, dy.reshape(((), outputs))?);
                let dx = x.id.map(|_| Ok::<_, Error>(dy.matmul(weight)?.reshape(x.tensor.dims())?));
                Ok((dx.transpose()?, dy.t()?.matmul(&rows)?))
            }
            Map::Conv2d(conv) => conv.slopes(weight, &x.tensor, dy, x.id.is_some()),
        }
    }

    /// Whether the derivatives are written here.
    fn has_slopes(&self, x: &Tensor) -> bool {
        match self.map {
            Map::Dense { .. } => true,
            Map::Conv2d(conv) => conv.has_slopes(x),
        }
    }

    /// The derivative with respect to b: sums over all axes but that of the outputs.
    fn slope_of_bias(&self, dy: &Tensor) -> Result<Tensor> {
        Ok(match self.map {
            Map::Dense { outputs, .. } => dy.reshape(((), outputs))?.sum(0)?,
            Map::Conv2d(_) => dy.flatten_from(2)?.sum(2)?.sum(0)?,
        })
    }
}

impl<'a> Algebra for Tape<'a> {
    type Value = Noted;
    type Error = Error;
    const NAME: &'static str = "a gradient in tensors";

    fn affine(&mut self, op: &Affine, x: &Noted) -> Result<Noted> {
        if !op.has_slopes(&x.tensor) {
            return self.traced(&[x], |a, x| a.affine(op, &x[0]));
        }
        let weight = self.parameter(&op.weight)?.reshape(op.weight_shape())?;
        let bias = op.bias.as_ref().map(|columns| self.parameter(columns)).transpose()?;
        let y = op.map.apply(&weight, bias.as_ref(), &x.tensor)?;
        let (op, x) = (op.clone(), x.clone());
        Ok(self.note(y, move |dy, slopes| {
            let dy = dy.contiguous()?;
            if let Some(columns) = &op.bias {
                slopes.theta.add(columns, &op.slope_of_bias(&dy)?)?;
            }
            let (dx, dw) = op.slopes(&weight, &x, &dy)?;
            slopes.theta.add(&op.weight, &dw)?;
            match dx {
                Some(dx) => slopes.add(x.id, dx),
                None => Ok(()),
            }
        }))
    }

    fn norm(&mut self, op: &Norm, x: Noted) -> Result<Noted> {
        let (Some(kernels), NormKind::Batch, TensorMoments::Batch) = (self.kernels, op.kind, self.moments)
        else {
            return self.traced(&[&x], |a, mut x| a.norm(op, x.remove(0)));
        };
        let (Some(scale_at), Some(shift_at), Some(places)) = (&op.weight, &op.bias, &op.running) else {
            return self.traced(&[&x], |a, mut x| a.norm(op, x.remove(0)));
        };
        let (scale, shift) = (self.parameter(scale_at)?, self.parameter(shift_at)?);
        let (y, seen) = norm::normalised(kernels, op, places, &x.tensor, [&scale, &shift])?;
        self.seen.push(seen.clone());
        let (epsilon, scale_at, shift_at) = (op.epsilon, scale_at.clone(), shift_at.clone());
        Ok(self.note(y, move |dy, slopes| {
            let moments = norm::Moments { mean: &seen.mean, variance: &seen.variance, epsilon };
            let (dx, dscale, dshift) = kernels.normalise_back(&x.tensor, &scale, moments, dy)?;
            slopes.theta.add(&scale_at, &dscale)?;
            slopes.theta.add(&shift_at, &dshift)?;
            slopes.add(x.id, dx)
        }))
    }

    fn activation(&mut self, rho: Activation, x: Noted) -> Result<Noted> {
        match (rho, self.kernels) {
            (Activation::Linear, _) => Ok(x),
            (Activation::Relu, Some(kernels)) => {
                let y = kernels.rectify(&x.tensor)?;
                if x.id.is_none() {
                    return Ok(Noted::data(y));
                }
                let kept = y.clone();
                Ok(self.note(y, move |dy, slopes| slopes.add(x.id, kernels.rectify_back(&kept, dy)?)))
            }
            _ => self.traced(&[&x], |a, mut x| a.activation(rho, x.remove(0))),
        }
    }

    fn pool(&mut self, op: &Pool, x: &Noted) -> Result<Noted> {
        self.traced(&[x], |a, x| a.pool(op, &x[0]))
    }

    fn add(&mut self, x: Noted, y: &Noted) -> Result<Noted> {
        if x.tensor.dims() != y.tensor.dims() {
            return self.traced(&[&x, y], |a, mut x| {
                let y = x.remove(1);
                a.add(x.remove(0), &y)
            });
        }
        let ids = [x.id, y.id];
        let sum = (&x.tensor + &y.tensor)?;
        if ids == [None; 2] {
            return Ok(Noted::data(sum));
        }
        Ok(self.note(sum, move |dy, slopes| ids.iter().try_for_each(|&id| slopes.add(id, dy.clone()))))
    }

    fn concat(&mut self, axis: usize, parts: &[Noted]) -> Result<Noted> {
        self.traced(&parts.iter().collect::<Vec<_>>(), |a, x| a.concat(axis, &x))
    }

    fn pad(&mut self, op: &Pad, x: &Noted) -> Result<Noted> {
        self.traced(&[x], |a, x| a.pad(op, &x[0]))
    }

    fn reshape(&mut self, shape: &[usize], x: Noted) -> Result<Noted> {
        let before = x.tensor.dims().to_vec();
        let y = x.tensor.reshape([&before[..1], shape].concat())?;
        if x.id.is_none() {
            return Ok(Noted::data(y));
        }
        Ok(self.note(y, move |dy, slopes| slopes.add(x.id, dy.reshape(before)?)))
    }

    fn source(&mut self, op: &Source) -> Result<Noted> {
        self.traced(&[], |a, _| a.source(op))
    }

    fn function(&mut self, f: Function, x: Noted) -> Result<Noted> {
        self.traced(&[&x], |a, mut x| a.function(f, x.remove(0)))
    }

    fn multiply(&mut self, x: Noted, y: &Noted) -> Result<Noted> {
        self.traced(&[&x, y], |a, mut x| {
            let y = x.remove(1);
            a.multiply(x.remove(0), &y)
        })
    }

    fn matmul(&mut self, x: &Noted, y: &Noted) -> Result<Noted> {
        self.traced(&[x, y], |a, x| a.matmul(&x[0], &x[1]))
    }

    fn rearrange(&mut self, op: &Rearrange, x: Noted) -> Result<Noted> {
        self.traced(&[&x], |a, mut x| a.rearrange(op, x.remove(0)))
    }

    fn reduce(&mut self, op: &Reduce, x: Noted) -> Result<Noted> {
        self.traced(&[&x], |a, mut x| a.reduce(op, x.remove(0)))
    }

    fn softmax(&mut self, op: &Softmax, x: Noted) -> Result<Noted> {
        self.traced(&[&x], |a, mut x| a.softmax(op, x.remove(0)))
    }

    fn embedding(&mut self, op: &Embedding, x: &Noted) -> Result<Noted> {
        self.traced(&[x], |a, x| a.embedding(op, &x[0]))
    }
}
