//! A network as a list of operations, and the walks through that list.
//!
//! What a network *does* depends on the arithmetic: numbers, tensors, derivatives, enclosures. Each arithmetic is an
//! [`Algebra`]; [`Network::run`] is the one forward pass, [`Network::run_back`] the one reverse pass.

mod affine;
mod algebra;
mod build;
mod chain;
mod convolve;
#[cfg(feature = "cudnn")]
mod convolve_cudnn;
mod convolve_op;
mod cost;
mod dense;
mod describe;
mod function;
mod norm;
mod op;
mod pool;
mod rearrange;
mod reduce;
mod source;
mod walk;

pub use self::{
    affine::{Affine, Conv2d, Map},
    algebra::{Algebra, Place, Reverse},
    build::{ConvSettings, ConvShape, NetworkBuilder, NormSettings, Weights},
    chain::{Chain, Layer},
    function::Function,
    norm::{Norm, NormKind, Running},
    op::{Node, NodeId, Op, Pad},
    pool::{Pool, PoolKind},
    rearrange::{Rearrange, Slice},
    reduce::{Reduce, ReduceKind, Softmax},
    source::{Embedding, Source},
};
use crate::{Arch, Error, Layout, Result};
use std::sync::Arc;

/// The structure of a network without its parameters θ: its operations, each after those that it reads, and the places
/// of their parameters in a row of a stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    arch: Arch,
    list: Arc<Operations>,
}

/// A list of operations, each after those that it reads.
#[derive(Debug, PartialEq)]
pub(crate) struct Operations {
    nodes: Vec<Node>,
    layout: Layout,
    buffers: Layout,
    chain: Option<Chain>,
    /// For each operation the last one that reads its result, or its own number where none does.
    last: Vec<NodeId>,
    /// For each operation the one whose units it uses, which is itself unless it works in place.
    owner: Vec<NodeId>,
    /// For each operation whether its result depends on the input.
    varies: Vec<bool>,
    /// Other names of parameters, with those in the layout.
    ties: Vec<(String, String)>,
}

impl Operations {
    /// Shape of an example, and the number of outputs.
    pub(crate) fn ends(&self) -> (&[usize], usize) {
        (&self.nodes[0].shape, self.nodes[self.nodes.len() - 1].shape.iter().product())
    }
}

impl Network {
    /// The description that the network was built from.
    pub fn arch(&self) -> &Arch {
        &self.arch
    }

    /// The operations in order; the first is the network's input, the last its output.
    pub fn nodes(&self) -> &[Node] {
        &self.list.nodes
    }

    /// Names and shapes of the parameters, in the order of a stack's columns.
    pub fn layout(&self) -> &Layout {
        &self.list.layout
    }

    /// Names and shapes of the buffers: the running statistics of batch normalisation, which are no parameters.
    pub fn buffers(&self) -> &Layout {
        &self.list.buffers
    }

    /// Shape of an example.
    pub fn input(&self) -> &[usize] {
        self.list.ends().0
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.list.ends().1
    }

    /// The last operation that reads the result of operation `id`, or `id` where none does.
    pub fn last_reader(&self, id: NodeId) -> NodeId {
        self.list.last[id]
    }

    /// Whether the result of operation `id` depends on the input; others are the same for each example.
    pub fn varies(&self, id: NodeId) -> bool {
        self.list.varies[id]
    }

    /// The number of tokens, counted from 0, that the input's numbers may be, where they are looked up in tables.
    pub fn tokens(&self) -> Option<usize> {
        let mut moved = vec![0];
        let mut fewest = None;
        for (id, node) in self.nodes().iter().enumerate().skip(1) {
            if !node.inputs.iter().any(|read| moved.contains(read)) {
                continue;
            }
            match &node.op {
                Op::Reshape | Op::Rearrange(_) => moved.push(id),
                Op::Embedding(op) => fewest = Some(fewest.map_or(op.rows, |rows: usize| rows.min(op.rows))),
                _ => {}
            }
        }
        fewest
    }

    /// Other names of parameters, each with the name in the layout: two layers share one tensor.
    pub fn ties(&self) -> &[(String, String)] {
        &self.list.ties
    }

    /// Whether operations share parameters.
    pub fn is_tied(&self) -> bool {
        let mut all: Vec<_> = self.nodes().iter().flat_map(|node| node.op.parameters()).collect();
        all.sort_by_key(|columns| columns.start);
        all.windows(2).any(|pair| pair[1].start < pair[0].end)
    }

    /// The normalisations whose statistics are over a batch, in order.
    pub fn batch_norms(&self) -> impl DoubleEndedIterator<Item = &Norm> {
        self.norms().filter(|norm| norm.kind == NormKind::Batch)
    }

    /// The normalisations in order.
    pub fn norms(&self) -> impl DoubleEndedIterator<Item = &Norm> {
        self.list.nodes.iter().filter_map(|node| match &node.op {
            Op::Norm(op) => Some(op),
            _ => None,
        })
    }

    /// Number of parameters S of one point.
    pub fn size(&self) -> usize {
        self.list.layout.len()
    }

    /// Number of values that all operations compute for one example, where operations in place are counted once. This
    /// is the scratch memory that one example needs.
    pub fn units(&self) -> usize {
        self.list.nodes.iter().map(|node| node.units.end).max().expect("a network has an input")
    }

    /// The affine operations in order.
    pub fn affine(&self) -> impl DoubleEndedIterator<Item = &Affine> {
        self.list.nodes.iter().filter_map(|node| match &node.op {
            Op::Affine(op) => Some(op),
            _ => None,
        })
    }

    /// Checks that an example of the shape `found` is an input of the network.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn check_input(&self, found: &[usize]) -> Result<()> {
        let expected = &self.list.nodes[0].shape[..];
        if expected == found {
            return Ok(());
        }
        let shape = |s: &[usize]| s.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        Err(Error::mismatch(format!("{}: features", self.arch), shape(expected), shape(found)))
    }

    /// The network as a plain chain of dense layers, if it is one.
    pub fn chain(&self) -> Option<&Chain> {
        self.list.chain.as_ref()
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
