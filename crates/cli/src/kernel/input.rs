//! The examples of the kernels, and the network on them.

use std::sync::Arc;

use candle_core::{DType, Tensor};
use collado_files::Checkpoint;
use collado_landscape::Tangent;
use collado_risk::{Examples, Loss};

use super::args::KernelArgs;
use crate::{
    failure::Failure,
    task::{self, Task},
};

/// The examples, and the network on them.
pub(super) struct KernelInput {
    pub(super) rows: Vec<u32>,
    pub(super) inputs: Tensor,
    pub(super) examples: Arc<Examples>,
    pub(super) tangent: Tangent,
    pub(super) theta: Tensor,
    pub(super) loss: Loss,
}

impl KernelInput {
    pub(super) fn new(args: &KernelArgs, task: &Task, checkpoint: &Checkpoint) -> Result<Self, Failure> {
        let all = task.data.train.len();
        let m = if args.examples == 0 { all } else { args.examples.min(all) };
        let rows: Vec<u32> = (0..m).map(|i| (i * all / m) as u32).collect();
        let split = task.data.train.select(&rows)?;
        let examples = match task.arch.image() {
            None => Examples::try_from(&split)?,
            Some([channels, height, width]) => {
                let inputs = split.inputs.reshape((split.len(), channels, height, width))?;
                Examples::of(&inputs, &split.targets)?
            }
        };
        let inputs = examples.inputs(DType::F64)?.clone();
        let examples = Arc::new(examples);
        let risk = task.train.on(Arc::clone(&examples))?.with_memory(args.common.memory());
        let tangent = Tangent::of(&risk, &checkpoint.theta).map_err(|error| match error {
            collado_landscape::Error::Risk(error) => task::short_of_memory(error, 1),
            error => error.into(),
        })?;
        // Chains have always taken the default, which decides on the order of sums.
        let tangent = match tangent.jacobian() {
            Some(_) => tangent.with_memory(args.common.memory()),
            None => tangent,
        };
        Ok(Self {
            rows,
            inputs,
            examples,
            tangent,
            theta: checkpoint.theta.clone(),
            loss: task.criterion.loss,
        })
    }
}
