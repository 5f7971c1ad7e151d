//! The data of a constructive path as matrices in `f64`.

use candle_core::{DType, Device, Tensor};
use collado_risk::EmpiricalRisk;
use faer::Mat;

use super::{Constructive, HiddenLayer, readout::Readout};
use crate::Result;

/// Inputs `[N, n]` and targets `[N, q]` in `f64`. Class labels are one-hot, or 0 and 1 where two classes share one
/// output.
pub(super) struct Data {
    inputs: Mat<f64>,
    targets: Mat<f64>,
    /// The kind of network whose points are connected.
    pub(super) dtype: DType,
}

impl Data {
    pub(super) fn new(risk: &EmpiricalRisk, dtype: DType) -> Result<Self> {
        let (examples, outputs) = (risk.data(), risk.arch().outputs());
        let targets = examples.targets();
        Ok(Self {
            inputs: matrix(examples.inputs(dtype)?)?,
            dtype,
            targets: Mat::from_fn(examples.len(), outputs, |i, j| targets.value(i, j, outputs)),
        })
    }

    /// The convex problem that remains when the hidden layer is fixed to `hidden`.
    pub(super) fn readout(&self, hidden: &HiddenLayer, task: &Constructive) -> Readout {
        let (x, y) = (self.inputs.as_ref(), self.targets.as_ref());
        Readout::new(x, y, &hidden.weight, &hidden.bias, task.risk.arch().has_bias(1), task.risk.criterion())
    }
}

fn matrix(tensor: &Tensor) -> Result<Mat<f64>> {
    let (n, m) = tensor.dims2()?;
    let values = tensor.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(Mat::from_fn(n, m, |i, j| values[i * m + j]))
}
