//! Attempts to find a path: each is a path with its profile, or the reason why there is none.

use std::{rc::Rc, time::Instant};

use collado_dynamics::{Connection, Error, Guarantee, Search};
use collado_risk::{Objective, Path, Profile, Statistics, profile};
use tracing::info;

use super::{
    ends::{Alignment, End, Ends},
    flags::{AlignBy, SearchArgs, Target},
    saved_attempts::SavedAttempts,
};
use crate::{args::Common, failure::Failure, progress, task::Task};

/// One path that was found, with its profile.
pub(crate) struct Attempt {
    pub(crate) name: String,
    pub(crate) path: Path,
    pub(crate) guarantee: Guarantee,
    pub(crate) alignment: Option<Rc<Alignment>>,
    pub(crate) profile: Profile,
    /// Whether the risk was evaluated at all points.
    pub(crate) complete: bool,
    pub(crate) fit_seconds: f64,
    pub(crate) profile_seconds: f64,
}

/// The outcome of an attempt.
pub(crate) enum Outcome {
    Connected(Box<Attempt>),
    Diverged(Diverged),
}

impl Outcome {
    /// The barrier above the ends; NaN where there is no path.
    pub(crate) fn above_ends(&self) -> f64 {
        match self {
            Self::Connected(attempt) => attempt.above_ends(),
            Self::Diverged(_) => f64::NAN,
        }
    }
}

/// A search that diverged, so that there is no path.
pub(crate) struct Diverged {
    pub(crate) name: String,
    pub(crate) end: End,
    /// The reason in words.
    pub(crate) reason: String,
    pub(crate) seconds: f64,
}

/// All attempts of a command.
#[derive(Default)]
pub(crate) struct Attempts {
    pub(crate) found: Vec<Attempt>,
    pub(crate) diverged: Vec<Diverged>,
}

/// The context that all attempts share.
pub(crate) struct AttemptRunner<'a> {
    pub(crate) common: &'a Common,
    pub(crate) search: &'a SearchArgs,
    /// The alignment of B that `auto` tries beside B itself; both kinds if it is `None`.
    pub(crate) align: Option<AlignBy>,
    /// Number of points of a profile.
    pub(crate) points: usize,
    pub(crate) task: &'a Task,
    pub(crate) target: Option<Target>,
    /// The place where finished attempts are kept.
    pub(crate) kept: Option<&'a SavedAttempts<'a>>,
}

/// The size (points × examples × parameters) up to which a profile is evaluated at all points at once, without
/// evaluating fewer points first.
const CHEAP: usize = 20_000_000_000;
/// The same limit for the straight line, which is drawn beside a path.
const LINE: usize = 5 * CHEAP;

impl AttemptRunner<'_> {
    /// Finds a path and evaluates its risk: first at `few` points if there are many examples, and at all points only if
    /// the target may be met. (The highest risk at fewer points is not higher, so a target missed there is missed.)
    ///
    /// A search that ends where the risk is not finite has diverged. The straight line is not searched for, so it may
    /// lead through such points.
    pub(crate) fn attempt(
        &self,
        name: &str,
        ends: &Ends,
        few: usize,
        find: impl FnOnce(&mut Search<'_>) -> collado_dynamics::Result<Connection>,
    ) -> Result<Outcome, Failure> {
        let begin = Instant::now();
        let diverged = |reason| {
            let (name, seconds) = (name.to_owned(), begin.elapsed().as_secs_f64());
            Ok(Outcome::Diverged(Diverged { name, end: ends.end(), reason, seconds }))
        };
        let (Connection { path, guarantee }, fit_seconds) = match self.find(name, find)? {
            Ok(found) => found,
            Err(reason) => {
                info!(name, reason, "diverged");
                return diverged(reason);
            }
        };
        let path = self.task.with_running_statistics(path, &ends.buffers)?;
        let start = Instant::now();
        let points = self.points;
        let complete = points.saturating_mul(self.numbers()) <= CHEAP || few >= points;
        let profile = if complete { self.profile(&path)? } else { self.look(&path, few, None)? };
        let (name, alignment) = (name.to_owned(), ends.alignment.clone());
        let profile_seconds = start.elapsed().as_secs_f64();
        let mut attempt =
            Attempt { name, path, guarantee, alignment, profile, complete, fit_seconds, profile_seconds };
        let risks = attempt.profile.risks();
        if !attempt.is_line() && risks.iter().any(|risk| !risk.is_finite()) {
            let error = Error::Diverged { method: "the search" };
            return diverged(error.to_string());
        }
        let met = self.met(&attempt);
        info!(name = attempt.name, above_ends = attempt.above_ends(), met, seconds = fit_seconds, "attempt");
        if met {
            self.complete(&mut attempt)?;
        }
        Ok(Outcome::Connected(Box::new(attempt)))
    }

    /// The size (examples × parameters) of an evaluation at one point.
    fn numbers(&self) -> usize {
        self.task.train.examples().saturating_mul(self.task.arch.layout().len())
    }

    /// Number of points of the straight line that are evaluated first: enough for a picture, if that is cheap.
    pub(crate) fn line_points(&self) -> usize {
        (LINE / self.numbers().max(1)).clamp(9, 25)
    }

    /// Finds a path, or takes it from an earlier run, and returns the seconds that finding it took. The inner error is
    /// the reason why there is no path.
    fn find(
        &self,
        name: &str,
        find: impl FnOnce(&mut Search<'_>) -> collado_dynamics::Result<Connection>,
    ) -> Result<Result<(Connection, f64), String>, Failure> {
        if let Some((mut found, seconds)) = self.kept.map(|k| k.read(name)).transpose()?.flatten() {
            found.path =
                Path::new(found.path.kind().clone(), found.path.vertices().to_device(&self.task.device)?)?;
            info!(name, seconds, "path of an earlier run");
            return Ok(Ok((found, seconds)));
        }
        let bar = progress::bar(name, self.common.quiet);
        let start = Instant::now();
        let mut tell = progress::shares(&bar);
        // Bends have no running statistics while they are searched for.
        let interpolates = self.task.statistics() == Some(Statistics::Interpolate);
        let recomputing = self.task.train.clone().with_statistics(Statistics::Population);
        let objective = if interpolates { &recomputing } else { &self.task.train };
        let mut search = Search { objective, seed: self.common.seed, progress: &mut tell };
        let found = find(&mut search);
        bar.finish_and_clear();
        let (found, seconds) = match found {
            // Where numbers overflow, no iteration converges.
            Err(error @ (Error::Diverged { .. } | Error::Numerics(_))) => return Ok(Err(error.to_string())),
            found => (found?, start.elapsed().as_secs_f64()),
        };
        // A path that was given up half-way is not finished.
        if let Some(kept) = self.kept.filter(|_| !progress::interrupted()) {
            kept.write(name, &found, seconds)?;
        }
        Ok(Ok((found, seconds)))
    }

    /// The profile of a path under another rule for the statistics.
    pub(crate) fn under(&self, rule: Statistics, path: &Path) -> Result<Profile, Failure> {
        let train = self.task.train.clone().with_statistics(rule);
        Ok(profile(path, self.points, &train, None)?)
    }

    fn profile(&self, path: &Path) -> Result<Profile, Failure> {
        let test = self.task.test.as_ref().map(|t| t as &dyn Objective);
        self.look(path, self.points, test)
    }

    fn look(&self, path: &Path, points: usize, test: Option<&dyn Objective>) -> Result<Profile, Failure> {
        let clock = progress::clock(&format!("risk at {points} points"), self.common.quiet);
        let profile = profile(path, points, &self.task.train, test);
        clock.finish_and_clear();
        Ok(profile?)
    }

    /// Evaluates all points, and the test rows, if that was not done before.
    pub(crate) fn complete(&self, attempt: &mut Attempt) -> Result<(), Failure> {
        if !attempt.complete {
            let start = Instant::now();
            attempt.profile = self.profile(&attempt.path)?;
            attempt.complete = true;
            attempt.profile_seconds += start.elapsed().as_secs_f64();
        }
        Ok(())
    }

    /// Whether the target is met at the evaluated points; a barrier that is NaN meets no target.
    pub(crate) fn met(&self, attempt: &Attempt) -> bool {
        self.target.is_some_and(|t| attempt.above_ends() <= t.bound(attempt.higher_end()))
    }

    /// The path that answers the question: the lowest to B; only where none of these meets the target, and one that
    /// ends up to symmetry does, the lowest of those. It is evaluated at all points.
    pub(crate) fn best(&self, attempts: &mut [Attempt]) -> Result<usize, Failure> {
        let to_b = self.lowest(attempts, End::B)?.ok_or_else(|| Failure::new("no path was found"))?;
        if self.target.is_none() || self.met(&attempts[to_b]) {
            return Ok(to_b);
        }
        let near = self.lowest(attempts, End::UpToSymmetry)?;
        Ok(near.filter(|&i| self.met(&attempts[i])).unwrap_or(to_b))
    }

    /// The lowest of the paths with that end, evaluated at all points.
    fn lowest(&self, attempts: &mut [Attempt], end: End) -> Result<Option<usize>, Failure> {
        loop {
            let lowest = (0..attempts.len())
                .filter(|&i| attempts[i].end() == end)
                .min_by(|&i, &j| attempts[i].above_ends().total_cmp(&attempts[j].above_ends()));
            match lowest {
                Some(i) if !attempts[i].complete => self.complete(&mut attempts[i])?,
                lowest => return Ok(lowest),
            }
        }
    }
}

impl Attempt {
    /// The point at which the path ends.
    pub(crate) fn end(&self) -> End {
        if self.alignment.is_some() { End::UpToSymmetry } else { End::B }
    }

    /// Whether the path is the straight line.
    pub(crate) fn is_line(&self) -> bool {
        self.name.starts_with("linear")
    }

    pub(crate) fn above_ends(&self) -> f64 {
        self.profile.barrier().above_ends
    }

    /// The risk at the higher end.
    pub(crate) fn higher_end(&self) -> f64 {
        let risks = self.profile.risks();
        risks[0].max(risks[risks.len() - 1])
    }
}
