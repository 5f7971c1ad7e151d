//! What steps of descent work with: points, what the rule remembers, and tables of the steps, in the memory of a machine.

use collado_cuda::{Buffer, Recorded, args};

use super::{Kernels, layers::Work};
use crate::{Batches, Descent, Result, Span, StepRule};

/// How steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Small networks: many steps in one launch, with this many blocks for each network.
    Small { blocks: usize },
    /// Every vertex is a point and moves where its gradient arises.
    Stack,
    /// Points are combinations of vertices, the only free one of which moves where its gradient arises.
    Bend,
    /// Any span: gradients are written, then vertices and points move.
    Span,
}

/// All that the memory and the recorded launches of a session depend on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) points: usize,
    pub(super) vertices: usize,
    pub(super) free: std::ops::Range<usize>,
    /// Examples in a minibatch.
    pub(super) batch: usize,
    /// Whether minibatches are all examples.
    pub(super) full: bool,
    /// The rule; of Adam's weight decay only the coupled one matters here.
    pub(super) rule: StepRule,
    /// Steps that the tables hold.
    pub(super) steps: usize,
}

/// The memory of a descent, kept for the next one of its kind.
pub(super) struct Session {
    /// The recorded launches: they go before the memory that they use.
    pub(super) graph: Option<Box<dyn Recorded>>,
    pub(super) key: Key,
    /// The points `[P][S]`.
    pub(super) theta: Buffer<f32>,
    /// The vertices `[V][S]`, where points are combinations.
    pub(super) vertices: Buffer<f32>,
    /// What the rule remembers of each free vertex `[F][S]`.
    pub(super) first: Buffer<f32>,
    pub(super) second: Buffer<f32>,
    /// Gradients at the points, if they are written.
    pub(super) slopes: Buffer<f32>,
    /// Four numbers for each step.
    pub(super) rates: Buffer<f32>,
    /// Minibatches `[steps][P][B]`, or one for all steps; of small networks, one table is filled while steps of the other
    /// are taken.
    pub(super) rows: [Buffer<u32>; 2],
    /// Which of the two is in use.
    pub(super) slot: usize,
    /// Weights of the points `[steps][P]`.
    pub(super) scale: Buffer<f32>,
    /// Coefficients `[steps + 1][P][V]`.
    pub(super) coefficients: Buffer<f32>,
    pub(super) work: Work,
    /// Whether steps were taken before.
    pub(super) is_warm: bool,
}

impl Key {
    /// Whether points are combinations of vertices.
    pub(super) fn combines(&self) -> bool {
        matches!(self.kind, Kind::Bend | Kind::Span)
    }

    /// Number of vertices or points that move.
    pub(super) fn moving(&self) -> usize {
        if self.combines() { self.free.len() } else { self.points }
    }

    /// Minibatches from one step to the next.
    pub(super) fn rows_step(&self) -> usize {
        if self.full { 0 } else { self.points * self.batch }
    }
}

impl Kernels {
    /// How the steps of `descent` are taken, `steps` at a time.
    pub(super) fn key(&self, span: &Span, descent: &Descent<'_>, steps: usize) -> Result<Key> {
        let vertices = span.vertices().dims()[0];
        let per_step = descent.sizes.len().max(1) * vertices;
        let points = descent.coefficients.map_or(span.points(), |c| c.len() / per_step);
        let full = matches!(descent.batches, Batches::All);
        let batch = descent.batches.size(self.data.examples);
        let combines = descent.coefficients.is_some() || span.coefficients().is_some();
        let free = span.free();
        let adam = matches!(descent.rule, StepRule::Adam { .. });
        let kind = match combines || free.len() < vertices {
            // Blocks that own a network divide by the same number of examples.
            false => match self.small_blocks(points, batch, full, descent.rule)? {
                Some(blocks) if descent.batches.is_even(points) => Kind::Small { blocks },
                _ => Kind::Stack,
            },
            true if free.len() == 1 && adam && self.criterion.kappa == 0. => Kind::Bend,
            true => Kind::Span,
        };
        Ok(Key { kind, points, vertices, free, batch, full, rule: descent.rule, steps })
    }

    pub(super) fn session(&self, key: Key) -> Result<Session> {
        let (machine, size) = (&self.machine, self.layout.size);
        let (combines, steps) = (key.combines(), key.steps);
        let float = |count: usize| Buffer::<f32>::new(machine, count);
        let small = matches!(key.kind, Kind::Small { .. });
        let rows = if key.full { key.points * key.batch } else { steps * key.points * key.batch };
        let sums = match key.kind {
            Kind::Small { blocks } => self.work_of_sums(steps * key.points * blocks)?,
            _ => self.work(key.points, key.batch, self.needs(true))?,
        };
        let session = Session {
            graph: None,
            theta: float(key.points * size)?,
            vertices: float(if combines { key.vertices * size } else { 0 })?,
            first: Buffer::zeros(machine, key.moving() * size)?,
            second: Buffer::zeros(machine, key.moving() * size)?,
            // Zeros, as no gradient is written where there is no parameter.
            slopes: Buffer::zeros(machine, if key.kind == Kind::Span { key.points * size } else { 0 })?,
            rates: float(4 * steps)?,
            rows: [Buffer::new(machine, rows)?, Buffer::new(machine, if small { rows } else { 0 })?],
            slot: 0,
            scale: float(steps * key.points)?,
            coefficients: float(if combines { (steps + 1) * key.points * key.vertices } else { 0 })?,
            work: sums,
            is_warm: false,
            key,
        };
        if small {
            // New memory may be some that earlier launches still use: no table is filled beside these.
            (0..2).try_for_each(|slot| machine.used_beside(slot))?;
        }
        Ok(session)
    }

    /// Whether the memory of whole steps is there.
    pub(super) fn fits(&self, key: &Key) -> bool {
        let examples = key.points.saturating_mul(key.batch);
        let numbers = examples.saturating_mul(self.work_per_example(self.needs(true)));
        matches!(key.kind, Kind::Small { .. })
            || numbers.saturating_mul(size_of::<f32>()) <= self.machine.memory() / 2
    }

    /// The rule as kernels know it.
    pub(super) fn rule(&self, session: &Session, step: usize) -> (args::Descent, i32) {
        let mut descent = args::Descent {
            theta: session.theta.at(0),
            first: session.first.at(0),
            second: session.second.at(0),
            steps: session.rates.at(4 * step),
            ..Default::default()
        };
        match session.key.rule {
            StepRule::Sgd { momentum, nesterov, weight_decay } => {
                descent.momentum = momentum as f32;
                descent.decay = weight_decay as f32;
                descent.nesterov = i32::from(nesterov);
                (descent, 1)
            }
            StepRule::Adam { weight_decay, decoupled } => {
                descent.decay = if decoupled { 0. } else { weight_decay as f32 };
                (descent, 2)
            }
        }
    }
}
