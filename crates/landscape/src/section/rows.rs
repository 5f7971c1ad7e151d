//! Conversion of a stack to rows of numbers.

use candle_core::{DType, Device, Tensor};

use crate::Result;

/// The rows of a stack in `f64`.
pub(super) fn rows(stack: &Tensor) -> Result<Vec<Vec<f64>>> {
    Ok(stack.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2::<f64>()?)
}
