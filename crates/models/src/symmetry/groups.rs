//! Which axes of which tensors carry the same index, and so permute together (docs/theory.md §13).

use std::ops::Range;

use super::derive::Derivation;
use crate::{Network, Result};

/// The symmetry groups of a network, derived from its list of operations.
///
/// Each axis of each tensor carries an index, for example the channels of a convolution's result. Operations tie axes:
/// the rows of a weight with its bias, with the normalisation after it, with the columns of what reads the result. A
/// sum ties both of its terms, a flattening repeats an index once a pixel, and a concatenation makes blocks. The
/// network's inputs and outputs are fixed. Units whose index is not fixed may be permuted, if that is done on all
/// axes that carry the index. They may be scaled by positive factors between operations that are positively
/// homogeneous; no scale passes through a normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    pub(super) groups: Vec<Group>,
    pub(super) scales: Vec<Scale>,
    pub(super) parameters: Vec<TensorAxes>,
    pub(super) buffers: Vec<TensorAxes>,
    pub(super) sites: Vec<Site>,
    pub(super) frozen: Vec<String>,
    pub(super) inner: Vec<Inner>,
}

/// Units of a network that may be permuted among themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The name of the first layer that computes the units.
    pub name: String,
    /// Number of units.
    pub size: usize,
}

/// Positive factors of the units of a group at some place in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// The number of the group.
    pub group: usize,
    /// Whether factors other than 1 are a symmetry.
    pub free: bool,
}

/// The result of an activation function, or of the normalisation of tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The axis of an example that carries an index.
    pub axis: usize,
    /// The index.
    pub along: Axis,
}

/// Two layers whose features are summed over in products, as queries and keys are within each head. Any invertible
/// matrix may stand between them, so that only the product of both weights matters. Their features are not permuted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inner {
    /// The layer that computes the features of the left factor.
    pub left: String,
    /// The layer of the right factor.
    pub right: String,
    /// Number of features that are summed over.
    pub size: usize,
}

/// The indices that a tensor's axes carry. Only the first two can carry one.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorAxes {
    /// Name of the layer that the tensor belongs to.
    pub name: String,
    /// The columns of a point (or of a row of buffers) that hold the tensor.
    pub columns: Range<usize>,
    /// Its first axis and, for weights, its second.
    pub axes: Vec<Axis>,
    /// Number of elements for one position on these axes.
    pub rest: usize,
}

/// The index that an axis carries.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    /// Number of positions.
    pub len: usize,
    /// The blocks of positions that belong to groups. Positions in no block are fixed.
    pub blocks: Vec<Block>,
}

/// Positions of an axis, one for each unit of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The number of the group.
    pub group: usize,
    /// The position of each unit.
    pub positions: Vec<usize>,
    /// The scale by whose factors the elements are multiplied.
    pub times: Option<usize>,
    /// The scale by whose factors the elements are divided.
    pub over: Option<usize>,
}

impl Network {
    /// The symmetry groups of the network.
    ///
    /// # Errors
    /// When an operation has no rule for indices.
    pub fn groups(&self) -> Result<Groups> {
        Derivation::of(self)
    }
}

impl Groups {
    /// The groups in the order of the network. Those of a dense network are its hidden layers.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The scales in the order of the network. Those of a dense network are one for each hidden layer.
    pub fn scales(&self) -> &[Scale] {
        &self.scales
    }

    /// All parameters with the indices of their axes. The parts of a grouped convolution stand by themselves.
    pub fn parameters(&self) -> &[TensorAxes] {
        &self.parameters
    }

    /// The running statistics with the indices of their axes.
    pub fn buffers(&self) -> &[TensorAxes] {
        &self.buffers
    }

    /// For each activation function and each normalisation of tokens, in the order of the network, the index that its
    /// result carries.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The operations that fix the indices of what they read, since they have no rule for permuting it.
    pub fn frozen(&self) -> &[String] {
        &self.frozen
    }

    /// The pairs of layers of which only the product matters, in the order of the network.
    pub fn inner(&self) -> &[Inner] {
        &self.inner
    }

    /// The axes that carry the index of group `group`: the tensor, the number of the axis and the block.
    pub fn places(&self, group: usize) -> impl Iterator<Item = (&TensorAxes, usize, &Block)> {
        self.parameters.iter().flat_map(move |tensor| {
            tensor.axes.iter().enumerate().flat_map(move |(axis, along)| {
                let blocks = along.blocks.iter().filter(move |block| block.group == group);
                blocks.map(move |block| (tensor, axis, block))
            })
        })
    }
}

impl TensorAxes {
    /// Numbers of positions on the first two axes; 1 where there is no second.
    pub fn sizes(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.axes.get(axis).map_or(1, |axis| axis.len))
    }
}
