//! The names of operations in lists and pictures.

use super::{Map, NormKind, Op, PoolKind, Rearrange, ReduceKind};

impl Op {
    /// The kind of the operation in a word, for lists and files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Source(_) => "source",
            Self::Affine(op) => match op.map {
                Map::Dense { .. } => "dense",
                Map::Conv2d(_) => "conv2d",
            },
            Self::Norm(op) => match op.kind {
                NormKind::Batch => "batch_norm",
                NormKind::Layer | NormKind::Last => "layer_norm",
                NormKind::Group(_) => "group_norm",
            },
            Self::Activation(rho) => rho.name(),
            Self::Function(_) => "function",
            Self::Pool(op) => match op.kind {
                PoolKind::Max => "max_pool",
                PoolKind::Average => "average_pool",
            },
            Self::Add => "add",
            Self::Multiply => "multiply",
            Self::MatMul => "matmul",
            Self::Concat(_) => "concat",
            Self::Pad(_) => "pad",
            Self::Reshape => "reshape",
            Self::Rearrange(Rearrange::Permute { .. }) => "permute",
            Self::Rearrange(Rearrange::Slice(_)) => "slice",
            Self::Rearrange(Rearrange::Expand { .. }) => "expand",
            Self::Reduce(op) => match op.kind {
                ReduceKind::Sum => "sum",
                ReduceKind::Mean => "mean",
            },
            Self::Softmax(_) => "softmax",
            Self::Embedding(_) => "embedding",
        }
    }

    /// The name of the layer, as in PyTorch, if the operation has parameters or fixed numbers.
    pub fn layer(&self) -> Option<&str> {
        match self {
            Self::Affine(op) => Some(&op.name),
            Self::Norm(op) => Some(&op.name),
            Self::Embedding(op) => Some(&op.name),
            Self::Source(op) => Some(op.name()),
            _ => None,
        }
    }
}
