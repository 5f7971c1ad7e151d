//! The weights and biases of one point as matrices, and chains of points under construction.

use candle_core::{DType, Device, Tensor};
use collado_models::{Arch, Layer};
use faer::Mat;

use crate::Result;

/// The layers of one point in `f64`: weights `[out, in]` and biases `[out]`, empty where a layer has none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dense {
    pub(crate) weights: Vec<Mat<f64>>,
    pub(crate) biases: Vec<Vec<f64>>,
}

impl Dense {
    /// Reads the point `theta` `[S]`.
    pub(crate) fn read(arch: &Arch, theta: &Tensor) -> Result<Self> {
        let network = arch.network();
        let expected = network.size();
        if theta.elem_count() != expected {
            return Err(collado_risk::Error::Ends { expected, found: theta.elem_count() }.into());
        }
        let row = theta.flatten_all()?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.to_vec1::<f64>()?;
        let layers = network.dense_chain("a construction layer by layer")?.iter();
        let matrix = |layer: &Layer| {
            let weight = layer.weight_of(&row);
            Mat::from_fn(layer.outputs(), layer.inputs(), |i, j| weight[i * layer.inputs() + j])
        };
        Ok(Self {
            weights: layers.clone().map(matrix).collect(),
            biases: layers.map(|layer| layer.bias_of(&row).unwrap_or_default().to_vec()).collect(),
        })
    }

    /// The point again, in the order of a stack's columns.
    pub(crate) fn row(&self) -> Vec<f64> {
        let mut row = Vec::new();
        for (weight, bias) in self.weights.iter().zip(&self.biases) {
            for i in 0..weight.nrows() {
                row.extend((0..weight.ncols()).map(|j| weight[(i, j)]));
            }
            row.extend_from_slice(bias);
        }
        row
    }
}

/// The vertices of a polygonal chain under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    rows: Vec<Vec<f64>>,
}

impl Chain {
    /// Adds a vertex, unless it repeats the last one.
    pub(crate) fn push(&mut self, row: Vec<f64>) {
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
        }
    }

    /// Goes on backwards along `other`, to its first vertex.
    pub(crate) fn back_along(&mut self, other: Self) {
        other.rows.into_iter().rev().for_each(|row| self.push(row));
    }

    /// The chain as a stack `[V, S]` in the dtype of `end`. A chain of one vertex is repeated, so that V ≥ 2.
    pub(crate) fn stack(mut self, end: &Tensor) -> Result<Tensor> {
        if self.rows.len() == 1 {
            self.rows.push(self.rows[0].clone());
        }
        let shape = (self.rows.len(), self.rows[0].len());
        let stack = Tensor::from_vec(self.rows.concat(), shape, &Device::Cpu)?;
        Ok(stack.to_dtype(end.dtype())?.to_device(end.device())?)
    }
}
