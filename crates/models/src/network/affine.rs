//! Affine operations: maps that are linear in their input and in their parameters.

use std::{fmt, ops::Range};

use candle_core::Tensor;

use crate::Result;

/// An affine map $z=W*x+b$, linear in x and linear in its parameters. Points that are combinations of few vertices, and
/// proofs along a path, rely on both properties and on nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    /// Name of the layer, as in PyTorch: its tensors are `name.weight` and `name.bias`.
    pub name: String,
    /// The way in which W acts on x.
    pub map: Map,
    /// The columns of a point that hold the weight W.
    pub weight: Range<usize>,
    /// The columns of a point that hold the bias b, if there is one.
    pub bias: Option<Range<usize>>,
    /// The place of the result among the values that all operations compute for one example.
    pub units: Range<usize>,
}

/// The way in which a weight acts on the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// The matrix product $Wx$ with W `[out, in]`.
    Dense {
        /// Number of features of x.
        inputs: usize,
        /// Number of features of the result.
        outputs: usize,
    },
}

impl Affine {
    /// Number of features that the map reads.
    pub fn inputs(&self) -> usize {
        let Map::Dense { inputs, .. } = self.map;
        inputs
    }

    /// Number of features that the map puts out.
    pub fn outputs(&self) -> usize {
        let Map::Dense { outputs, .. } = self.map;
        outputs
    }

    /// The elements of W `[out, in]`, row by row, in the point `theta` `[S]`.
    pub fn weight_of<'a, T>(&self, theta: &'a [T]) -> &'a [T] {
        &theta[self.weight.clone()]
    }

    /// The elements of b `[out]` in the point `theta` `[S]`, if the map has a bias.
    pub fn bias_of<'a, T>(&self, theta: &'a [T]) -> Option<&'a [T]> {
        self.bias.clone().map(|columns| &theta[columns])
    }

    /// W `[out, in]` and b `[out]` as views of the point `theta` `[S]`, which carry gradients back to it.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn tensors(&self, theta: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let weight = theta.narrow(0, self.weight.start, self.weight.len())?;
        let bias = self.bias.as_ref().map(|columns| theta.narrow(0, columns.start, columns.len()));
        Ok((weight.reshape((self.outputs(), self.inputs()))?, bias.transpose()?))
    }

    /// $Wx+b$ in tensors, for `x` `[N, in]` at the point `theta` `[S]`.
    ///
    /// # Errors
    /// The errors of candle.
    pub fn forward(&self, theta: &Tensor, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = self.tensors(theta)?;
        let z = x.matmul(&weight.t()?)?;
        Ok(match bias {
            Some(bias) => z.broadcast_add(&bias)?,
            None => z,
        })
    }

    /// The column of a point that holds $W_{ij}$, in row i and column j of W.
    pub fn column(&self, i: usize, j: usize) -> usize {
        self.weight.start + i * self.inputs() + j
    }

    /// The first column after the parameters of the map.
    pub fn end(&self) -> usize {
        self.bias.as_ref().map_or(self.weight.end, |bias| bias.end)
    }
}

impl fmt::Display for Affine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Map::Dense { inputs, outputs } = self.map;
        write!(f, "the dense layer '{}' ({inputs} to {outputs})", self.name)
    }
}
