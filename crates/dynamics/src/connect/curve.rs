//! Curves whose bends are trained (Garipov et al. 2018, docs/theory.md §4).

use candle_core::Tensor;
use collado_risk::{Path, PathKind, Rows};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tracing::info_span;

use super::{
    ahead::Ahead,
    search::{Connect, Connection, Search, finite, refuse_infinite},
};
use crate::{Error, Optimizer, Result, Rule, Sampler, Schedule, schedule::Decay};

/// The kind of curve that the bends define.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveKind {
    /// A Bézier curve, with Bernstein weights.
    Bezier,
    /// A polygonal chain with equidistant knots.
    Polychain,
}

/// A curve whose bends $w_1..w_r$ minimise $E_{t\sim U(0,1)}F(\gamma(t))$ by stochastic gradients (Garipov et al.
/// 2018), several t a step, drawn one from each of as many equal parts of [0, 1].
///
/// On networks of 10 hidden layers one t a step left six times the barrier that two left after as many steps, and four
/// t left as much as one after half of the steps: hence two.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `kind` | Bézier | curve | |
/// | `bends` | 1 | bends r | ≥ 1 |
/// | `epochs` | 60 | passes over the examples | ≥ 1 |
/// | `batch` | 128 | minibatch, shared by the t of a step; 0 = all | |
/// | `lr` | 2e-3 | Adam's step size, with a cosine schedule | > 0 |
/// | `samples` | 2 | t in a step | ≥ 1 |
#[derive(Debug, Clone, Copy)]
pub struct Curve {
    /// The kind of curve.
    pub kind: CurveKind,
    /// Number of bends.
    pub bends: usize,
    /// Number of passes over the examples.
    pub epochs: u64,
    /// Number of examples in a minibatch; 0 means all examples.
    pub batch: usize,
    /// The step size of Adam.
    pub lr: f64,
    /// Number of points t that are drawn in each step.
    pub samples: usize,
}

impl Default for Curve {
    fn default() -> Self {
        Self { kind: CurveKind::Bezier, bends: 1, epochs: 60, batch: 128, lr: 2e-3, samples: 2 }
    }
}

impl Curve {
    /// A Bézier curve with `bends` bends and default settings.
    pub fn bezier(bends: usize) -> Self {
        Self { bends, ..Self::default() }
    }

    /// A polygonal chain with `bends` bends and default settings.
    pub fn polychain(bends: usize) -> Self {
        Self { kind: CurveKind::Polychain, bends, ..Self::default() }
    }

    /// Continues the training of `path`. A Bézier curve is first raised to the degree that [`bends`](Self::bends)
    /// require, which does not change the curve.
    ///
    /// # Errors
    /// When the path is of another kind, has more bends, or is a chain with fewer bends; and the errors of
    /// [`connect`](Connect::connect).
    pub fn refine(&self, path: &Path, search: &mut Search<'_>) -> Result<Path> {
        self.check()?;
        let path = match (self.kind, path.kind()) {
            (CurveKind::Bezier, PathKind::Bezier) => path.raised(self.bends + 1)?,
            (CurveKind::Polychain, PathKind::Polychain { .. }) => path.clone(),
            (_, kind) => {
                let found = format!("{kind:?}");
                return Err(Error::Setting { name: "path", expected: "a curve of the same kind", found });
            }
        };
        if path.vertices().dim(0)? != self.bends + 2 {
            let found = path.vertices().dim(0)?.saturating_sub(2).to_string();
            return Err(Error::Setting { name: "path", expected: "no more bends than the curve", found });
        }
        self.train(path, search)
    }

    /// The initial curve, which is the straight line.
    fn start(&self, a: &Tensor, b: &Tensor) -> Result<Path> {
        let line = Path::segment(a, b)?;
        let v = self.bends + 2;
        let ts: Vec<f64> = (0..v).map(|i| i as f64 / (v - 1) as f64).collect();
        let vertices = line.span(&ts)?.materialize()?;
        match self.kind {
            CurveKind::Bezier => Ok(Path::bezier(vertices)?),
            CurveKind::Polychain => Ok(Path::polychain(vertices)?),
        }
    }
}

impl Connect for Curve {
    fn check(&self) -> Result<()> {
        if self.bends == 0 || self.samples == 0 || self.epochs == 0 {
            let found = format!("{} bends, {} samples, {} epochs", self.bends, self.samples, self.epochs);
            return Err(Error::Setting { name: "bends, samples and epochs", expected: "at least 1", found });
        }
        if !(self.lr > 0. && self.lr.is_finite()) {
            return Err(Error::Setting {
                name: "lr",
                expected: "a finite number > 0",
                found: self.lr.to_string(),
            });
        }
        Ok(())
    }

    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection> {
        self.check()?;
        Ok(self.train(self.start(a, b)?, search)?.into())
    }
}

impl Curve {
    fn name(&self) -> &'static str {
        match self.kind {
            CurveKind::Bezier => "bezier",
            CurveKind::Polychain => "polychain",
        }
    }

    fn train(&self, path: Path, search: &mut Search<'_>) -> Result<Path> {
        let _span =
            info_span!("connect", method = self.name(), bends = self.bends, epochs = self.epochs).entered();
        if let Some(constant) = path.constant()? {
            return Ok(constant);
        }
        // A copy: training writes into it.
        let path = Path::new(path.kind().clone(), path.vertices().copy()?)?;
        let bends = path.vertices().narrow(0, 1, self.bends)?;
        let mut grad = bends.zeros_like()?;
        let mut optimizer = Optimizer::new(Rule::Adam { weight_decay: 0., decoupled: false }, &bends)?;
        let mut sampler = Sampler::new(search.seed, search.objective.examples(), self.batch);
        let mut rng = ChaCha8Rng::seed_from_u64(search.seed);
        let total = self.epochs * sampler.steps_per_epoch();
        let schedule = Schedule { decay: Decay::Cosine, warmup: 0 };
        let part = 1. / self.samples as f64;
        let mut draw =
            || -> Vec<f64> { (0..self.samples).map(|i| (i as f64 + rng.random::<f64>()) * part).collect() };
        let (mut step, mut chunks) = (0, 0);
        if let Some(ahead) = Ahead::new(search.objective, &path, self.bends, &sampler, &optimizer)? {
            while step < total {
                let end = total.min(step + ahead.stride);
                let sizes: Vec<f64> =
                    (step..end).map(|step| self.lr * schedule.factor(step, total)).collect();
                let coefficients: Vec<f64> =
                    sizes.iter().flat_map(|_| draw()).flat_map(|t| path.coefficients(t)).collect();
                ahead.go(&mut sampler, &mut optimizer, step, &sizes, &coefficients)?;
                chunks += 1;
                // To look means to wait, while the next steps could be prepared.
                if chunks % 8 == 0 && !path.is_finite()? {
                    return Err(Error::Diverged { method: self.name() });
                }
                step = end;
                if search.progress.update(step as f64 / total as f64).is_break() {
                    step = total;
                }
            }
        }
        for step in step..total {
            let span = path.span(&draw())?.with_free(1..self.bends + 1);
            let rows = if sampler.is_full() { Rows::All } else { Rows::Shared(sampler.batch(step)) };
            let values = search.objective.evaluate(&span, rows, Some(&mut grad))?;
            refuse_infinite(&values, self.name())?;
            // Adam does not see the scale of a gradient: the sum over t serves as their mean.
            optimizer.step(&bends, &grad, self.lr * schedule.factor(step, total))?;
            if search.progress.update((step + 1) as f64 / total as f64).is_break() {
                break;
            }
        }
        finite(path, self.name())
    }
}
