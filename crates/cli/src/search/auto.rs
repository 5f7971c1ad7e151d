//! `connect --method auto`: tries methods from the cheapest to the most expensive, until a path meets the target.

use candle_core::Tensor;
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

/// The least number of steps of the first curve, and of passes over the examples.
const STEPS: u64 = 2000;
const EPOCHS: u64 = 5;

/// Makes the attempts in order, until one meets the target.
pub(crate) fn attempts(runner: &AttemptRunner<'_>, ends: &Ends) -> Result<Attempts, Failure> {
    let mut auto = AutoSearch { runner, ends: ends.clone(), tried: Attempts::default() };
    let _ = auto.lines()? || auto.theorems()? || auto.curves()? || auto.band()?;
    Ok(auto.tried)
}

/// The whole list of methods as one method, which finds the lowest path between two points.
pub(crate) struct AutoConnector<'a>(pub(crate) AttemptRunner<'a>);

impl Connect for AutoConnector<'_> {
    fn find(&self, a: &Tensor, b: &Tensor, search: &mut Search<'_>) -> Result<Connection, Error> {
        let ends = Ends { a: a.clone(), b: b.clone(), alignment: None };
        let mut lowest = || {
            let mut tried = attempts(&self.0, &ends)?.found;
            let lowest = self.0.lowest(&mut tried)?;
            // So that the caller learns of an interruption, too: the path would be one that was given up.
            let _ = search.progress.update(1.);
            Ok::<_, Failure>(tried.swap_remove(lowest).path.into())
        };
        lowest().map_err(|failure| Error::Method(failure.to_string()))
    }
}

struct AutoSearch<'a> {
    runner: &'a AttemptRunner<'a>,
    /// The ends, with the alignment whose straight line is lowest.
    ends: Ends,
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

    /// Tries the straight lines to B and to the aligned B.
    fn lines(&mut self) -> Result<bool, Failure> {
        let start = self.ends.clone();
        let straight = self
            .runner
            .attempt("linear", &start, self.runner.line_points(), |p| Linear.find(&start.a, &start.b, p))?;
        let mut lowest = straight.above_ends();
        if self.keep(straight) {
            return Ok(true);
        }
        let ways = match self.runner.align {
            None => vec![AlignBy::Activations, AlignBy::Weights],
            Some(AlignBy::None) => vec![],
            Some(way) => vec![way],
        };
        for way in ways {
            let Some(ends) = self.aligned(&start, way)? else { continue };
            let name = format!("linear, aligned by {}", ends.alignment.as_ref().map_or("none", |a| a.by));
            let mut outcome =
                self.runner.attempt(&name, &ends, ALIGNED, |p| Linear.find(&ends.a, &ends.b, p))?;
            if let Outcome::Connected(attempt) = &mut outcome {
                attempt.fit_seconds += ends.alignment.as_ref().map_or(0., |a| a.seconds);
            }
            if outcome.above_ends().total_cmp(&lowest).is_lt() {
                (lowest, self.ends) = (outcome.above_ends(), ends);
                info!(name, "alignment of what follows");
            }
            if self.keep(outcome) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Aligns B; the result is `None` where rounding errors prevent it.
    fn aligned(&self, ends: &Ends, by: AlignBy) -> Result<Option<Ends>, Failure> {
        match ends.align(by, self.runner.task, self.runner.common) {
            Err(Error::Models(collado_models::Error::Symmetry { .. })) => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// Tries the explicit paths of the theorems, where their hypotheses hold.
    fn theorems(&mut self) -> Result<bool, Failure> {
        let task = self.runner.task;
        let known: [(&str, Box<dyn Connect>); 2] = [
            ("deep-linear", Box::new(DeepLinear::new(&task.train))),
            ("constructive", Box::new(methods::constructive(task))),
        ];
        for (name, method) in known {
            let ends = self.ends.clone();
            let mut silent = false;
            let attempt = self.runner.attempt(name, &ends, OTHER, |search| {
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
    fn curves(&mut self) -> Result<bool, Failure> {
        let search = self.runner.search;
        let first = search.epochs(self.runner.task, STEPS, EPOCHS);
        let mut path: Option<Path> = None;
        for (more, epochs) in [(0, first), (2, 2 * first), (4, 2 * first)] {
            let (kind, bends) = (CurveKind::Bezier, search.bends() + more);
            let (batch, lr) = (search.batch(), search.lr());
            let curve = Curve { kind, bends, epochs, batch, lr, ..Curve::default() };
            let ends = self.ends.clone();
            let attempt =
                self.runner.attempt(&methods::curve_name("bezier", bends), &ends, OTHER, |search| {
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

    fn band(&mut self) -> Result<bool, Failure> {
        let search = self.runner.search;
        let epochs = search.epochs(self.runner.task, 2 * STEPS, 2 * EPOCHS);
        let band = Neb { epochs, batch: search.batch(), lr: search.lr(), ..Neb::default() };
        let ends = self.ends.clone();
        let attempt = self.runner.attempt("neb", &ends, OTHER, |p| band.find(&ends.a, &ends.b, p))?;
        Ok(self.keep(attempt))
    }
}
