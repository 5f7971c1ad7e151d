//! The engine for networks of any kind on the CPU. Examples run in the lanes of vector instructions, in tiles of one
//! cache line of examples, `[channel][row][column][example]`: convolutions read weights where they lie, with any kernel,
//! stride and groups; normalisation, sums and activations finish results while they are in cache. The results have the
//! same bits for any number of threads.

mod alone;
mod apply;
mod backward;
#[cfg(test)]
mod check;
mod convolution;
mod curvature;
mod evaluate;
mod filtered;
mod forward;
mod image;
mod kinds;
mod lanes;
mod largest;
mod lines;
mod numbers;
mod outer;
mod patches;
mod plan;
mod point;
mod population;
mod products;
mod projection;
mod reverse;
mod risk;
mod rows;
mod store;
mod windows;
mod winograd;

use std::{ops::Range, sync::Arc};

use candle_core::Tensor;
use collado_models::Network;

pub use self::curvature::Jacobian;
pub(super) use self::{curvature::GraphCurvature, lanes::Number};
use self::{evaluate::Slots, plan::Plan};
use super::chain::{PARALLEL_FLOPS, Pool};
use crate::{Criterion, EmpiricalRisk, Examples, Result, Rows};

/// The engine for one network on one data set, in `f32` or `f64`.
pub(super) struct Graph<T> {
    network: Arc<Network>,
    plan: Plan,
    slots: Slots,
    examples: Arc<Examples>,
    /// The inputs `[N, ..]`.
    inputs: Tensor,
    /// The inputs of the reference examples, and the rows among them for statistics.
    reference: Tensor,
    reference_rows: Vec<u32>,
    criterion: Criterion,
    /// The columns that the regulariser depends on.
    regularized: Range<usize>,
    memory: usize,
    pool: Pool<T>,
}

impl<T: Number> Graph<T> {
    /// The engine for `risk`, or `None` where the network has an operation without a rule here.
    pub(super) fn new(risk: &EmpiricalRisk) -> Result<Option<Self>> {
        let (network, criterion) = (Arc::clone(risk.network()), risk.criterion());
        let Some(plan) = Plan::of(&network) else { return Ok(None) };
        Ok(Some(Self {
            slots: Slots::new::<T>(&plan),
            plan,
            inputs: risk.data().inputs(T::DTYPE)?.clone(),
            reference: risk.reference().inputs(T::DTYPE)?.clone(),
            reference_rows: risk.reference_rows(),
            examples: Arc::clone(risk.data()),
            regularized: criterion.regularizer.columns(&network),
            criterion,
            memory: risk.memory(),
            pool: Pool::default(),
            network,
        }))
    }

    /// Number of outputs of the network.
    fn outputs(&self) -> usize {
        self.plan.values[self.plan.output()].units()
    }

    /// Number of examples in a minibatch, or of all examples where there is no minibatch.
    fn batch_size(&self, rows: Rows<'_>) -> usize {
        rows.of(0).map_or(self.examples.len(), <[u32]>::len)
    }

    /// Whether a pass over `examples` examples is worth several threads.
    fn is_parallel(&self, examples: usize) -> bool {
        2 * self.plan.products * examples >= PARALLEL_FLOPS
    }
}
