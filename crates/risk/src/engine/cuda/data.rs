//! The examples in the memory of a machine.

use std::sync::Arc;

use candle_core::DType;
use collado_cuda::{Buffer, Machine};
use collado_models::{Error as ModelError, with_slice};

use super::layout::four;
use crate::{Error, Examples, Result, Targets};

/// Inputs and targets, with rows padded to a multiple of four numbers.
pub(super) struct Data {
    pub(super) examples: usize,
    inputs: Buffer<f32>,
    /// Numbers from one example to the next.
    pub(super) ld: usize,
    labels: Option<Buffer<u32>>,
    values: Option<Buffer<f32>>,
    /// Numbers from the values of one example to those of the next.
    pub(super) ld_values: usize,
}

impl Data {
    pub(super) fn new(examples: &Examples, machine: &Arc<dyn Machine>, outputs: usize) -> Result<Self> {
        let n = examples.len();
        let inputs = examples.inputs(DType::F32)?;
        let width = inputs.elem_count() / n;
        let ld = four(width);
        let padded = with_slice::<f32, _, ModelError>(inputs, |x| Ok(padded(x, width, ld)))?;
        let (mut labels, mut values) = (None, None);
        match examples.targets() {
            Targets::Classes(classes) => labels = Some(Buffer::from_slice(machine, classes)?),
            Targets::Tokens { .. } => {
                let found = "a class for each position".into();
                return Err(Error::Unsupported { what: "the engine of kernels", found });
            }
            Targets::Values { values: y, .. } => {
                let y: Vec<f32> = y.iter().map(|&y| y as f32).collect();
                values = Some(Buffer::from_slice(machine, &y)?);
            }
        }
        let inputs = Buffer::from_slice(machine, &padded)?;
        Ok(Self { examples: n, inputs, ld, labels, values, ld_values: outputs })
    }

    /// The address of example `i`.
    pub(super) fn input(&self, i: usize) -> u64 {
        self.inputs.at(i * self.ld)
    }

    /// The addresses of classes and values; one of them is null.
    pub(super) fn targets(&self) -> (u64, u64) {
        let at = |b: &Buffer<f32>| b.at(0);
        (self.labels.as_ref().map_or(0, |b| b.at(0)), self.values.as_ref().map_or(0, at))
    }

    /// Whether examples have classes.
    pub(super) fn has_classes(&self) -> bool {
        self.labels.is_some()
    }
}

fn padded(x: &[f32], width: usize, ld: usize) -> Vec<f32> {
    if width == ld {
        return x.to_vec();
    }
    let mut out = vec![0.; x.len() / width.max(1) * ld];
    for (out, x) in out.chunks_exact_mut(ld).zip(x.chunks_exact(width)) {
        out[..width].copy_from_slice(x);
    }
    out
}
