//! Normalisation in tensors.

use std::ops::Range;

use candle_core::{D, Tensor};

use super::{BatchMoments, PointTensors, TensorKernels, TensorMoments};
use crate::{Norm, NormKind, Result, Running};

/// The statistics that a batch was normalised by.
#[derive(Debug, Clone, Copy)]
pub struct Moments<'a> {
    /// The means `[C]`.
    pub mean: &'a Tensor,
    /// The biased variances `[C]`.
    pub variance: &'a Tensor,
    /// What was added to the variances.
    pub epsilon: f64,
}

impl PointTensors<'_> {
    /// Batch normalisation by kernels of the device, where it has some and the examples are in one tile.
    pub(super) fn by_kernels(&mut self, op: &Norm, x: &[Tensor]) -> Result<Option<Tensor>> {
        let (Some(kernels), [x], TensorMoments::Batch, Some(places)) =
            (self.kernels, x, self.moments, &op.running)
        else {
            return Ok(None);
        };
        let (Some(scale), Some(shift)) = (&op.weight, &op.bias) else { return Ok(None) };
        let (scale, shift) = (self.parameter(scale)?, self.parameter(shift)?);
        if [x, &scale, &shift].iter().any(|tensor| tensor.track_op()) {
            return Ok(None);
        }
        let (y, seen) = normalised(kernels, op, places, x, [&scale, &shift])?;
        self.seen.push(seen);
        Ok(Some(y))
    }

    /// The scale and the shift `[C]` that batch normalisation amounts to.
    pub(super) fn affine_of(&mut self, op: &Norm, x: &[Tensor]) -> Result<(Tensor, Tensor)> {
        let columns = |row: &Tensor, range: &Range<usize>| row.narrow(0, range.start, range.len());
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
        let deviation = (variance + op.epsilon)?.sqrt()?;
        let scale = match &op.weight {
            Some(weight) => self.parameter(weight)?.div(&deviation)?,
            None => deviation.recip()?,
        };
        let shift = match &op.bias {
            Some(bias) => (self.parameter(bias)? - (mean * &scale)?)?,
            None => (mean * &scale)?.neg()?,
        };
        Ok((scale, shift))
    }

    /// Normalisation of each example by itself.
    pub(super) fn alone(&self, op: &Norm, x: &Tensor) -> Result<Tensor> {
        let n = x.dims()[0];
        let view = match op.kind {
            NormKind::Group(groups) => x.reshape((n, groups, ()))?,
            NormKind::Last => x.reshape(((), op.channels))?,
            // Statistics over the channels at each pixel.
            _ => x.reshape((n, op.channels, ()))?.transpose(1, 2)?.contiguous()?,
        };
        let centred = view.broadcast_sub(&view.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + op.epsilon)?.sqrt()?;
        let unit = centred.broadcast_div(&deviation)?;
        let unit = match op.kind {
            NormKind::Group(_) | NormKind::Last => unit,
            _ => unit.transpose(1, 2)?.contiguous()?,
        };
        let axis = if op.kind == NormKind::Last { x.rank() - 1 } else { 1 };
        let mut y = unit.reshape(x.dims())?;
        let column = |columns: &Range<usize>| along(axis, y.rank(), &self.parameter(columns)?);
        let [scale, shift] = [&op.weight, &op.bias].map(|tensor| tensor.as_ref().map(column).transpose());
        if let Some(scale) = scale? {
            y = y.broadcast_mul(&scale)?;
        }
        match shift? {
            Some(shift) => Ok(y.broadcast_add(&shift)?),
            None => Ok(y),
        }
    }
}

/// Batch normalisation of `x` by kernels, and the statistics.
pub(super) fn normalised(
    kernels: &dyn TensorKernels,
    op: &Norm,
    places: &Running,
    x: &Tensor,
    [scale, shift]: [&Tensor; 2],
) -> Result<(Tensor, BatchMoments)> {
    let (y, mean, variance) = kernels.normalise(x, scale, shift, op.epsilon)?;
    let count = x.elem_count() / op.channels;
    Ok((y, BatchMoments { places: places.clone(), mean, variance, count }))
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
    // Along the numbers that are neighbours first: sums over axes that are far apart are slow on a GPU.
    let sums = flat.iter().map(|x| x.sum(2)?.sum(0));
    let centre = mean(sums.collect::<candle_core::Result<_>>()?)?;
    let row = centre.reshape((1, channels, 1))?;
    let squares = flat.iter().map(|x| x.broadcast_sub(&row)?.sqr()?.sum(2)?.sum(0));
    let variance = mean(squares.collect::<candle_core::Result<_>>()?)?;
    Ok((centre, variance, count))
}

/// The channels of `x` `[n, C, ..]` multiplied by `scale` and shifted by `shift` `[C]`.
pub(super) fn channelwise(
    kernels: Option<&dyn TensorKernels>,
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
) -> Result<Tensor> {
    let has_slopes = [x, scale, shift].iter().any(|tensor| tensor.track_op());
    if let (Some(kernels), false) = (kernels, has_slopes) {
        return Ok(kernels.channelwise(x, scale, shift)?);
    }
    let [scale, shift] = [scale, shift].map(|row| along(1, x.rank(), row));
    Ok(x.broadcast_mul(&scale?)?.broadcast_add(&shift?)?)
}

/// The numbers `row` along one of `rank` axes.
fn along(axis: usize, rank: usize, row: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; rank];
    shape[axis] = row.elem_count();
    Ok(row.reshape(shape.as_slice())?)
}
