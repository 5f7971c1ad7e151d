//! Tensors as the kernels see them: by address on the GPU; on the CPU, by a copy.

use std::sync::Arc;

use candle_core::{DType, Tensor};
use collado_cuda::{Buffer, Machine, args, launch};
use collado_models::{Error as ModelError, with_slice, with_slice_mut};

use super::{Kernels, layout::Layout};
use crate::{Error, Result};

/// The numbers of a tensor, in the memory of a machine.
enum Held {
    #[cfg(feature = "cuda")]
    There(Tensor),
    Copy(Buffer<f32>),
}

/// A contiguous `f32` tensor whose numbers kernels read.
pub(super) struct Read {
    held: Held,
    address: u64,
}

impl Read {
    pub(super) fn new(tensor: &Tensor, machine: &Arc<dyn Machine>) -> Result<Self> {
        if tensor.dtype() != DType::F32 {
            return Err(Error::mismatch("numbers", "f32", format!("{:?}", tensor.dtype())));
        }
        #[cfg(feature = "cuda")]
        if tensor.device().is_cuda() {
            // The address stays valid: the clone shares the storage.
            let address = collado_cuda::with_address(tensor, |address| address)?;
            return Ok(Self { held: Held::There(tensor.clone()), address });
        }
        let copy = with_slice::<f32, _, ModelError>(tensor, |x| Ok(Buffer::from_slice(machine, x)))??;
        let address = copy.at(0);
        Ok(Self { held: Held::Copy(copy), address })
    }

    /// The address of number `i`.
    pub(super) fn at(&self, i: usize) -> u64 {
        match &self.held {
            #[cfg(feature = "cuda")]
            Held::There(tensor) => debug_assert!(i <= tensor.elem_count()),
            Held::Copy(buffer) => debug_assert!(i <= buffer.len()),
        }
        self.address + 4 * i as u64
    }
}

/// Lets `write` fill the numbers of a contiguous `f32` tensor, given their address. On the CPU they are copied before
/// and afterwards.
pub(super) fn overwrite(
    tensor: &Tensor,
    machine: &Arc<dyn Machine>,
    write: impl FnOnce(u64) -> Result<()>,
) -> Result<()> {
    #[cfg(feature = "cuda")]
    if tensor.device().is_cuda() {
        return collado_cuda::with_address_mut(tensor, write)?;
    }
    let copy = with_slice::<f32, _, ModelError>(tensor, |x| Ok(Buffer::from_slice(machine, x)))??;
    write(copy.at(0))?;
    let numbers = copy.read(copy.len())?;
    with_slice_mut::<f32, _, ModelError>(tensor, |out| {
        out.copy_from_slice(&numbers);
        Ok(())
    })?;
    Ok(())
}

/// A change from one layout to the other: row r of the result is $\sum_jc_{rj}$ row j, or row r.
#[derive(Clone, Copy, Default)]
pub(super) struct Change {
    pub(super) from: u64,
    pub(super) to: u64,
    /// The address of the coefficients; 0 where rows are copied.
    pub(super) coefficients: u64,
    pub(super) from_rows: usize,
    pub(super) to_rows: usize,
    /// The first layer that is changed.
    pub(super) layer: usize,
    /// Whether it goes from the padded layout to that of the rest of the program.
    pub(super) back: bool,
    /// Whether the result is added to what is there.
    pub(super) keep: bool,
}

impl Kernels {
    /// Starts a kernel.
    ///
    /// # Safety
    /// As for [`launch`].
    pub(super) unsafe fn start<A: Copy>(&self, how: &collado_cuda::Launch<'_>, argument: &A) -> Result<()> {
        // SAFETY: the caller promises it.
        Ok(unsafe { launch(&*self.machine, how, argument) }?)
    }

    /// Changes the layout of points.
    ///
    /// # Safety
    /// The addresses are of rows of the two layouts, as many as `change` says.
    pub(super) unsafe fn pack(&self, change: &Change) -> Result<()> {
        let Layout { dense, size, .. } = self.layout;
        let padded = size - self.layout.start(change.layer);
        for part in self.layout.segments(change.layer) {
            let mut segment = [args::Segment::default(); args::SEGMENTS];
            segment[..part.len()].copy_from_slice(&part);
            let longest = part.iter().map(|s| s.rows as usize * s.ld as usize).max().unwrap_or(0);
            let argument = args::Pack {
                from: change.from,
                to: change.to,
                coefficients: change.coefficients,
                dense: dense as i64,
                padded: padded as i64,
                from_rows: change.from_rows as i32,
                to_rows: change.to_rows as i32,
                segments: part.len() as i32,
                back: i32::from(change.back),
                keep: i32::from(change.keep),
                segment,
            };
            // At most 65 535 rows a launch along the third axis.
            for first in (0..change.to_rows).step_by(1 << 15) {
                let rows = (change.to_rows - first).min(1 << 15);
                let (to, from) = if change.back { (dense, padded) } else { (padded, dense) };
                let mut argument = argument;
                argument.to += 4 * (first * to) as u64;
                argument.to_rows = rows as i32;
                match change.coefficients {
                    0 => argument.from += 4 * (first * from) as u64,
                    _ => argument.coefficients += 4 * (first * change.from_rows) as u64,
                }
                let how = collado_cuda::Launch {
                    grid: [longest.div_ceil(256).clamp(1, 512) as u32, part.len() as u32, rows as u32],
                    ..collado_cuda::Launch::new("pack_points", 1)
                };
                // SAFETY: the caller promises that the rows are there; segments are within them.
                unsafe { self.start(&how, &argument) }?;
            }
        }
        Ok(())
    }
}
