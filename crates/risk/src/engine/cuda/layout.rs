//! Points as the kernels keep them: each weight [outputs][ld], then its bias, padded with zeros to a multiple of four
//! numbers, so that every row can be read sixteen bytes at a time.

use collado_cuda::args::{SEGMENTS, Segment};
use collado_models::{Activation, Chain};

/// The next multiple of four.
pub(super) fn four(n: usize) -> usize {
    n.div_ceil(4) * 4
}

/// A layer of a padded point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Numbers from one row of the weight to the next.
    pub(super) ld: usize,
    pub(super) weight: usize,
    pub(super) bias: usize,
    pub(super) has_bias: bool,
    pub(super) activation: Activation,
    /// Where weight and bias lie in a point of the rest of the program.
    dense: (usize, usize),
}

/// Where the layers of a chain lie in a padded point.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) layers: Vec<Place>,
    /// Numbers of a padded point.
    pub(super) size: usize,
    /// Numbers of a point of the rest of the program.
    pub(super) dense: usize,
}

impl Layout {
    pub(super) fn new(chain: &Chain, dense: usize) -> Self {
        let mut size = 0;
        let mut layers = Vec::new();
        for layer in chain.layers() {
            let (inputs, outputs) = (layer.inputs(), layer.outputs());
            let ld = four(inputs);
            let (weight, bias) = (size, size + outputs * ld);
            size = bias + four(outputs);
            layers.push(Place {
                inputs,
                outputs,
                ld,
                weight,
                bias,
                has_bias: layer.bias.is_some(),
                activation: layer.activation,
                dense: (layer.weight.start, layer.bias.as_ref().map_or(0, |b| b.start)),
            });
        }
        // Points start on lines of 128 bytes.
        Self { layers, size: size.div_ceil(32) * 32, dense }
    }

    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    pub(super) fn last(&self) -> &Place {
        self.layers.last().expect("a chain has a layer")
    }

    /// Number of outputs of the network.
    pub(super) fn outputs(&self) -> usize {
        self.last().outputs
    }

    /// Units of all hidden layers, each padded.
    pub(super) fn hidden(&self) -> usize {
        self.layers[..self.depth() - 1].iter().map(|l| four(l.outputs)).sum()
    }

    /// Where layer `from` begins.
    pub(super) fn start(&self, from: usize) -> usize {
        self.layers.get(from).map_or(self.size, |l| l.weight)
    }

    /// The matrices from layer `from` on, their padded places counted from there, and the gaps that must be zeros: in
    /// parts of as many as one launch takes.
    pub(super) fn segments(&self, from: usize) -> Vec<Vec<Segment>> {
        let start = self.start(from);
        let mut all = Vec::new();
        let mut put = |dense: usize, padded: usize, rows: usize, columns: usize, ld: usize| {
            let [dense, padded] = [dense, padded - start].map(|n| n as i64);
            let [rows, columns, ld] = [rows, columns, ld].map(|n| n as i32);
            all.push(Segment { dense, padded, rows, columns, ld });
        };
        for layer in &self.layers[from..] {
            put(layer.dense.0, layer.weight, layer.outputs, layer.inputs, layer.ld);
            let columns = if layer.has_bias { layer.outputs } else { 0 };
            put(layer.dense.1, layer.bias, 1, columns, four(layer.outputs));
        }
        let end = self.last().bias + four(self.last().outputs);
        if end < self.size {
            put(0, end, 1, 0, self.size - end);
        }
        all.chunks(SEGMENTS).map(<[Segment]>::to_vec).collect()
    }
}
