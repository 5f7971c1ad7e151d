//! `connect --method auto`: tries methods from the cheapest to the most expensive, until a path meets the target. Paths
//! to B itself come first; paths to copies of B that compute the same function are tried beside them.

use candle_core::{DType, Tensor};
use collado_dynamics::{
    Connect, Connection, Curve, CurveKind, DeepLinear, Error, Guarantee, Linear, Neb, Search,
};
use collado_risk::Path;
use tracing::info;

use super::{
    attempt::{AttemptRunner, Attempts, Outcome},
    ends::Ends,
    flags::AlignBy,
    methods,
};
use crate::{failure::Failure, progress};

/// Number of points that are evaluated first: on aligned lines, which are highest in the middle, and on other paths.
const ALIGNED: usize = 3;
const OTHER: usize = 5;

/// Number of bends of the first curve. On a pair of MNIST, one bend left five times the barrier that is allowed where two
/// left none after as many steps.
const BENDS: usize = 2;
/// The least number of steps of the first curve, and of passes over the examples.
const STEPS: u64 = 1500;
const EPOCHS: u64 = 5;
/// The step size of curves between dense networks of K layers: this share over √K of the ends' distance, in the root mean
/// square over the coordinates. A step of Adam moves every coordinate by about the step size, whatever the scale of the
/// risk, so that only the distance says what is far; and what K layers change adds up. On the digits pair (here .0095)
/// .005 needed 2 000 steps for the barrier that .01 left after 1 500; on ten hidden layers (here .0023) .005 left .022 after
/// four passes over MNIST, .0026 left .0058, and .002 left .0007 after five.
const SHARE: f64 = 0.1;

/// Makes the attempts in order: to B until one meets the target, then up to symmetry.
pub(crate) fn attempts(runner: &AttemptRunner<'_>, ends: &Ends) -> Result<Attempts, Failure> {
    let mut auto = AutoSearch { runner, tried: Attempts::default() };
    if auto.line(ends)? {
        return Ok(auto.tried);
    }
    let reached = auto.theorems(ends)? || auto.curves(ends)? || auto.band(ends)?;
    auto.up_to_symmetry(ends, reached)?;
    Ok(auto.tried)
}

/// The whole list of methods as one method, which finds the lowest path between two points.
pub(crate) struct AutoConnector<'a>(pub(crate) AttemptRunner<'a>);

impl Connect for AutoConnector<'_> {
    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection, Error> {
        let ends = Ends { a: a.clone(), b: b.clone(), buffers: [None, None], alignment: None };
        let mut lowest = || {
            let mut tried = attempts(&self.0, &ends)?.found;
            let best = self.0.best(&mut tried)?;
            // So that the caller learns of an interruption, too: the path would be one that was given up.
            let _ = search.progress.update(1.);
            Ok::<_, Failure>(tried.swap_remove(best).path.into())
        };
        lowest().map_err(|failure| Error::Method(failure.to_string()))
    }
}

struct AutoSearch<'a> {
    runner: &'a AttemptRunner<'a>,
    tried: Attempts,
}

impl AutoSearch<'_> {
    /// Keeps an attempt, and returns whether it was the last.
    fn keep(&mut self, outcome: Outcome) -> bool {
        let met = match outcome {
            Outcome::Diverged(search) => {
                self.tried.diverged.push(search);
                false
            }
            Outcome::Connected(attempt) => {
                let met = self.runner.met(&attempt);
                self.tried.found.push(*attempt);
                met
            }
        };
        met || progress::interrupted()
    }

    /// Tries the straight line.
    fn line(&mut self, ends: &Ends) -> Result<bool, Failure> {
        let few = self.runner.line_points();
        let line = self.runner.attempt("linear", ends, few, |p| Linear.find(&ends.a, &ends.b, p))?;
        Ok(self.keep(line))
    }

    /// Tries what ends at a copy of B: the straight lines to the aligned B, for comparison, and curves from the lowest
    /// of them where no path has `reached` B.
    fn up_to_symmetry(&mut self, ends: &Ends, reached: bool) -> Result<(), Failure> {
        let ways = match self.runner.align {
            None => vec![AlignBy::Activations, AlignBy::Weights],
            Some(AlignBy::None) => vec![],
            Some(way) => vec![way],
        };
        let mut lowest: Option<(f64, Ends)> = None;
        let mut met = false;
        for way in ways {
            if progress::interrupted() {
                return Ok(());
            }
            let Some(near) = self.aligned(ends, way)? else { continue };
            let name = near.attempt("linear");
            let mut outcome =
                self.runner.attempt(&name, &near, ALIGNED, |p| Linear.find(&near.a, &near.b, p))?;
            if let Outcome::Connected(attempt) = &mut outcome {
                attempt.fit_seconds += near.alignment.as_ref().map_or(0., |a| a.seconds);
            }
            let height = outcome.above_ends();
            met |= self.keep(outcome);
            if lowest.as_ref().is_none_or(|(least, _)| height.total_cmp(least).is_lt()) {
                lowest = Some((height, near));
            }
        }
        match lowest {
            Some((_, near)) if !(reached || met) => {
                info!(alignment = near.attempt("linear"), "curves up to symmetry");
                self.curves(&near).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Aligns B; the result is `None` where rounding errors prevent it.
    fn aligned(&self, ends: &Ends, by: AlignBy) -> Result<Option<Ends>, Failure> {
        match ends.align(by, self.runner.task, self.runner.common) {
            Err(Error::Models(collado_models::Error::Symmetry { .. })) => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// Tries the explicit paths of the theorems, where their hypotheses hold.
    fn theorems(&mut self, ends: &Ends) -> Result<bool, Failure> {
        let task = self.runner.task;
        if !task.arch.is_dense() {
            return Ok(false);
        }
        let known: [(&str, Box<dyn Connect>); 2] = [
            ("deep-linear", Box::new(DeepLinear::new(&task.train))),
            ("constructive", Box::new(methods::constructive(task))),
        ];
        for (name, method) in known {
            let mut silent = false;
            let attempt = self.runner.attempt(name, ends, OTHER, |search| {
                let found = method.find(&ends.a, &ends.b, search);
                silent = matches!(found, Err(Error::Hypothesis { .. }));
                found
            });
            if !silent && self.keep(attempt?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tries Bézier curves. Each starts from the one before, with two more bends and twice the training.
    fn curves(&mut self, ends: &Ends) -> Result<bool, Failure> {
        let search = self.runner.search;
        let first = search.epochs(self.runner.task, STEPS, EPOCHS);
        let (batch, lr) = (search.batch(), self.step_size(ends)?);
        info!(lr, "step size of the curves");
        let mut path: Option<Path> = None;
        for (more, epochs) in [(0, first), (2, 2 * first), (4, 2 * first)] {
            let (kind, bends) = (CurveKind::Bezier, search.bends.unwrap_or(BENDS) + more);
            let curve = Curve { kind, bends, epochs, batch, lr, ..Curve::default() };
            let name = ends.attempt(&methods::curve_name("bezier", bends));
            let attempt = self.runner.attempt(&name, ends, OTHER, |search| {
                let path = match &path {
                    None => curve.find(&ends.a, &ends.b, search)?.path,
                    Some(path) => curve.refine(path, search)?,
                };
                Ok(Connection { path, guarantee: Guarantee::Sampled })
            })?;
            // The next starts where this one ended, or afresh where this one went astray.
            if let Outcome::Connected(attempt) = &attempt {
                path = Some(attempt.path.clone());
            }
            if self.keep(attempt) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The step size that was asked for, or one in proportion to the distance of the ends.
    fn step_size(&self, ends: &Ends) -> Result<f64, Failure> {
        let (search, task) = (self.runner.search, self.runner.task);
        if search.lr.is_some() || !task.arch.is_dense() {
            return Ok(search.lr());
        }
        let mean_square: f64 = (&ends.a - &ends.b)?.to_dtype(DType::F64)?.sqr()?.mean_all()?.to_scalar()?;
        let lr = SHARE * (mean_square / task.arch.depth() as f64).sqrt();
        // Between equal ends there is nothing to search for, and beyond the range of f32 no step is of use.
        Ok(if lr > 0. && lr.is_finite() { lr } else { search.lr() })
    }

    fn band(&mut self, ends: &Ends) -> Result<bool, Failure> {
        let search = self.runner.search;
        let epochs = search.epochs(self.runner.task, 2 * STEPS, 2 * EPOCHS);
        let band = Neb { epochs, batch: search.batch(), lr: search.lr(), ..Neb::default() };
        let attempt = self.runner.attempt("neb", ends, OTHER, |p| band.find(&ends.a, &ends.b, p))?;
        Ok(self.keep(attempt))
    }
}
