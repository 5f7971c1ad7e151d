//! Operations over whole axes: sums, means and softmax.

use std::fmt;

/// The sum or the mean over some axes of one example, which the result does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduce {
    /// What is taken over the axes.
    pub kind: ReduceKind,
    /// The axes, ascending.
    pub axes: Vec<usize>,
}

/// What is taken over axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReduceKind {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
}

/// $e^{x_i}/\sum_j e^{x_j}$ along an axis of one example, or its logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax {
    /// The axis.
    pub axis: usize,
    /// Whether the logarithm is taken.
    pub log: bool,
}

impl Reduce {
    /// The shape of the result for an input of the shape `x`, where the axes are some of its.
    pub fn output_shape(&self, x: &[usize]) -> Option<Vec<usize>> {
        let ascending = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = ascending && self.axes.last().is_none_or(|&last| last < x.len());
        let kept = |(axis, &length): (usize, &usize)| (!self.axes.contains(&axis)).then_some(length);
        fits.then(|| x.iter().enumerate().filter_map(kept).collect())
    }
}

impl fmt::Display for Reduce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReduceKind::Sum => "sum",
            ReduceKind::Mean => "mean",
        };
        write!(f, "the {kind} over the axes {:?}", self.axes)
    }
}

impl fmt::Display for Softmax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = if self.log { "logarithm of the " } else { "" };
        write!(f, "the {log}softmax over axis {}", self.axis)
    }
}
