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

/// What is fixed about a network, without θ: its operations in an order in which each comes after those it reads, and
/// where their parameters lie in a row of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    arch: Arch,
    nodes: Vec<Node>,
    layout: Layout,
    chain: Option<Chain>,
    /// The last operation that reads each one's result; its own number where none does.
    last: Vec<NodeId>,
}

impl Network {
    /// The description it was made from.
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

    /// Values of all operations for one example, those in place counted once: what an example needs of scratch.
    pub fn units(&self) -> usize {
        self.nodes.iter().map(|node| node.units.end).max().unwrap_or(0)
    }

    /// The network as a plain chain of dense layers, where it is one.
    pub fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// The chain of dense layers that `what` needs.
    ///
    /// # Errors
    /// When the network is none.
    pub fn dense_chain(&self, what: &'static str) -> Result<&Chain> {
        self.chain().ok_or_else(|| Error::Unsupported {
            what,
            found: format!("{}, which is no chain of dense layers", self.arch),
        })
    }
}
