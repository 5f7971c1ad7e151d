use std::{fmt, ops::Range};

use candle_core::Tensor;

use crate::Result;

/// $z=W*x+b$: linear in x, and linear in its parameters. Both are all that a [span](crate::Span) of points and proofs
/// along a path need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    /// Name of the layer, PyTorch style: its tensors are `name.weight` and `name.bias`.
    pub name: String,
    /// How W acts on x.
    pub map: Map,
    /// Columns of the weight W in a point.
    pub weight: Range<usize>,
    /// Columns of the bias b in a point, where there is one.
    pub bias: Option<Range<usize>>,
    /// Where the result lies among the values that all operations make of one example.
    pub units: Range<usize>,
}

/// How a weight acts on what it multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// $Wx$ with W `[out, in]`.
    Dense {
        /// Features of x.
        inputs: usize,
        /// Features of the result.
        outputs: usize,
    },
}

impl Affine {
    /// Features that it reads.
    pub fn inputs(&self) -> usize {
        let Map::Dense { inputs, .. } = self.map;
        inputs
    }

    /// Features that it puts out.
    pub fn outputs(&self) -> usize {
        let Map::Dense { outputs, .. } = self.map;
        outputs
    }

    /// W `[out, in]`, row by row, in the point `theta` `[S]`.
    pub fn weight_of<'a, T>(&self, theta: &'a [T]) -> &'a [T] {
        &theta[self.weight.clone()]
    }

    /// b `[out]` in the point `theta` `[S]`.
    pub fn bias_of<'a, T>(&self, theta: &'a [T]) -> Option<&'a [T]> {
        self.bias.clone().map(|columns| &theta[columns])
    }

    /// W `[out, in]` and b `[out]` as views of the point `theta` `[S]`, which carry gradients back to it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn tensors(&self, theta: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let weight = theta.narrow(0, self.weight.start, self.weight.len())?;
        let bias = self.bias.as_ref().map(|columns| theta.narrow(0, columns.start, columns.len()));
        Ok((weight.reshape((self.outputs(), self.inputs()))?, bias.transpose()?))
    }

    /// Column of $W_{ij}$, row i and column j.
    pub fn column(&self, i: usize, j: usize) -> usize {
        self.weight.start + i * self.inputs() + j
    }

    /// First column after its parameters.
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
