//! The arithmetic that operations take.

use super::{Network, NodeId, NormKind, Op};

impl Network {
    /// The number of additions, multiplications and functions of a number that operation `id` takes for one example; a
    /// multiplication and the addition of its result are two. Operations that only move numbers take none.
    pub fn flops(&self, id: NodeId) -> u64 {
        let node = &self.nodes()[id];
        let size = |id: NodeId| self.nodes()[id].shape.iter().product::<usize>() as u64;
        let outputs = size(id);
        let input = || node.inputs.first().map_or(0, |&read| size(read));
        match &node.op {
            Op::Affine(op) => outputs * (2 * op.fan_in() as u64 - u64::from(op.bias.is_none())),
            Op::Norm(op) => match op.kind {
                // Known statistics leave one factor and one shift.
                NormKind::Batch => 2 * outputs,
                // The mean, deviations, their squares and the sum of those, and then a quotient, a factor and a shift.
                NormKind::Layer | NormKind::Group(_) | NormKind::Last => 7 * outputs,
            },
            Op::Activation(_) | Op::Function(_) | Op::Add | Op::Multiply => outputs,
            Op::Pool(op) => outputs * (op.kernel[0] * op.kernel[1]) as u64,
            Op::MatMul => {
                let inner = self.nodes()[node.inputs[0]].shape.last().copied().unwrap_or(1) as u64;
                outputs * (2 * inner).saturating_sub(1)
            }
            Op::Reduce(_) => input(),
            // The largest number, differences from it, exponentials, their sum and quotients.
            Op::Softmax(_) => 5 * outputs,
            Op::Input
            | Op::Source(_)
            | Op::Concat(_)
            | Op::Pad(_)
            | Op::Reshape
            | Op::Rearrange(_)
            | Op::Embedding(_) => 0,
        }
    }
}
