//! Pooling in tensors. candle's own has a wrong gradient.

use candle_core::{Device, Tensor};

use super::TensorKernels;
use crate::{Error, Pool, PoolKind, Real, Result, dispatch, with_slice};

/// The pixel of the largest number of each window: the first where several are.
fn largest<T: Real>(op: &Pool, x: &[T]) -> Vec<u32> {
    let [height, width] = op.size;
    let outputs: usize = op.output_size().iter().product();
    let windows: Vec<Vec<usize>> = (0..outputs).map(|i| op.pixels(i).collect()).collect();
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

/// The pixels with the largest numbers of the windows of each row of `flat`, found on the CPU.
fn largest_of(op: &Pool, flat: &Tensor) -> Result<Tensor> {
    let values = flat.detach().to_device(&Device::Cpu)?.contiguous()?;
    let best = dispatch!(values.dtype(), T => with_slice::<T, _, Error>(&values, |x| Ok(largest(op, x))))?;
    let windows = op.output_size().iter().product::<usize>();
    Ok(Tensor::from_vec(best, (flat.dims()[0], windows), flat.device())?)
}

/// The matrix `[pixels, pixels of the result]` of means over windows.
fn means(op: &Pool, like: &Tensor) -> Result<Tensor> {
    let pixels: usize = op.size.iter().product();
    let outputs: usize = op.output_size().iter().product();
    let wide = op.output_size()[1];
    let mut matrix = vec![0.; pixels * outputs];
    for i in 0..outputs {
        let share = (op.divisor([i / wide, i % wide]) as f64).recip();
        op.pixels(i).for_each(|at| matrix[at * outputs + i] = share);
    }
    Ok(Tensor::from_vec(matrix, (pixels, outputs), like.device())?.to_dtype(like.dtype())?)
}

/// The pooling of a tile `x` `[n, C, height, width]`.
pub(super) fn pooled(op: &Pool, kernels: Option<&dyn TensorKernels>, x: &Tensor) -> Result<Tensor> {
    let (n, [rows, columns]) = (x.dims()[0], op.output_size());
    let flat = x.reshape((n * op.channels, op.size[0] * op.size[1]))?;
    let result = match op.kind {
        PoolKind::Average if op.is_global() => flat.mean_keepdim(1)?,
        PoolKind::Average => flat.matmul(&means(op, x)?)?,
        PoolKind::Max => {
            let best = match kernels {
                Some(kernels) => kernels.largest(op, &flat.detach())?,
                None => largest_of(op, &flat)?,
            };
            flat.gather(&best, 1)?
        }
    };
    Ok(result.reshape((n, op.channels, rows, columns))?)
}
