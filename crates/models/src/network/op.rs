//! The operations that networks consist of.

use std::{fmt, ops::Range};

use super::Affine;
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
    /// The place of its result among the values that all operations compute for one example. Activations work in place:
    /// their units are those of the operation that they read. The network's input has no units.
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
    /// A function of each number by itself.
    Activation(Activation),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("the input"),
            Self::Affine(affine) => affine.fmt(f),
            Self::Activation(activation) => write!(f, "the activation {activation}"),
        }
    }
}
