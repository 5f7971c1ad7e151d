//! Affine operations: maps that are linear in their input and in their parameters.

use std::{fmt, ops::Range};

use candle_core::Tensor;

use crate::Result;

/// An affine map $z=W*x+b$, linear in x and linear in its parameters. Points that are combinations of few vertices, and
/// proofs along a path, rely on both properties and on nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    /// Name of the layer, as in PyTorch: its tensors mostly are `name.weight` and `name.bias`.
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
    /// The matrix product $Wx$ with W `[out, in]`, for features x, or along the last axis of x `[.., in]`.
    Dense {
        /// Number of features of x.
        inputs: usize,
        /// Number of features of the result.
        outputs: usize,
    },
    /// The convolution (in the sense of PyTorch: a correlation) of x `[in, height, width]` with W
    /// `[out, in / groups, rows, columns]`.
    Conv2d(Conv2d),
}

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// Number of channels of x.
    pub inputs: usize,
    /// Number of channels of the result.
    pub outputs: usize,
    /// Height and width of x.
    pub size: [usize; 2],
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// The steps from one place of the kernel to the next, down and to the right.
    pub stride: [usize; 2],
    /// Zeros added on both sides of x, above and below, left and right.
    pub padding: [usize; 2],
    /// The distances between two elements of the kernel.
    pub dilation: [usize; 2],
    /// Number of groups of channels that are mapped separately.
    pub groups: usize,
}

impl Conv2d {
    /// Height and width of the result.
    pub fn output_size(&self) -> [usize; 2] {
        let Self { size, kernel, stride, padding, dilation, .. } = *self;
        [0, 1].map(|i| (size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1)
    }
}

impl Affine {
    /// Number of features or channels that the map reads.
    pub fn inputs(&self) -> usize {
        match self.map {
            Map::Dense { inputs, .. } => inputs,
            Map::Conv2d(conv) => conv.inputs,
        }
    }

    /// Number of features or channels that the map puts out.
    pub fn outputs(&self) -> usize {
        match self.map {
            Map::Dense { outputs, .. } => outputs,
            Map::Conv2d(conv) => conv.outputs,
        }
    }

    /// Number of inputs that one output depends on.
    pub fn fan_in(&self) -> usize {
        self.weight.len() / self.outputs()
    }

    /// Shape of the weight W.
    pub fn weight_shape(&self) -> Vec<usize> {
        self.map.weight_shape()
    }

    /// The elements of W, last index fastest, in the point `theta` `[S]`.
    pub fn weight_of<'a, T>(&self, theta: &'a [T]) -> &'a [T] {
        &theta[self.weight.clone()]
    }

    /// The elements of b `[out]` in the point `theta` `[S]`, if the map has a bias.
    pub fn bias_of<'a, T>(&self, theta: &'a [T]) -> Option<&'a [T]> {
        self.bias.clone().map(|columns| &theta[columns])
    }

    /// W and b `[out]` as views of the point `theta` `[S]`, which carry gradients back to it.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn tensors(&self, theta: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let weight = theta.narrow(0, self.weight.start, self.weight.len())?;
        let bias = self.bias.as_ref().map(|columns| theta.narrow(0, columns.start, columns.len()));
        Ok((weight.reshape(self.weight_shape())?, bias.transpose()?))
    }

    /// $W*x+b$ in tensors, for `x` `[N, .., in]` or `[N, in, height, width]` at the point `theta` `[S]`.
    ///
    /// # Errors
    /// The errors of candle.
    pub fn forward(&self, theta: &Tensor, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = self.tensors(theta)?;
        self.map.apply(&weight, bias.as_ref(), x)
    }

    /// The column of a point that holds $W_{ij}$, in row i and column j of W as a matrix `[out, fan in]`.
    pub fn column(&self, i: usize, j: usize) -> usize {
        self.weight.start + i * self.fan_in() + j
    }

    /// The first column after the parameters of the map.
    pub fn end(&self) -> usize {
        self.bias.as_ref().map_or(self.weight.end, |bias| bias.end)
    }
}

impl Map {
    /// Shape of the weight W.
    pub fn weight_shape(&self) -> Vec<usize> {
        match *self {
            Self::Dense { inputs, outputs } => vec![outputs, inputs],
            Self::Conv2d(Conv2d { inputs, outputs, kernel, groups, .. }) => {
                vec![outputs, inputs / groups, kernel[0], kernel[1]]
            }
        }
    }

    /// $W*x$ in tensors, for the weight W and `x` `[N, .., in]` or `[N, in, height, width]`.
    ///
    /// # Errors
    /// The errors of candle.
    pub fn forward(&self, weight: &Tensor, x: &Tensor) -> Result<Tensor> {
        match *self {
            Self::Dense { .. } if x.rank() == 2 => Ok(x.matmul(&weight.t()?)?),
            Self::Dense { inputs, outputs } => {
                let (rows, last) = (x.reshape(((), inputs))?, x.rank() - 1);
                Ok(rows.matmul(&weight.t()?)?.reshape([&x.dims()[..last], &[outputs]].concat())?)
            }
            Self::Conv2d(conv) => conv.forward(weight, x),
        }
    }

    /// $W*x+b$ in tensors, for the weight W, the bias b `[out]` if there is one, and `x` as above.
    ///
    /// # Errors
    /// The errors of candle.
    pub fn apply(&self, weight: &Tensor, bias: Option<&Tensor>, x: &Tensor) -> Result<Tensor> {
        let z = self.forward(weight, x)?;
        match bias {
            Some(bias) => self.add_bias(&z, bias),
            None => Ok(z),
        }
    }

    /// $z+b$ in tensors, for a result z of the map and the bias b `[out]`.
    ///
    /// # Errors
    /// The errors of candle.
    pub fn add_bias(&self, z: &Tensor, bias: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Dense { .. } => z.broadcast_add(bias)?,
            Self::Conv2d(_) => z.broadcast_add(&bias.reshape((1, (), 1, 1))?)?,
        })
    }

    /// Shape of the result for one example of the shape `x`.
    pub fn output_shape(&self, x: &[usize]) -> Vec<usize> {
        match self {
            Self::Dense { outputs, .. } => [&x[..x.len().saturating_sub(1)], &[*outputs]].concat(),
            Self::Conv2d(conv) => [&[conv.outputs], &conv.output_size()[..]].concat(),
        }
    }
}

impl fmt::Display for Affine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.map {
            Map::Dense { inputs, outputs } => {
                write!(f, "the dense layer '{}' ({inputs} to {outputs})", self.name)
            }
            Map::Conv2d(Conv2d { inputs, outputs, kernel: [rows, columns], .. }) => {
                let name = &self.name;
                write!(f, "the convolution '{name}' ({inputs} to {outputs} channels, {rows}x{columns})")
            }
        }
    }
}
