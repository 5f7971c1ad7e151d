//! Dynamic string sampling (Freeman & Bruna 2017, docs/theory.md §4).

use std::ops::ControlFlow;

use candle_core::Tensor;
use collado_risk::{Objective, Path, Rows, Span, largest};
use tracing::{debug, info_span};

use super::search::{Connect, Connection, Guarantee, Search, StringReport, finite};
use crate::{Error, Optimizer, Result, Rule, Sampler};

/// The way in which the level λ of a string is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// The level λ itself.
    Risk(f64),
    /// The height of λ above the higher end.
    AboveEnds(f64),
    /// The height of λ above the higher end, as a share of that end's risk.
    Share(f64),
}

/// Dynamic string sampling (Freeman & Bruna 2017, algorithm 1): where a leg of the chain rises above the level λ, its
/// highest point becomes a bead, which is trained until $F<\alpha\lambda$; then both new legs are looked at, to the
/// depth limit.
///
/// The legs of one depth are looked at together, and their beads train as one stack with the same minibatches.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `level` | 5 % above the higher end | λ | |
/// | `alpha` | 0.95 | beads train until F < αλ | in (0, 1\] |
/// | `depth` | 6 | halvings of a leg at most | ≥ 1 |
/// | `epochs` | 60 | passes over the examples at most, for the beads of one depth | ≥ 1 |
/// | `batch` | 128 | minibatch, shared by the beads; 0 = all | |
/// | `lr` | 1e-3 | Adam's step size | > 0 |
/// | `probes` | 9 | points on a leg where the risk is looked at | ≥ 1 |
#[derive(Debug, Clone, Copy)]
pub struct Dss {
    /// The level λ.
    pub level: Level,
    /// The factor α: beads are trained until F < αλ.
    pub alpha: f64,
    /// The largest number of times that a leg is halved.
    pub depth: u64,
    /// The largest number of passes over the examples for the beads of one depth.
    pub epochs: u64,
    /// Number of examples in a minibatch; 0 means all examples.
    pub batch: usize,
    /// The step size of Adam.
    pub lr: f64,
    /// Number of points of a leg at which the risk is evaluated.
    pub probes: usize,
}

impl Default for Dss {
    fn default() -> Self {
        Self { level: Level::Share(0.05), alpha: 0.95, depth: 6, epochs: 60, batch: 128, lr: 1e-3, probes: 9 }
    }
}

/// The chain so far; `open[i]` says that the leg after vertex i is not known to be low.
struct BeadString {
    vertices: Vec<Tensor>,
    open: Vec<bool>,
}

impl Dss {
    /// Finds the string and reports on the search.
    ///
    /// # Errors
    /// When a setting is out of range, and the errors of the objective.
    pub fn string(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<(Path, StringReport)> {
        let _span = info_span!("connect", method = "dss", depth = self.depth).entered();
        self.check()?;
        let ends = Path::segment(a, b)?;
        let higher = largest(search.objective.risks(&Span::stack(ends.vertices())?)?);
        let level = match self.level {
            Level::Risk(level) => level,
            Level::AboveEnds(height) => higher + height,
            Level::Share(share) => higher * (1. + share),
        };
        if let Some(constant) = ends.constant()? {
            let report =
                StringReport { level, beads: 0, missed: 0, open_legs: 0, depth_limit_reached: false };
            return Ok((constant, report));
        }
        let mut string =
            BeadString { vertices: vec![ends.vertices().get(0)?, ends.vertices().get(1)?], open: vec![true] };
        let (mut missed, mut flow) = (0, ControlFlow::Continue(()));
        for depth in 0..self.depth {
            let Some(beads) = string.beads(search.objective, self.probes, level)? else { break };
            let trained;
            (trained, flow) = self.train(beads.points, level, depth, search)?;
            let risks = search.objective.risks(&Span::stack(&trained)?)?;
            if risks.iter().any(|risk| risk.is_nan()) {
                return Err(Error::Diverged { method: "dss" });
            }
            debug!(depth, beads = risks.len(), level, "beads trained");
            missed += risks.iter().filter(|risk| **risk > level).count();
            string.insert(&beads.legs, &trained)?;
            if flow.is_break() {
                break;
            }
        }
        let open_legs =
            string.beads(search.objective, self.probes, level)?.map_or(0, |beads| beads.legs.len());
        let beads = string.vertices.len() - 2;
        let report = StringReport {
            level,
            beads,
            missed,
            open_legs,
            depth_limit_reached: flow.is_continue() && open_legs > 0,
        };
        Ok((finite(Path::polychain(Tensor::stack(&string.vertices, 0)?)?, "dss")?, report))
    }

    /// Trains the beads of one depth `[B, S]`; those below αλ stay where they are. `Break` when the search was
    /// stopped.
    fn train(
        &self,
        start: Tensor,
        level: f64,
        depth: u64,
        search: &mut Search<'_>,
    ) -> Result<(Tensor, ControlFlow<()>)> {
        let done = start.copy()?;
        let (mut theta, mut rows): (_, Vec<usize>) = (start, (0..done.dims()[0]).collect());
        let mut optimizer = Optimizer::new(Rule::Adam { weight_decay: 0., decoupled: false }, &theta)?;
        let mut sampler =
            Sampler::new(search.seed.wrapping_add(depth), search.objective.examples(), self.batch);
        let per_epoch = sampler.steps_per_epoch();
        let total = self.depth * self.epochs * per_epoch;
        for epoch in 0..self.epochs {
            let (span, mut grad) = (Span::stack(&theta)?, theta.zeros_like()?);
            for step in epoch * per_epoch..(epoch + 1) * per_epoch {
                let batch = if sampler.is_full() { Rows::All } else { Rows::Shared(sampler.batch(step)) };
                search.objective.evaluate(&span, batch, Some(&mut grad))?;
                optimizer.step(&theta, &grad, self.lr)?;
            }
            let risks = search.objective.risks(&span)?;
            for (i, &row) in rows.iter().enumerate() {
                done.slice_set(&theta.narrow(0, i, 1)?.contiguous()?, 0, row)?;
            }
            let steps = (depth * self.epochs + epoch + 1) * per_epoch;
            let flow = search.progress.update(steps as f64 / total as f64);
            let kept: Vec<u32> = (0..rows.len())
                .filter(|&i| risks[i].is_nan() || risks[i] >= self.alpha * level)
                .map(|i| i as u32)
                .collect();
            if kept.is_empty() || flow.is_break() {
                return Ok((done, flow));
            }
            if kept.len() < rows.len() {
                let index = Tensor::from_slice(&kept, kept.len(), theta.device())?;
                theta = theta.index_select(&index, 0)?;
                optimizer.keep(&kept)?;
                rows = kept.iter().map(|&i| rows[i as usize]).collect();
            }
        }
        Ok((done, ControlFlow::Continue(())))
    }
}

/// The highest points `[B, S]` of the legs that rise above the level.
struct Beads {
    legs: Vec<usize>,
    points: Tensor,
}

impl BeadString {
    /// Evaluates all open legs at once and closes those that are low.
    fn beads(&mut self, objective: &dyn Objective, probes: usize, level: f64) -> Result<Option<Beads>> {
        let path = Path::polychain(Tensor::stack(&self.vertices, 0)?)?;
        let count = self.open.len();
        let legs: Vec<usize> = (0..count).filter(|&leg| self.open[leg]).collect();
        if legs.is_empty() {
            return Ok(None);
        }
        let t = |leg: usize, i: usize| (leg as f64 + (i + 1) as f64 / (probes + 1) as f64) / count as f64;
        let ts: Vec<f64> = legs.iter().flat_map(|&leg| (0..probes).map(move |i| t(leg, i))).collect();
        let risks = objective.risks(&path.span(&ts)?)?;
        let mut found = (Vec::new(), Vec::new());
        for (on, &leg) in risks.chunks_exact(probes).zip(&legs) {
            let top = (1..probes).fold(0, |best, i| if on[i] > on[best] { i } else { best });
            let highest = largest(on.iter().copied());
            self.open[leg] = highest.is_nan() || highest > level;
            if self.open[leg] {
                found.0.push(leg);
                found.1.push(t(leg, top));
            }
        }
        let (legs, ts) = found;
        if legs.is_empty() {
            return Ok(None);
        }
        Ok(Some(Beads { legs, points: path.span(&ts)?.materialize()?.copy()? }))
    }

    /// Puts a bead into each of `legs` (ascending); both halves are open.
    fn insert(&mut self, legs: &[usize], beads: &Tensor) -> Result<()> {
        for (i, &leg) in legs.iter().enumerate().rev() {
            self.vertices.insert(leg + 1, beads.get(i)?);
            self.open.insert(leg + 1, true);
        }
        Ok(())
    }
}

impl Connect for Dss {
    fn check(&self) -> Result<()> {
        if [self.depth, self.epochs, self.probes as u64].contains(&0) {
            let found = format!("{}, {} and {}", self.depth, self.epochs, self.probes);
            return Err(Error::Setting { name: "depth, epochs and probes", expected: "at least 1", found });
        }
        if !(self.lr > 0. && self.lr.is_finite() && self.alpha > 0. && self.alpha <= 1.) {
            let found = format!("lr {}, alpha {}", self.lr, self.alpha);
            return Err(Error::Setting {
                name: "lr and alpha",
                expected: "lr > 0 and alpha in (0, 1]",
                found,
            });
        }
        Ok(())
    }

    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection> {
        let (path, report) = self.string(a, b, search)?;
        Ok(Connection { path, guarantee: Guarantee::String(report) })
    }
}
