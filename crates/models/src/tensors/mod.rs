//! The arithmetic of candle tensors at one point, for any network. It carries gradients back to the point, and is the
//! truth that engines are tested against.

mod leaves;
mod norm;
mod pool;
mod tape;
mod values;

use std::ops::Range;

use candle_core::{DType, Tensor};

pub use self::{
    leaves::Leaves,
    norm::Moments,
    tape::{Noted, Tape},
};
use crate::{
    Activation, Affine, Algebra, Embedding, Error, Function, Norm, NormKind, Pad, Pool, Rearrange, Reduce,
    Result, Running, Softmax, Source,
};

/// The operations of a network at the point `theta` `[S]`, as candle operations. A value is a list of tiles of examples,
/// `[n, ..]` each: convolutions and pooling need scratch memory for one tile only, while statistics are those of all
/// examples. What does not depend on the input is a single tile `[1, ..]`.
#[derive(Debug)]
pub struct PointTensors<'a> {
    parameters: Parameters<'a>,
    moments: TensorMoments<'a>,
    seen: Vec<BatchMoments>,
    kernels: Option<&'a dyn TensorKernels>,
}

/// The parameters of a point.
#[derive(Debug, Clone, Copy)]
enum Parameters<'a> {
    /// Parts of the point `[S]`.
    Views(&'a Tensor),
    /// Variables of their own.
    Leaves(&'a Leaves),
}

/// Operations for which a device has kernels of its own. Their results carry no gradients.
pub trait TensorKernels: std::fmt::Debug + Send + Sync {
    /// Batch normalisation of `x` `[n, C, ..]` by its own statistics, with a scale and a shift `[C]` behind: the result, the means
    /// and the biased variances `[C]`.
    ///
    /// # Errors
    /// An error of the device.
    fn normalise(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        epsilon: f64,
    ) -> candle_core::Result<(Tensor, Tensor, Tensor)>;

    /// The derivatives with respect to `x`, scale and shift of [`normalise`](Self::normalise), from those `dy` with respect to the
    /// result.
    ///
    /// # Errors
    /// An error of the device.
    fn normalise_back(
        &self,
        x: &Tensor,
        scale: &Tensor,
        moments: Moments<'_>,
        dy: &Tensor,
    ) -> candle_core::Result<(Tensor, Tensor, Tensor)>;

    /// The channels of `x` `[n, C, ..]` multiplied by `scale` and shifted by `shift` `[C]`.
    ///
    /// # Errors
    /// An error of the device.
    fn channelwise(&self, x: &Tensor, scale: &Tensor, shift: &Tensor) -> candle_core::Result<Tensor>;

    /// max(x, 0), with slope 0 at 0.
    ///
    /// # Errors
    /// An error of the device.
    fn rectify(&self, x: &Tensor) -> candle_core::Result<Tensor>;

    /// `dy` where the result `y` of [`rectify`](Self::rectify) is positive, else 0.
    ///
    /// # Errors
    /// An error of the device.
    fn rectify_back(&self, y: &Tensor, dy: &Tensor) -> candle_core::Result<Tensor>;

    /// The pixel with the largest number of each window of each row of `x` `[rows, pixels]`: `u32` `[rows, windows]`. Of several it
    /// is the first, and NaN is larger than all numbers.
    ///
    /// # Errors
    /// An error of the device.
    fn largest(&self, op: &Pool, x: &Tensor) -> candle_core::Result<Tensor>;
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
        Self { parameters: Parameters::Views(theta), moments, seen: Vec::new(), kernels: None }
    }

    /// The arithmetic whose gradients are those of `leaves`.
    pub fn of_leaves(leaves: &'a Leaves, moments: TensorMoments<'a>) -> Self {
        Self { parameters: Parameters::Leaves(leaves), moments, seen: Vec::new(), kernels: None }
    }

    /// The same, with the kernels of a device.
    pub fn with_kernels(self, kernels: Option<&'a dyn TensorKernels>) -> Self {
        Self { kernels, ..self }
    }

    /// The parameters in these columns of the point.
    fn parameter(&self, columns: &Range<usize>) -> Result<Tensor> {
        match self.parameters {
            Parameters::Views(theta) => Ok(theta.narrow(0, columns.start, columns.len())?),
            Parameters::Leaves(leaves) => leaves.of(columns),
        }
    }

    /// A tensor like the parameters: of their type of numbers, on their device.
    fn like(&self) -> &'a Tensor {
        match self.parameters {
            Parameters::Views(theta) => theta,
            Parameters::Leaves(leaves) => leaves.theta(),
        }
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
        let weight = self.parameter(&op.weight)?.reshape(op.weight_shape())?;
        let bias = op.bias.as_ref().map(|columns| self.parameter(columns)).transpose()?;
        x.iter().map(|x| op.map.apply(&weight, bias.as_ref(), x)).collect()
    }

    fn norm(&mut self, op: &Norm, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        if op.kind != NormKind::Batch {
            return x.iter().map(|x| self.alone(op, x)).collect();
        }
        if let Some(y) = self.by_kernels(op, &x)? {
            return Ok(vec![y]);
        }
        let (scale, shift) = self.affine_of(op, &x)?;
        x.iter().map(|x| norm::channelwise(self.kernels, x, &scale, &shift)).collect()
    }

    fn activation(&mut self, rho: Activation, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter()
            .map(|x| match (rho, self.kernels) {
                (Activation::Relu, Some(kernels)) if !x.track_op() => Ok(kernels.rectify(x)?),
                _ => Ok(rho.forward(x)?),
            })
            .collect()
    }

    fn pool(&mut self, op: &Pool, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| pool::pooled(op, self.kernels, x)).collect()
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
        let parameter = match op {
            Source::Parameter { columns, .. } => Some(self.parameter(columns)?),
            Source::Constant { .. } => None,
        };
        Ok(vec![values::source(op, parameter, self.like())?])
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
        let table = self.parameter(&op.table)?;
        x.iter().map(|x| values::embedding(op, &table, x)).collect()
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
    /// Writes the means and variances of all normalisations over their places in a row of buffers; variances are unbiased if
    /// asked, as PyTorch keeps them.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn write(all: &[Self], unbiased: bool, row: &mut [f64]) -> Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        // One copy, as each of them waits for a GPU.
        let numbers: Vec<Tensor> = all.iter().flat_map(|m| [m.mean.detach(), m.variance.detach()]).collect();
        let numbers = Tensor::cat(&numbers, 0)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let mut rest = &numbers[..];
        for Self { places, count, .. } in all {
            let factor = if unbiased { *count as f64 / (*count as f64 - 1.) } else { 1. };
            for (columns, factor) in [(&places.mean, 1.), (&places.variance, factor)] {
                let (own, others) = rest.split_at(columns.len());
                row[columns.clone()].iter_mut().zip(own).for_each(|(place, x)| *place = x * factor);
                rest = others;
            }
            row[places.batches] = 1.;
        }
        Ok(())
    }
}
