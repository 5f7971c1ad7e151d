//! The operations that networks consist of.

use std::{fmt, ops::Range};

use super::{Affine, Embedding, Function, Norm, Pool, Rearrange, Reduce, Softmax, Source};
use crate::Activation;

/// The number of an operation in its network's list.
pub type NodeId = usize;

/// One operation of a network, with its inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The operation itself.
    pub op: Op,
    /// The numbers of the operations whose results it reads.
    pub inputs: Vec<NodeId>,
    /// Shape of its result for one example.
    pub shape: Vec<usize>,
    /// The place of its result among the values that all operations compute for one example. An activation works in
    /// place where nothing else reads its input: its units are those of the operation that it reads. So are those of a
    /// reshape. The network's input has no units.
    pub units: Range<usize>,
}

/// All kinds of operations. The list is closed, so that an analysis that lacks one either does not compile or refuses
/// it by name.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The network's input.
    Input,
    /// Numbers that do not depend on the input: parameters, or constants.
    Source(Source),
    /// A map that is linear in its input and in its parameters.
    Affine(Affine),
    /// A shift and a scale to mean 0 and variance 1, then by parameters.
    Norm(Norm),
    /// A function of each number by itself, one of those that dense networks have.
    Activation(Activation),
    /// Another function of each number by itself.
    Function(Function),
    /// The largest number or the mean of each window.
    Pool(Pool),
    /// The sum of two results of the same shape.
    Add,
    /// The product, number by number, of two results of the same shape.
    Multiply,
    /// The matrix products of two results `[.., m, k]` and `[.., k, n]`. Leading axes are the same, or have one position
    /// in one of them, whose matrix goes with all of the other.
    MatMul,
    /// Several results, one after the other along an axis.
    Concat(usize),
    /// Channels of zeros before and after those of the input.
    Pad(Pad),
    /// The same numbers in the same order, in another shape: that of the node.
    Reshape,
    /// Numbers of the input at other places.
    Rearrange(Rearrange),
    /// Sums or means over axes.
    Reduce(Reduce),
    /// Numbers that are positive and sum to 1 along an axis, or their logarithms.
    Softmax(Softmax),
    /// Rows of a table of parameters, which the input's numbers count.
    Embedding(Embedding),
}

/// Channels of zeros around those of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad {
    /// Number of channels before those of the input.
    pub before: usize,
    /// Number of channels after those of the input.
    pub after: usize,
}

impl Op {
    /// The columns of a point that hold parameters of the operation, a weight before its bias.
    pub fn parameters(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let [weight, bias] = match self {
            Self::Affine(op) => [Some(op.weight.clone()), op.bias.clone()],
            Self::Norm(op) => [op.weight.clone(), op.bias.clone()],
            Self::Embedding(op) => [Some(op.table.clone()), None],
            Self::Source(Source::Parameter { columns, .. }) => [Some(columns.clone()), None],
            _ => [None, None],
        };
        weight.into_iter().chain(bias)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("the input"),
            Self::Source(source) => source.fmt(f),
            Self::Affine(affine) => affine.fmt(f),
            Self::Norm(norm) => norm.fmt(f),
            Self::Activation(activation) => write!(f, "the activation {activation}"),
            Self::Function(function) => write!(f, "the function {function}"),
            Self::Pool(pool) => pool.fmt(f),
            Self::Add => f.write_str("a sum"),
            Self::Multiply => f.write_str("a product of numbers"),
            Self::MatMul => f.write_str("a product of matrices"),
            Self::Concat(0) => f.write_str("a concatenation"),
            Self::Concat(axis) => write!(f, "a concatenation along axis {axis}"),
            Self::Pad(_) => f.write_str("a padding of channels"),
            Self::Reshape => f.write_str("a reshape"),
            Self::Rearrange(op) => op.fmt(f),
            Self::Reduce(op) => op.fmt(f),
            Self::Softmax(op) => op.fmt(f),
            Self::Embedding(op) => op.fmt(f),
        }
    }
}
