//! The nudged elastic band with automatic insertion of pivots (docs/theory.md §4).

mod band;

use std::ops::ControlFlow;

use candle_core::Tensor;
use collado_risk::{Objective, Path, PathKind, Rows, Span, largest};
use tracing::{debug, info_span};

use self::band::Band;
use super::search::{Connect, Connection, Guarantee, Search, finite, refuse_infinite};
use crate::{Error, Optimizer, Result, Rule, Sampler, Schedule, schedule::Decay};

/// A chain whose pivots relax perpendicular to the path (nudged elastic band: Henkelman & Jónsson 2000, with their
/// improved tangents; for networks Draxler et al. 2018), starting from the straight line. In place of springs the
/// pivots are put back to fixed shares of the arc length. Between cycles pivots are inserted where the risk on a leg
/// exceeds the line between its pivots (AutoNEB).
///
/// All pivots are one stack and see the same minibatch, so that their risks, which decide the tangents, compare.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `pivots` | 5 | pivots between the ends at the start | ≥ 1 |
/// | `max_pivots` | 30 | pivots at most | ≥ `pivots` |
/// | `cycles` | 4 | relaxations, with insertions between them | ≥ 1 |
/// | `epochs` | 60 | passes over the examples, in all cycles together | ≥ 1 |
/// | `batch` | 128 | minibatch, shared by all pivots; 0 = all | |
/// | `lr` | 2e-3 | Adam's step size, with a cosine schedule in each cycle | > 0 |
/// | `respace` | 10 | steps from one spacing to the next | ≥ 1 |
/// | `probes` | 3 | points on a leg where the risk is looked at | ≥ 1 |
/// | `insert_above` | 0.2 | least excess over the leg's line for an insertion, as a share of the path's height above its ends | ≥ 0 |
#[derive(Debug, Clone, Copy)]
pub struct Neb {
    /// Number of pivots between the ends at the start.
    pub pivots: usize,
    /// The largest number of pivots.
    pub max_pivots: usize,
    /// Number of relaxations, with insertions of pivots between them.
    pub cycles: u64,
    /// Number of passes over the examples, in all cycles together.
    pub epochs: u64,
    /// Number of examples in a minibatch; 0 means all examples.
    pub batch: usize,
    /// The step size of Adam.
    pub lr: f64,
    /// Number of steps after which the pivots are spaced evenly again.
    pub respace: u64,
    /// Number of points of a leg at which the risk is evaluated.
    pub probes: usize,
    /// The least excess of the risk over the leg's line for an insertion, as a share of the path's height above its
    /// ends.
    pub insert_above: f64,
}

impl Default for Neb {
    fn default() -> Self {
        Self {
            pivots: 5,
            max_pivots: 30,
            cycles: 4,
            epochs: 60,
            batch: 128,
            lr: 2e-3,
            respace: 10,
            probes: 3,
            insert_above: 0.2,
        }
    }
}

impl Neb {
    /// Relaxes the band for `steps` steps from step `first` on. `Break` when the search was stopped.
    fn relax(
        &self,
        band: &mut Band,
        run: &mut Run<'_, '_>,
        first: u64,
        steps: u64,
    ) -> Result<ControlFlow<()>> {
        let pivots = band.pivots()?;
        let mut grad = pivots.zeros_like()?;
        let mut optimizer = Optimizer::new(Rule::Adam { weight_decay: 0., decoupled: false }, &pivots)?;
        let schedule = Schedule { decay: Decay::Cosine, warmup: 0 };
        let span = Span::stack(band.vertices())?.with_free(1..pivots.dims()[0] + 1);
        for step in 0..steps {
            let rows =
                if run.sampler.is_full() { Rows::All } else { Rows::Shared(run.sampler.batch(first + step)) };
            let values = run.search.objective.evaluate(&span, rows, Some(&mut grad))?;
            refuse_infinite(&values, "neb")?;
            let risks: Vec<f64> = values.iter().map(|v| v.risk).collect();
            band.nudge(&risks, &grad)?;
            optimizer.step(&pivots, &grad, self.lr * schedule.factor(step, steps))?;
            if (step + 1) % self.respace == 0 || step + 1 == steps {
                band.respace()?;
            }
            let flow = run.search.progress.update((first + step + 1) as f64 / run.total as f64);
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Inserts pivots where the risk of a leg rises above its line. Returns `false` when the path is not above its
    /// ends, so that there is nothing to gain.
    fn insert(&self, band: &mut Band, objective: &dyn Objective) -> Result<bool> {
        let per_leg = self.probes + 1;
        let knots = band.knots().to_vec();
        let ts: Vec<f64> = knots
            .windows(2)
            .flat_map(|k| (0..per_leg).map(move |i| k[0] + (k[1] - k[0]) * i as f64 / per_leg as f64))
            .chain([1.])
            .collect();
        let risks = objective.risks(&band.path()?.span(&ts)?)?;
        let height = largest(risks.iter().copied()) - largest([risks[0], risks[risks.len() - 1]]);
        if height <= 0. {
            return Ok(false);
        }
        let mut found = Vec::new();
        for leg in 0..knots.len() - 1 {
            let on = &risks[leg * per_leg..=(leg + 1) * per_leg];
            let excess = |i: usize| {
                let s = i as f64 / per_leg as f64;
                on[i] - (1. - s) * on[0] - s * on[per_leg]
            };
            let top = (2..per_leg).fold(1, |best, i| if excess(i) > excess(best) { i } else { best });
            if excess(top) > self.insert_above * height {
                found.push((excess(top), ts[leg * per_leg + top]));
            }
        }
        // The largest first, as far as there is room.
        found.sort_by(|x, y| y.0.total_cmp(&x.0));
        found.truncate(self.max_pivots.saturating_sub(knots.len() - 2));
        debug!(inserted = found.len(), height, "pivots where the band is highest");
        band.insert(found.into_iter().map(|(_, t)| t))?;
        Ok(true)
    }

    fn search(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Band> {
        self.check()?;
        let mut band = Band::straight(a, b, self.pivots)?;
        let sampler = Sampler::new(search.seed, search.objective.examples(), self.batch);
        let total = (self.epochs * sampler.steps_per_epoch()).max(self.cycles);
        let mut run = Run { search, sampler, total };
        for cycle in 0..self.cycles {
            let (first, end) = (cycle * total / self.cycles, (cycle + 1) * total / self.cycles);
            let flow = self.relax(&mut band, &mut run, first, end - first)?;
            let last = cycle + 1 == self.cycles;
            if flow.is_break() || last || !self.insert(&mut band, run.search.objective)? {
                break;
            }
        }
        Ok(band)
    }
}

/// The state that one search needs in each step.
struct Run<'a, 'b> {
    search: &'a mut Search<'b>,
    sampler: Sampler,
    total: u64,
}

impl Connect for Neb {
    fn check(&self) -> Result<()> {
        let counts = [self.pivots as u64, self.cycles, self.epochs, self.respace, self.probes as u64];
        if counts.contains(&0) {
            let found = format!("{counts:?}");
            return Err(Error::Setting {
                name: "pivots, cycles, epochs, respace, probes",
                expected: "at least 1",
                found,
            });
        }
        if !(self.lr > 0. && self.lr.is_finite()) {
            let found = self.lr.to_string();
            return Err(Error::Setting { name: "lr", expected: "a finite number > 0", found });
        }
        Ok(())
    }

    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection> {
        let _span = info_span!("connect", method = "neb", cycles = self.cycles).entered();
        let path = match Path::segment(a, b)?.constant()? {
            Some(constant) => constant,
            None => finite(self.search(a, b, search)?.path()?, "neb")?,
        };
        let guarantee = Guarantee::Band { pivots: path.vertices().dims()[0] - 2 };
        Ok(Connection { path, guarantee })
    }
}

impl Band {
    /// The band as a path whose knots are the pivots' shares of the arc length.
    fn path(&self) -> Result<Path> {
        Ok(Path::new(PathKind::Polychain { knots: self.knots().to_vec() }, self.vertices().clone())?)
    }
}
