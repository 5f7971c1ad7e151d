//! Networks that are plain chains of dense layers.

use std::ops::Deref;

use super::{Affine, Map, Node, Op};
use crate::Activation;

/// The layers of a network that is a plain chain of dense layers, $W_K\,\rho(\dots\rho(W_1x+b_1)\dots)+b_K$. Methods
/// that are defined for such chains only work on it, and so does the fast engine for the CPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    layers: Vec<Layer>,
}

/// A dense layer of a chain. Its [`Affine`] has the places of its parameters and results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    affine: Affine,
    /// The activation function after the layer; it is the identity after the last layer.
    pub activation: Activation,
}

impl Deref for Layer {
    type Target = Affine;

    fn deref(&self) -> &Affine {
        &self.affine
    }
}

impl Deref for Chain {
    type Target = [Layer];

    fn deref(&self) -> &[Layer] {
        &self.layers
    }
}

impl Chain {
    /// The chain that the operations `nodes` form, if each of them reads the one before it, and parameters stand in the
    /// order of the layers, each weight before its bias.
    pub(super) fn of(nodes: &[Node]) -> Option<Self> {
        let mut layers: Vec<Layer> = Vec::new();
        let mut open = false;
        let mut column = 0;
        for (id, node) in nodes.iter().enumerate().skip(1) {
            if node.inputs != [id - 1] {
                return None;
            }
            match &node.op {
                Op::Affine(affine) if matches!(affine.map, Map::Dense { .. }) && node.shape.len() == 1 => {
                    for columns in node.op.parameters() {
                        if columns.start != column {
                            return None;
                        }
                        column = columns.end;
                    }
                    layers.push(Layer { affine: affine.clone(), activation: Activation::Linear });
                    open = true;
                }
                Op::Activation(rho) if std::mem::take(&mut open) => layers.last_mut()?.activation = *rho,
                _ => return None,
            }
        }
        let last = layers.last()?;
        (open && last.activation == Activation::Linear).then_some(Self { layers })
    }

    /// The layers, from the first to the last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Number of layers K.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The number of inputs, $n_0$.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// The number of outputs, $n_K$.
    pub fn outputs(&self) -> usize {
        self.last().outputs()
    }

    /// The last layer.
    pub fn last(&self) -> &Layer {
        self.layers.last().expect("a chain has a layer")
    }
}
