//! The operations that networks consist of.

use std::{fmt, ops::Range};

use super::{Affine, Norm, Pool};
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
    /// A map that is linear in its input and in its parameters.
    Affine(Affine),
    /// A shift and a scale to mean 0 and variance 1, then by parameters.
    Norm(Norm),
    /// A function of each number by itself.
    Activation(Activation),
    /// The largest number or the mean of each window.
    Pool(Pool),
    /// The sum of two results of the same shape.
    Add,
    /// Channels of several results, one result after the other.
    Concat,
    /// Channels of zeros before and after those of the input.
    Pad(Pad),
    /// The same numbers in the same order, in another shape: that of the node.
    Reshape,
}

/// Channels of zeros around those of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pad {
    /// Number of channels before those of the input.
    pub before: usize,
    /// Number of channels after those of the input.
    pub after: usize,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("the input"),
            Self::Affine(affine) => affine.fmt(f),
            Self::Norm(norm) => norm.fmt(f),
            Self::Activation(activation) => write!(f, "the activation {activation}"),
            Self::Pool(pool) => pool.fmt(f),
            Self::Add => f.write_str("a sum"),
            Self::Concat => f.write_str("a concatenation"),
            Self::Pad(_) => f.write_str("a padding of channels"),
            Self::Reshape => f.write_str("a reshape"),
        }
    }
}
