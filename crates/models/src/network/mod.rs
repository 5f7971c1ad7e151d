//! A network as a list of operations, and the walks through that list.
//!
//! What a network *does* depends on the arithmetic: numbers, tensors, derivatives, enclosures. Each arithmetic is an
//! [`Algebra`]; [`Network::run`] is the one forward pass, [`Network::run_back`] the one reverse pass.

mod affine;
mod algebra;
mod build;
mod chain;
mod op;
mod walk;

pub use self::{
    affine::{Affine, Map},
    algebra::{Algebra, Reverse},
    chain::{Chain, Layer},
    op::{Node, NodeId, Op},
};
use crate::{Arch, Error, Layout, Result};

/// The structure of a network without its parameters θ: its operations, each after those that it reads, and the places
/// of their parameters in a row of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    arch: Arch,
    nodes: Vec<Node>,
    layout: Layout,
    chain: Option<Chain>,
    /// For each operation the last one that reads its result, or its own number where none does.
    last: Vec<NodeId>,
}

impl Network {
    /// The description that the network was built from.
    pub fn arch(&self) -> &Arch {
        &self.arch
    }

    /// The operations in order; the first is the network's input, the last its output.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Names and shapes of the parameters, in the order of a stack's columns.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Number of parameters S of one point.
    pub fn size(&self) -> usize {
        self.layout.len()
    }

    /// Number of values that all operations compute for one example, where operations in place are counted once. This
    /// is the scratch memory that one example needs.
    pub fn units(&self) -> usize {
        self.nodes.iter().map(|node| node.units.end).max().expect("a network has an input")
    }

    /// The affine operations in order.
    pub fn affine(&self) -> impl DoubleEndedIterator<Item = &Affine> {
        self.nodes.iter().filter_map(|node| match &node.op {
            Op::Affine(op) => Some(op),
            Op::Input | Op::Activation(_) => None,
        })
    }

    /// Checks that an example of the shape `found` is an input of the network.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn check_input(&self, found: &[usize]) -> Result<()> {
        let expected = &self.nodes[0].shape[..];
        if expected == found {
            return Ok(());
        }
        let shape = |s: &[usize]| s.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        Err(Error::mismatch(format!("{}: features", self.arch), shape(expected), shape(found)))
    }

    /// The network as a plain chain of dense layers, if it is one.
    pub fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// The network as a chain of dense layers, which the method called `what` needs.
    ///
    /// # Errors
    /// When the network is not a chain of dense layers.
    pub fn dense_chain(&self, what: &'static str) -> Result<&Chain> {
        self.chain().ok_or_else(|| Error::Unsupported {
            what,
            found: format!("{}, which is no chain of dense layers", self.arch),
        })
    }
}
