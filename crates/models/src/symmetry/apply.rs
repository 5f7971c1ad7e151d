//! A symmetry applied to points and to running statistics.

use candle_core::{Device, Tensor};

use super::{Axis, Symmetry, TensorAxes};
use crate::{Error, Real, Result, dispatch, with_slice};

/// What one position of an axis becomes: the position that it is read from, and the factor by parts.
struct Moved {
    from: Vec<usize>,
    times: Vec<f64>,
    over: Vec<f64>,
}

impl Symmetry {
    /// Computes $\pi(\theta)$ for one point `[S]` or every row of a stack `[P, S]`, in its dtype; each number is
    /// rounded once.
    ///
    /// # Errors
    /// When the last axis does not have S columns, or the tensor is not on the CPU.
    pub fn apply(&self, points: &Tensor) -> Result<Tensor> {
        self.moved_rows("points", points, self.arch.network().size(), &self.groups.parameters)
    }

    /// The running statistics of the same network, for one row `[B]` or several `[P, B]`.
    ///
    /// # Errors
    /// When the last axis does not have B columns, or the tensor is not on the CPU.
    pub fn apply_to_buffers(&self, buffers: &Tensor) -> Result<Tensor> {
        self.moved_rows("buffers", buffers, self.arch.network().buffers().len(), &self.groups.buffers)
    }

    fn moved_rows(&self, what: &str, rows: &Tensor, size: usize, tensors: &[TensorAxes]) -> Result<Tensor> {
        if rows.dims().last() != Some(&size) {
            return Err(Error::mismatch(what, format!("[.., {size}]"), format!("{:?}", rows.dims())));
        }
        if size == 0 {
            return Ok(rows.clone());
        }
        let axes: Vec<[Moved; 2]> = tensors.iter().map(|tensor| self.moved_axes(tensor)).collect();
        let rows = rows.contiguous()?;
        dispatch!(rows.dtype(), T => with_slice::<T, _, _>(&rows, |all| {
            let mut out = all.to_vec();
            for (row, out) in all.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
                for (tensor, axes) in tensors.iter().zip(&axes) {
                    move_tensor(tensor, axes, row, out);
                }
            }
            Ok(Tensor::from_vec(out, rows.dims(), &Device::Cpu)?)
        }))
    }

    fn moved_axes(&self, tensor: &TensorAxes) -> [Moved; 2] {
        [0, 1].map(|axis| match tensor.axes.get(axis) {
            Some(axis) => self.moved(axis),
            None => Moved { from: vec![0], times: vec![1.], over: vec![1.] },
        })
    }

    fn moved(&self, axis: &Axis) -> Moved {
        let ones = vec![1.; axis.len];
        let mut moved = Moved { from: (0..axis.len).collect(), times: ones.clone(), over: ones };
        for block in &axis.blocks {
            let p = &self.permutations[block.group];
            for (i, &at) in block.positions.iter().enumerate() {
                moved.from[at] = block.positions[p[i]];
                moved.times[at] = block.times.map_or(1., |scale| self.scales[scale][i]);
                moved.over[at] = block.over.map_or(1., |scale| self.scales[scale][i]);
            }
        }
        moved
    }
}

fn move_tensor<T: Real>(tensor: &TensorAxes, [rows, columns]: &[Moved; 2], point: &[T], out: &mut [T]) {
    let (source, out) = (&point[tensor.columns.clone()], &mut out[tensor.columns.clone()]);
    let (width, rest) = (columns.from.len(), tensor.rest);
    let mut targets = out.chunks_exact_mut(rest);
    for (i, &row) in rows.from.iter().enumerate() {
        for (j, &column) in columns.from.iter().enumerate() {
            let target = targets.next().expect("a tensor has an element for each of its positions");
            let from = &source[(row * width + column) * rest..][..rest];
            let (times, over) = (rows.times[i] * columns.times[j], rows.over[i] * columns.over[j]);
            for (target, from) in target.iter_mut().zip(from) {
                *target = T::of(from.wide() * times / over);
            }
        }
    }
}
