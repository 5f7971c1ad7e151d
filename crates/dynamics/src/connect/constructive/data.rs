use candle_core::{DType, Device, Tensor};
use faer::Mat;

use super::{Constructive, HiddenLayer, readout::Readout};
use crate::Result;

/// Inputs `[N, n]` and targets `[N, q]` in `f64`; class labels are one-hot, or 0 and 1 where one output tells two apart.
pub(super) struct Data {
    inputs: Mat<f64>,
    targets: Mat<f64>,
}

impl Data {
    pub(super) fn new(inputs: &Tensor, targets: &Tensor, outputs: usize) -> Result<Self> {
        let inputs = matrix(inputs)?;
        let targets = if targets.dtype() == DType::U32 {
            let labels = targets.to_device(&Device::Cpu)?.to_vec1::<u32>()?;
            let value =
                |label: u32, j: usize| if outputs == 1 { label } else { u32::from(label as usize == j) };
            Mat::from_fn(labels.len(), outputs, |i, j| f64::from(value(labels[i], j)))
        } else {
            matrix(targets)?
        };
        Ok(Self { inputs, targets })
    }

    /// What is left to optimise when the hidden layer is `hidden`.
    pub(super) fn readout(&self, hidden: &HiddenLayer, task: &Constructive) -> Readout {
        let (x, y) = (self.inputs.as_ref(), self.targets.as_ref());
        Readout::new(x, y, &hidden.weight, &hidden.bias, task.arch.has_bias(1), task.criterion)
    }
}

fn matrix(tensor: &Tensor) -> Result<Mat<f64>> {
    let (n, m) = tensor.dims2()?;
    let values = tensor.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(Mat::from_fn(n, m, |i, j| values[i * m + j]))
}
