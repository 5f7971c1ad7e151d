//! The arithmetic of candle tensors at one point, for any network. It carries gradients back to the point, and is the
//! truth that engines are tested against.

use candle_core::{D, DType, Tensor};

use crate::{
    Activation, Affine, Algebra, Error, Norm, NormKind, Pad, Pool, PoolKind, Real, Result, Running, dispatch,
    with_slice,
};

/// The operations of a network at the point `theta` `[S]`, as candle operations. A value is a list of tiles of examples,
/// `[n, ..]` each: convolutions and pooling need scratch memory for one tile only, while statistics are those of all
/// examples.
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

    /// The scale and the shift `[C]` that batch normalisation amounts to.
    fn affine_of(&mut self, op: &Norm, x: &[Tensor]) -> Result<(Tensor, Tensor)> {
        let columns = |row: &Tensor, range: &std::ops::Range<usize>| row.narrow(0, range.start, range.len());
        let places = op.running.as_ref().expect("batch normalisation has running statistics");
        let (mean, variance) = match self.moments {
            TensorMoments::Given(row) => (columns(row, &places.mean)?, columns(row, &places.variance)?),
            TensorMoments::Batch => {
                let (mean, variance, count) = moments(x, op.channels)?;
                let seen = (mean.clone(), variance.clone());
                self.seen.push(BatchMoments { places: places.clone(), mean, variance, count });
                seen
            }
        };
        let scale = columns(self.theta, &op.weight)?.div(&(variance + op.epsilon)?.sqrt()?)?;
        let shift = (columns(self.theta, &op.bias)? - (mean * &scale)?)?;
        Ok((scale, shift))
    }

    /// Normalisation of each example by itself.
    fn alone(&self, op: &Norm, x: &Tensor) -> Result<Tensor> {
        let n = x.dims()[0];
        let view = match op.kind {
            NormKind::Group(groups) => x.reshape((n, groups, ()))?,
            // Statistics over the channels at each pixel.
            _ => x.reshape((n, op.channels, ()))?.transpose(1, 2)?.contiguous()?,
        };
        let centred = view.broadcast_sub(&view.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + op.epsilon)?.sqrt()?;
        let unit = centred.broadcast_div(&deviation)?;
        let unit = match op.kind {
            NormKind::Group(_) => unit,
            _ => unit.transpose(1, 2)?.contiguous()?,
        };
        let scale = self.theta.narrow(0, op.weight.start, op.channels)?;
        let shift = self.theta.narrow(0, op.bias.start, op.channels)?;
        channelwise(&unit.reshape(x.dims())?, &scale, &shift)
    }
}

/// Means and biased variances `[C]` over all numbers of a channel, and how many they are.
fn moments(x: &[Tensor], channels: usize) -> Result<(Tensor, Tensor, usize)> {
    let flat = x.iter().map(|x| x.reshape((x.dims()[0], channels, ())));
    let flat = flat.collect::<candle_core::Result<Vec<_>>>()?;
    let count = flat.iter().map(|x| x.dims()[0] * x.dims()[2]).sum::<usize>();
    let mean = |parts: Vec<Tensor>| {
        let sum = parts.into_iter().map(Ok).reduce(|sum, part| sum? + part?);
        sum.expect("there are examples")? / count as f64
    };
    let sums = flat.iter().map(|x| x.sum((0, 2)));
    let centre = mean(sums.collect::<candle_core::Result<_>>()?)?;
    let row = centre.reshape((1, channels, 1))?;
    let squares = flat.iter().map(|x| x.broadcast_sub(&row)?.sqr()?.sum((0, 2)));
    let variance = mean(squares.collect::<candle_core::Result<_>>()?)?;
    Ok((centre, variance, count))
}

/// The channels of `x` `[n, C, ..]` multiplied by `scale` and shifted by `shift` `[C]`.
fn channelwise(x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; x.rank()];
    shape[1] = scale.dims()[0];
    let (scale, shift) = (scale.reshape(shape.as_slice())?, shift.reshape(shape.as_slice())?);
    Ok(x.broadcast_mul(&scale)?.broadcast_add(&shift)?)
}

/// The pixel of the largest number of each window: the first where several are.
fn largest<T: Real>(op: &Pool, x: &[T]) -> Vec<u32> {
    let [height, width] = op.size;
    let outputs: usize = op.output_size().iter().product();
    let windows: Vec<Vec<usize>> = (0..outputs).map(|i| op.window(i).collect()).collect();
    let mut found = Vec::with_capacity(x.len() / (height * width) * outputs);
    for image in x.chunks_exact(height * width) {
        for window in &windows {
            // NaN is passed on, as in PyTorch.
            let best = window.iter().copied().reduce(|best, at| {
                if image[at] > image[best] || (image[at].is_nan() && !image[best].is_nan()) {
                    at
                } else {
                    best
                }
            });
            found.push(best.expect("a window has a pixel") as u32);
        }
    }
    found
}

/// The matrix `[pixels, pixels of the result]` of means over windows.
fn means(op: &Pool, like: &Tensor) -> Result<Tensor> {
    let pixels: usize = op.size.iter().product();
    let outputs: usize = op.output_size().iter().product();
    let share = ((op.kernel[0] * op.kernel[1]) as f64).recip();
    let mut matrix = vec![0.; pixels * outputs];
    for i in 0..outputs {
        op.window(i).for_each(|at| matrix[at * outputs + i] = share);
    }
    Ok(Tensor::from_vec(matrix, (pixels, outputs), like.device())?.to_dtype(like.dtype())?)
}

fn pooled(op: &Pool, x: &Tensor) -> Result<Tensor> {
    let (n, [rows, columns]) = (x.dims()[0], op.output_size());
    let flat = x.reshape((n * op.channels, op.size[0] * op.size[1]))?;
    let result = match op.kind {
        PoolKind::Average if op.is_global() => flat.mean_keepdim(1)?,
        PoolKind::Average => flat.matmul(&means(op, x)?)?,
        PoolKind::Max => {
            let values = flat.detach().to_device(&candle_core::Device::Cpu)?.contiguous()?;
            let best =
                dispatch!(values.dtype(), T => with_slice::<T, _, Error>(&values, |x| Ok(largest(op, x))))?;
            let best = Tensor::from_vec(best, (n * op.channels, rows * columns), x.device())?;
            flat.gather(&best, 1)?
        }
    };
    Ok(result.reshape((n, op.channels, rows, columns))?)
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
        x.iter().map(|x| channelwise(x, &scale, &shift)).collect()
    }

    fn activation(&mut self, rho: Activation, x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| Ok(rho.forward(x)?)).collect()
    }

    fn pool(&mut self, op: &Pool, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| pooled(op, x)).collect()
    }

    fn add(&mut self, x: Vec<Tensor>, y: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().zip(y).map(|(x, y)| Ok((x + y)?)).collect()
    }

    fn concat(&mut self, parts: &[Vec<Tensor>]) -> Result<Vec<Tensor>> {
        let tiles = parts.first().map_or(0, Vec::len);
        let tile = |i: usize| Ok(Tensor::cat(&parts.iter().map(|part| &part[i]).collect::<Vec<_>>(), 1)?);
        (0..tiles).map(tile).collect()
    }

    fn pad(&mut self, op: &Pad, x: &Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| Ok(x.pad_with_zeros(1, op.before, op.after)?)).collect()
    }

    fn reshape(&mut self, shape: &[usize], x: Vec<Tensor>) -> Result<Vec<Tensor>> {
        x.iter().map(|x| Ok(x.reshape([&[x.dims()[0]], shape].concat())?)).collect()
    }
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
