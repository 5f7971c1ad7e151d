//! Many steps of descent at a time, for engines that do them without coming back in between.

use std::{fmt, ops::Range};

/// A rule of single steps that an engine can apply where gradients arise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StepRule {
    /// $v\gets\mu v+g$, $\theta\gets\theta-\alpha v$, as PyTorch defines it.
    Sgd {
        /// The momentum μ.
        momentum: f64,
        /// Whether Nesterov's variant is used.
        nesterov: bool,
        /// The weight decay, which adds to g.
        weight_decay: f64,
    },
    /// Adam with β = (0.9, 0.999), ε = 1e-8.
    Adam {
        /// The weight decay.
        weight_decay: f64,
        /// Whether it acts apart from the gradient.
        decoupled: bool,
    },
}

/// Stands for no example in a minibatch that has fewer than the others; the mean is over those that are there.
pub const NO_EXAMPLE: u32 = u32::MAX;

/// Draws the minibatches of some steps: [`draw`](Self::draw) writes those of all points, `[steps][P][B]`.
#[derive(Clone, Copy)]
pub struct Draw<'a>(pub &'a dyn Fn(Range<usize>, &mut [u32]));

impl Draw<'_> {
    /// Writes the minibatches of `steps`, counted from the first of the descent.
    pub fn draw(&self, steps: Range<usize>, out: &mut [u32]) {
        (self.0)(steps, out);
    }
}

impl fmt::Debug for Draw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draw")
    }
}

/// The minibatches of several steps. Each has an example, and [`NO_EXAMPLE`] stands behind all others.
#[derive(Debug, Clone, Copy)]
pub enum Batches<'a> {
    /// All examples in every step.
    All,
    /// One minibatch for all points: `[steps][B]`.
    Shared {
        /// The examples.
        rows: &'a [u32],
        /// The number B of examples in a minibatch.
        batch: usize,
    },
    /// A minibatch for each point: `[steps][P][B]`.
    Each {
        /// The examples.
        rows: &'a [u32],
        /// The number B of examples in a minibatch.
        batch: usize,
    },
    /// A minibatch for each point, drawn while earlier steps are taken. In a step all of them have equally many examples.
    Drawn {
        /// Draws them.
        draw: Draw<'a>,
        /// The number B of examples in a minibatch.
        batch: usize,
    },
}

impl Batches<'_> {
    /// Whether the minibatches of all points have equally many examples in each step. Those that are drawn have.
    pub(crate) fn is_even(&self, points: usize) -> bool {
        let Self::Each { rows, batch } = *self else { return true };
        let last = |rows: &[u32]| rows.iter().rposition(|&row| row != NO_EXAMPLE);
        let step = |rows: &[u32]| {
            let first = last(&rows[..batch]);
            rows.chunks_exact(batch).all(|others| last(others) == first)
        };
        batch == 0 || rows.chunks_exact((points * batch).max(1)).all(step)
    }

    /// The number of examples in a minibatch, of `examples` in all.
    pub fn size(&self, examples: usize) -> usize {
        match *self {
            Self::All => examples,
            Self::Shared { batch, .. } | Self::Each { batch, .. } | Self::Drawn { batch, .. } => batch,
        }
    }
}

/// Several steps of descent on the free vertices of a span.
#[derive(Debug, Clone, Copy)]
pub struct Descent<'a> {
    /// The rule.
    pub rule: StepRule,
    /// The step size of each step.
    pub sizes: &'a [f64],
    /// Number of steps done before these.
    pub done: u64,
    /// The minibatches.
    pub batches: Batches<'a>,
    /// The coefficients of the points in each step, `[steps][P][V]`, in place of those of the span.
    pub coefficients: Option<&'a [f64]>,
}
