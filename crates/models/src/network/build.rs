//! Builds the list of operations from the description of a dense network. This is the only place where layers are
//! assigned their columns.

use super::{Affine, Chain, Map, Network, Node, NodeId, Op};
use crate::{Activation, Arch, Layout};

impl Arch {
    /// The network with its list of operations.
    pub fn network(&self) -> Network {
        let mut builder = Builder::new(self.inputs());
        let mut x = 0;
        for k in 0..self.depth() {
            x = builder.dense(
                x,
                self.layer_name(k),
                (self.widths()[k], self.widths()[k + 1]),
                self.has_bias(k),
            );
            if k + 1 < self.depth() {
                x = builder.activation(x, self.activation());
            }
        }
        builder.finish(self.clone())
    }

    /// Names and shapes of the parameters, in the order of a stack's columns.
    pub fn layout(&self) -> Layout {
        self.network().layout
    }
}

/// A list of operations under construction.
struct Builder {
    nodes: Vec<Node>,
    tensors: Vec<(String, Vec<usize>)>,
    columns: usize,
    units: usize,
}

impl Builder {
    fn new(features: usize) -> Self {
        let input = Node { op: Op::Input, inputs: Vec::new(), shape: vec![features], units: 0..0 };
        Self { nodes: vec![input], tensors: Vec::new(), columns: 0, units: 0 }
    }

    /// Appends a dense layer from `inputs` to `outputs` features that reads the operation `x`.
    fn dense(&mut self, x: NodeId, name: String, (inputs, outputs): (usize, usize), bias: bool) -> NodeId {
        let weight = self.parameter(format!("{name}.weight"), vec![outputs, inputs]);
        let bias = bias.then(|| self.parameter(format!("{name}.bias"), vec![outputs]));
        let units = self.units..self.units + outputs;
        self.units = units.end;
        let affine = Affine { name, map: Map::Dense { inputs, outputs }, weight, bias, units: units.clone() };
        self.push(Node { op: Op::Affine(affine), inputs: vec![x], shape: vec![outputs], units })
    }

    fn activation(&mut self, x: NodeId, rho: Activation) -> NodeId {
        let Node { shape, units, .. } = self.nodes[x].clone();
        self.push(Node { op: Op::Activation(rho), inputs: vec![x], shape, units })
    }

    /// Assigns the next columns to a parameter tensor.
    fn parameter(&mut self, name: String, shape: Vec<usize>) -> std::ops::Range<usize> {
        let start = self.columns;
        self.columns += shape.iter().product::<usize>();
        self.tensors.push((name, shape));
        start..self.columns
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn finish(self, arch: Arch) -> Network {
        let chain = Chain::of(&self.nodes);
        let reader = |id: NodeId| self.nodes.iter().rposition(|node| node.inputs.contains(&id)).unwrap_or(id);
        let last = (0..self.nodes.len()).map(reader).collect();
        Network { arch, nodes: self.nodes, layout: Layout::new(self.tensors), chain, last }
    }
}

impl From<Arch> for Network {
    fn from(arch: Arch) -> Self {
        arch.network()
    }
}

impl From<&Arch> for Network {
    fn from(arch: &Arch) -> Self {
        arch.network()
    }
}
