//! Normalisation: activations shifted and scaled to mean 0 and variance 1, then by parameters of their own.

use std::{fmt, ops::Range};

/// The normalisation $y=\gamma\,(x-\mu)/\sqrt{v+\varepsilon}+\beta$, with the mean μ and the biased variance v over what
/// [`kind`](Self::kind) says, and γ, β for each channel (docs/theory.md §13).
///
/// Channels are the first axis of x, except for [`NormKind::Last`], where they are the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// Name of the layer, as in PyTorch: its tensors are `name.weight` (γ), `name.bias` (β), and the buffers
    /// `name.running_mean`, `name.running_var`, `name.num_batches_tracked`.
    pub name: String,
    /// The numbers that a mean and a variance are taken over.
    pub kind: NormKind,
    /// Number of channels or features.
    pub channels: usize,
    /// Number of pixels of a channel, or of tokens; 1 for features.
    pub positions: usize,
    /// The number ε that is added to the variance.
    pub epsilon: f64,
    /// The columns of a point that hold γ; without them it is 1.
    pub weight: Option<Range<usize>>,
    /// The columns of a point that hold β; without them it is 0.
    pub bias: Option<Range<usize>>,
    /// The places of the running statistics among the buffers, for batch normalisation.
    pub running: Option<Running>,
    /// The place of the result among the values that all operations compute for one example.
    pub units: Range<usize>,
}

/// The numbers that a mean and a variance are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NormKind {
    /// Batch normalisation: one channel of all examples. It is the only kind that couples examples, so its statistics
    /// need a rule.
    Batch,
    /// Layer normalisation: all channels of one pixel of one example.
    Layer,
    /// Group normalisation: all pixels of a group of channels of one example.
    Group(usize),
    /// Layer normalisation of tokens: the last axis of one example, whose positions are the channels.
    Last,
}

/// The columns of the running statistics of one layer in a row of buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Running means of all channels.
    pub mean: Range<usize>,
    /// Running variances of all channels, unbiased as PyTorch keeps them.
    pub variance: Range<usize>,
    /// Number of batches that the averages are of.
    pub batches: usize,
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            NormKind::Batch => "batch",
            NormKind::Layer | NormKind::Last => "layer",
            NormKind::Group(_) => "group",
        };
        write!(f, "the {kind} normalisation '{}' ({} channels)", self.name, self.channels)
    }
}
