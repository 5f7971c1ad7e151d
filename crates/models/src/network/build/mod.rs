//! The builder of lists of operations. This is the only place where operations are assigned their columns and units.

mod attention;
mod layers;
mod places;
mod pools;
mod units;
mod values;

use std::sync::Arc;

pub use self::layers::{ConvSettings, ConvShape, NormSettings, Weights};
use self::places::Places;
use super::{Chain, Network, Node, NodeId, Op, Operations};
use crate::{Arch, Error, Layout, Result};

/// A list of operations under construction. Each method appends an operation that reads earlier ones and returns its
/// number. Parameters and buffers get their places in the order of appending, unless they were
/// [declared](Self::declare) before. A tensor that is named again is the same tensor: operations may share it.
///
/// Shapes and axes are those of one example, without the batch axis. Numbers that do not depend on the input
/// ([parameters](Self::parameter) and [constants](Self::constant)) have no batch axis either, and go with every example.
///
/// What does not fit together is reported by [`finish`](Self::finish).
#[derive(Debug)]
pub struct NetworkBuilder {
    nodes: Vec<Node>,
    parameters: Places,
    buffers: Places,
    error: Option<Error>,
}

impl NetworkBuilder {
    /// A network whose examples have the shape `input`. Its input is operation 0.
    pub fn new(input: &[usize]) -> Self {
        let node = Node { op: Op::Input, inputs: Vec::new(), shape: input.to_vec(), units: 0..0 };
        let (parameters, buffers) = (Places::default(), Places::default());
        let mut net = Self { nodes: vec![node], parameters, buffers, error: None };
        net.expect(!input.contains(&0), "input".into(), "at least one number".into(), shown(input));
        net
    }

    /// The shape of the result of operation `x`.
    pub fn shape(&self, x: NodeId) -> &[usize] {
        &self.nodes[x].shape
    }

    /// The operations so far.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Gives the parameter `name` the next columns, whether or not an operation reads it later. Declaring all parameters
    /// first fixes their order.
    pub fn declare(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.parameter_at(&name.into(), shape.to_vec());
    }

    /// Gives the running statistics `name` the next places among the buffers.
    pub fn declare_buffer(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.buffer_at(&name.into(), shape.to_vec());
    }

    /// Makes `alias` another name of the parameter `name`: one tensor that two layers share. The layout has it once,
    /// under `name`.
    pub fn tie(&mut self, alias: impl Into<String>, name: impl Into<String>) {
        self.parameters.tie(alias.into(), name.into());
    }

    /// Makes the result of `x` the network's output, where it is not the last operation.
    pub fn output(&mut self, x: NodeId) -> NodeId {
        match x + 1 == self.nodes.len() {
            true => x,
            false => self.push(Op::Reshape, vec![x], self.nodes[x].shape.clone()),
        }
    }

    /// The columns of the parameter `name`.
    fn parameter_at(&mut self, name: &str, shape: Vec<usize>) -> std::ops::Range<usize> {
        self.parameters.at(name, shape).unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            0..0
        })
    }

    /// The places of the running statistics `name`.
    fn buffer_at(&mut self, name: &str, shape: Vec<usize>) -> std::ops::Range<usize> {
        self.buffers.at(name, shape).unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            0..0
        })
    }

    /// The axes of the result of `x`, which `what` needs.
    fn axes<const N: usize>(&mut self, x: NodeId, what: &str) -> [usize; N] {
        let shape = self.nodes[x].shape.clone();
        match <[usize; N]>::try_from(shape.as_slice()) {
            Ok(axes) => axes,
            Err(_) => {
                self.expect(false, format!("{what}: input"), format!("{N} axes"), shown(&shape));
                [1; N]
            }
        }
    }

    /// Notes the first thing that does not fit.
    fn expect(&mut self, fits: bool, what: String, expected: String, found: impl ToString) {
        if !fits && self.error.is_none() {
            self.error = Some(Error::mismatch(what, expected, found));
        }
    }

    fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Vec<usize>) -> NodeId {
        self.expect(!shape.contains(&0), op.to_string(), "at least one number".into(), shown(&shape));
        self.nodes.push(Node { op, inputs, shape, units: 0..0 });
        self.nodes.len() - 1
    }

    /// Appends an operation on `x` to a result of the shape that was found, if it fits.
    fn push_fitting(&mut self, op: Op, x: NodeId, shape: Option<Vec<usize>>, expected: &str) -> NodeId {
        let found = shown(&self.nodes[x].shape);
        self.expect(shape.is_some(), op.to_string(), expected.to_owned(), found);
        match shape {
            Some(shape) => self.push(op, vec![x], shape),
            None => x,
        }
    }

    /// The network, which `name` stands for in messages, and whose output is the last operation.
    ///
    /// # Errors
    /// When operations do not fit together, there is none, or the output does not depend on the input.
    pub fn finish(self, name: impl Into<String>) -> Result<Network> {
        let list = Arc::new(self.list()?);
        Ok(Network { arch: Arch::listed(name.into(), Arc::clone(&list)), list })
    }

    /// The network that `arch` describes.
    pub(crate) fn finish_as(self, arch: Arch) -> Result<Network> {
        Ok(Network { arch, list: Arc::new(self.list()?) })
    }

    fn list(self) -> Result<Operations> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut nodes = self.nodes;
        if nodes.len() < 2 {
            return Err(Error::mismatch("operations of a network", "at least one", "none"));
        }
        let varies = units::varying(&nodes);
        if !varies[nodes.len() - 1] {
            return Err(Error::mismatch(
                "output of a network",
                "one that depends on the input",
                "a constant",
            ));
        }
        let last = units::last_readers(&nodes);
        let owner = units::owners(&nodes);
        units::place(&mut nodes, &owner);
        let chain = Chain::of(&nodes);
        let ties = self.parameters.ties();
        let (layout, buffers) = (Layout::new(self.parameters.tensors), Layout::new(self.buffers.tensors));
        Ok(Operations { nodes, layout, buffers, chain, last, owner, varies, ties })
    }
}

fn shown(shape: &[usize]) -> String {
    match shape {
        [] => "a number".to_owned(),
        _ => shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"),
    }
}
