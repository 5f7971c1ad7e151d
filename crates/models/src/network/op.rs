use std::{fmt, ops::Range};

use super::Affine;
use crate::Activation;

/// The number of an operation in its network's list.
pub type NodeId = usize;

/// One operation of a network, and what it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What is done.
    pub op: Op,
    /// The operations whose results it reads.
    pub inputs: Vec<NodeId>,
    /// Shape of its result for one example.
    pub shape: Vec<usize>,
    /// Where its result lies among the values that all operations make of one example. Activations work in place: their
    /// units are those of what they read. The network's input has none.
    pub units: Range<usize>,
}

/// The operations there are: a closed list, so that an analysis that forgets one does not compile, or says so.
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
