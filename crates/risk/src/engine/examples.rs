use candle_core::{DType, Device, Tensor};

use crate::{Error, Loss, Result, loss::Target};
use collado_models::Arch;

/// Inputs and targets that an objective averages over.
#[derive(Debug)]
pub(super) struct Examples {
    /// `[N, n_0]`, contiguous, in the dtype and on the device of the parameters.
    pub(super) inputs: Tensor,
    /// `u32` `[N]` or `f64` `[N, q]`, on the device.
    pub(super) targets: Tensor,
    labels: Vec<u32>,
    values: Vec<f64>,
    outputs: usize,
}

impl Examples {
    pub(super) fn new(arch: &Arch, loss: Loss, inputs: &Tensor, targets: &Tensor) -> Result<Self> {
        collado_models::check_dtype(inputs.dtype())?;
        let (n, features) = inputs.dims2()?;
        if n == 0 {
            return Err(Error::mismatch("examples", "at least 1", 0));
        }
        if features != arch.inputs() {
            return Err(Error::mismatch(format!("{arch}: features"), arch.inputs(), features));
        }
        if targets.dims().first() != Some(&n) {
            return Err(Error::mismatch(
                "targets",
                format!("{n} rows, as the inputs have"),
                format!("{:?}", targets.dims()),
            ));
        }
        let device = inputs.device();
        let outputs = arch.outputs();
        let (labels, values) = match targets.dtype() {
            DType::U32 => (check_labels(arch, loss, targets)?, Vec::new()),
            _ => (Vec::new(), check_values(arch, loss, targets)?),
        };
        let targets = if labels.is_empty() { targets.to_dtype(DType::F64)? } else { targets.clone() };
        Ok(Self {
            inputs: inputs.contiguous()?,
            targets: targets.to_device(device)?,
            labels,
            values,
            outputs,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.inputs.dims()[0]
    }

    pub(super) fn is_classes(&self) -> bool {
        !self.labels.is_empty()
    }

    /// The class of example `i`, where there are classes.
    #[inline(always)]
    pub(super) fn label(&self, i: usize) -> usize {
        self.labels[i] as usize
    }

    /// The target of example `i`.
    #[inline(always)]
    pub(super) fn target(&self, i: usize) -> Target<'_> {
        match self.labels.get(i) {
            Some(&label) => Target::Class(label),
            None => Target::Values(&self.values[i * self.outputs..(i + 1) * self.outputs]),
        }
    }
}

fn check_labels(arch: &Arch, loss: Loss, targets: &Tensor) -> Result<Vec<u32>> {
    let labels = targets.to_device(&Device::Cpu)?.to_vec1::<u32>()?;
    // One output can tell two classes apart, except by cross-entropy.
    let classes = if arch.outputs() == 1 && loss != Loss::CrossEntropy { 2 } else { arch.outputs() };
    match labels.iter().position(|&l| l as usize >= classes) {
        Some(i) => {
            Err(Error::mismatch(format!("label of example {i}"), format!("less than {classes}"), labels[i]))
        }
        None => Ok(labels),
    }
}

fn check_values(arch: &Arch, loss: Loss, targets: &Tensor) -> Result<Vec<f64>> {
    if loss == Loss::CrossEntropy {
        return Err(Error::mismatch("targets for cross-entropy", "class labels", "real values"));
    }
    let (_, q) = targets.dims2()?;
    if q != arch.outputs() {
        return Err(Error::mismatch(format!("{arch}: outputs"), q, arch.outputs()));
    }
    let values = targets.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    if loss == Loss::Logistic && values.iter().any(|y| !(0. ..=1.).contains(y)) {
        return Err(Error::mismatch("targets for the logistic loss", "values in [0, 1]", "others"));
    }
    Ok(values)
}
