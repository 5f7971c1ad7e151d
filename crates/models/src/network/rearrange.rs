//! Operations that take the numbers of their input as they are, to other places.

use std::fmt;

/// Numbers of the input at other places. Axes are those of one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rearrange {
    /// The axes in another order: axis i of the result is axis `axes[i]` of the input.
    Permute {
        /// The axes of the input in the order of the result.
        axes: Vec<usize>,
    },
    /// Some of the positions of an axis.
    Slice(Slice),
    /// The input once for each position of axes on which it has one position.
    Expand {
        /// The shape of the result, with as many axes as the input.
        shape: Vec<usize>,
    },
}

/// Every `step`-th of the positions `start..stop` of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// The axis.
    pub axis: usize,
    /// The first position.
    pub start: usize,
    /// The position before which it ends.
    pub stop: usize,
    /// The step from one position to the next.
    pub step: usize,
}

impl Slice {
    /// The positions in their order.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = usize> + use<> {
        (self.start..self.stop).step_by(self.step)
    }
}

impl Rearrange {
    /// The shape of the result for an input of the shape `x`, where it fits.
    pub fn output_shape(&self, x: &[usize]) -> Option<Vec<usize>> {
        match self {
            Self::Permute { axes } => {
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                sorted.into_iter().eq(0..x.len()).then(|| axes.iter().map(|&axis| x[axis]).collect())
            }
            Self::Slice(op) => {
                let length = *x.get(op.axis)?;
                let mut shape = x.to_vec();
                (op.step > 0 && op.start < op.stop && op.stop <= length).then(|| {
                    shape[op.axis] = op.positions().len();
                    shape
                })
            }
            Self::Expand { shape } => {
                let fits = x.len() == shape.len() && x.iter().zip(shape).all(|(&x, &y)| x == y || x == 1);
                fits.then(|| shape.clone())
            }
        }
    }
}

impl fmt::Display for Rearrange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permute { axes } => write!(f, "a permutation of axes {axes:?}"),
            Self::Slice(Slice { axis, start, stop, step: 1 }) => {
                write!(f, "the slice {start}..{stop} of axis {axis}")
            }
            Self::Slice(Slice { axis, start, stop, step }) => {
                write!(f, "the slice {start}..{stop} by {step} of axis {axis}")
            }
            Self::Expand { shape } => write!(f, "an expansion to {shape:?}"),
        }
    }
}
