//! The arithmetic of candle tensors at one point, for any network. It carries gradients back to the point, and is the
//! truth that engines are tested against.

mod norm;
mod pool;
mod values;

use candle_core::{DType, Tensor};

use crate::{
    Activation, Affine, Algebra, Embedding, Error, Function, Norm, NormKind, Pad, Pool, Rearrange, Reduce,
    Result, Running, Softmax, Source,
};

/// The operations of a network at the point `theta` `[S]`, as candle operations. A value is a list of tiles of examples,
/// `[n, ..]` each: convolutions and pooling need scratch memory for one tile only, while statistics are those of all
/// examples. What does not depend on the input is a single tile `[1, ..]`.
#[derive(Debug)]
pub struct PointTensors<'a> {
    theta: &'a Tensor,
    moments: TensorMoments<'a>,
    seen: Vec<BatchMoments>,
}

/// The means and variances that batch normalisation uses.
#[derive(Debug, Clone, Copy)]
pub enum TensorMoments<'a> {
    /// Those in a row of buffers `[B]`, in the number type of the point.
    Given(&'a Tensor),
    /// Those of the examples themselves, with the biased variance. Gradients go through them.
    Batch,
}

/// The statistics of one batch at one normalisation.
#[derive(Debug, Clone)]
pub struct BatchMoments {
    /// Their places in a row of buffers.
    pub places: Running,
    /// The means `[C]`.
    pub mean: Tensor,
    /// The biased variances `[C]`.
    pub variance: Tensor,
    /// Number of numbers that each of them is taken over.
    pub count: usize,
}

impl<'a> PointTensors<'a> {
    /// The arithmetic at the point `theta` `[S]`.
    pub fn new(theta: &'a Tensor, moments: TensorMoments<'a>) -> Self {
        Self { theta, moments, seen: Vec::new() }
    }

    /// The statistics of the batches that were normalised by their own.
    pub fn into_seen(self) -> Vec<BatchMoments> {
        self.seen
    }
}

impl Algebra for PointTensors<'_> {
    type Value = Vec<Tensor>;
    type Error = Error;
    const NAME: &'static str = "a forward pass in tensors";

    fn affine(&mut self, op: &Affine, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| op.forward(self.theta, x)).collect()
    }

    fn norm(&mut self, op: &Norm, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        if op.kind != NormKind::Batch {
            return x.iter().map(|x| self.alone(op, x)).collect();
        }
        let (scale, shift) = self.affine_of(op, &x)?;
        x.iter().map(|x| norm::channelwise(x, &scale, &shift)).collect()
    }

    fn activation(&mut self, rho: Activation, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| Ok(rho.forward(x)?)).collect()
    }

    fn pool(&mut self, op: &Pool, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| pool::pooled(op, x)).collect()
    }

    fn add(&mut self, x: Vec<Tensor>, y: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        each_pair(&x, y, |x, y| Ok(x.broadcast_add(y)?))
    }

    fn concat(&mut self, axis: usize, parts: &[Vec<Tensor>]) -> Result<Vec<Tensor>> {
        values::concat(axis, parts)
    }

    fn pad(&mut self, op: &Pad, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| Ok(x.pad_with_zeros(1, op.before, op.after)?)).collect()
    }

    fn reshape(&mut self, shape: &[usize], x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| Ok(x.reshape([&[x.dims()[0]], shape].concat())?)).collect()
    }

    fn source(&mut self, op: &Source) -> Result<Vec<Tensor>> {
        Ok(vec![values::source(op, self.theta)?])
    }

    fn function(&mut self, f: Function, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| Ok(f.forward(x)?)).collect()
    }

    fn multiply(&mut self, x: Vec<Tensor>, y: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        each_pair(&x, y, |x, y| Ok(x.broadcast_mul(y)?))
    }

    fn matmul(&mut self, x: &Vec<Tensor>, y: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        each_pair(x, y, values::matmul)
    }

    fn rearrange(&mut self, op: &Rearrange, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| values::rearrange(op, x)).collect()
    }

    fn reduce(&mut self, op: &Reduce, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| values::reduce(op, x)).collect()
    }

    fn softmax(&mut self, op: &Softmax, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| values::softmax(op, x)).collect()
    }

    fn embedding(&mut self, op: &Embedding, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| values::embedding(op, self.theta, x)).collect()
    }
}

/// Applies `f` to the tiles of two values. Numbers that do not depend on the input are one tile of one example, which
/// goes with every other.
fn each_pair(
    x: &[Tensor],
    y: &[Tensor],
    f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let tile = |x: &'_ [Tensor], i: usize| x[i.min(x.len() - 1)].clone();
    (0..x.len().max(y.len())).map(|i| f(&tile(x, i), &tile(y, i))).collect()
}

impl BatchMoments {
    /// Writes means and variances over their places in a row of buffers; variances are unbiased if asked, as PyTorch
    /// keeps them.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn write(&self, unbiased: bool, row: &mut [f64]) -> Result<()> {
        let numbers = |x: &Tensor| x.detach().to_dtype(DType::F64)?.to_vec1::<f64>();
        let factor = if unbiased { self.count as f64 / (self.count as f64 - 1.) } else { 1. };
        row[self.places.mean.clone()].copy_from_slice(&numbers(&self.mean)?);
        let variances = numbers(&self.variance)?.into_iter().map(|v| v * factor);
        row[self.places.variance.clone()].iter_mut().zip(variances).for_each(|(place, v)| *place = v);
        row[self.places.batches] = 1.;
        Ok(())
    }
}
