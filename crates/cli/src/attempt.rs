use std::{rc::Rc, time::Instant};

use collado_dynamics::{About, Found, Path, Problem, Profile, profile, profile_on};
use collado_models::{Objective, Rows};
use serde_json::{Value as Json, json};

use crate::{
    args::{ConnectArgs, Target},
    ends::{Alignment, Ends},
    failure::Failure,
    json::number,
    progress,
    task::Task,
};

/// One path that was tried.
pub(crate) struct Attempt {
    pub(crate) name: String,
    pub(crate) path: Path,
    pub(crate) about: About,
    pub(crate) alignment: Option<Rc<Alignment>>,
    pub(crate) profile: Profile,
    /// Training rows looked at.
    pub(crate) rows: usize,
    pub(crate) fit_seconds: f64,
    pub(crate) profile_seconds: f64,
}

/// What all attempts have in common.
pub(crate) struct Trials<'a> {
    pub(crate) args: &'a ConnectArgs,
    pub(crate) task: &'a Task,
    pub(crate) target: Option<Target>,
}

/// Numbers (points × examples × parameters) that a profile may read without a first look.
const CHEAP: usize = 20_000_000_000;
/// A first look takes so many points, and one example in so many, evenly picked.
const POINTS: usize = 25;
const ONE_IN: usize = 10;
/// A path that is at first sight so many times as high above its ends as the target allows is not looked at again.
const HOPELESS: f64 = 1.5;

impl Trials<'_> {
    /// Finds a path and looks at its risk: at some examples and points only, where there are many.
    pub(crate) fn attempt(
        &self,
        name: &str,
        ends: &Ends,
        find: impl FnOnce(&mut Problem<'_>) -> collado_dynamics::Result<Found>,
    ) -> Result<Attempt, Failure> {
        let bar = progress::bar(name, self.args.common.quiet);
        let start = Instant::now();
        let mut tell = |done: u64, total: u64| {
            bar.set_length(total);
            bar.set_position(done);
            !progress::interrupted()
        };
        let mut problem =
            Problem { objective: &self.task.train, seed: self.args.common.seed, progress: &mut tell };
        let found = find(&mut problem);
        bar.finish_and_clear();
        let Found { path, about } = found?;
        let fit_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let (profile, rows) = self.look(&path)?;
        let (name, alignment) = (name.to_owned(), ends.alignment.clone());
        let profile_seconds = start.elapsed().as_secs_f64();
        Ok(Attempt { name, path, about, alignment, profile, rows, fit_seconds, profile_seconds })
    }

    /// The profile, and the number of training rows that it is taken over.
    fn look(&self, path: &Path) -> Result<(Profile, usize), Failure> {
        let (examples, points) = (self.task.train.examples(), self.args.points);
        let size = path.vertices().dims()[1];
        if points.saturating_mul(examples).saturating_mul(size) <= CHEAP {
            return Ok((self.profile(path)?, examples));
        }
        let rows: Vec<u32> = (0..examples as u32).step_by(ONE_IN).collect();
        let profile = profile_on(path, points.min(POINTS), &self.task.train, Rows::Shared(&rows))?;
        Ok((profile, rows.len()))
    }

    fn profile(&self, path: &Path) -> Result<Profile, Failure> {
        let test = self.task.test.as_ref().map(|t| t as &dyn Objective);
        Ok(profile(path, self.args.points, &self.task.train, test)?)
    }

    /// Looks at all points and rows, and at the test rows, if that was not done before.
    pub(crate) fn complete(&self, attempt: &mut Attempt) -> Result<(), Failure> {
        if attempt.rows < self.task.train.examples() {
            let start = Instant::now();
            attempt.profile = self.profile(&attempt.path)?;
            attempt.rows = self.task.train.examples();
            attempt.profile_seconds += start.elapsed().as_secs_f64();
        }
        Ok(())
    }

    /// Whether the path may meet the target, by a first look.
    pub(crate) fn is_promising(&self, attempt: &Attempt) -> bool {
        self.target.is_some_and(|t| attempt.above_ends() <= HOPELESS * t.bound(attempt.higher_end()))
    }

    /// Whether the target is met, as far as was looked; a barrier that is NaN meets none.
    pub(crate) fn met(&self, attempt: &Attempt) -> bool {
        self.target.is_some_and(|t| attempt.above_ends() <= t.bound(attempt.higher_end()))
    }

    /// The lowest of several paths, looked at in all points and rows.
    pub(crate) fn lowest(&self, attempts: &mut [Attempt]) -> Result<usize, Failure> {
        loop {
            let lowest = (0..attempts.len())
                .min_by(|&i, &j| attempts[i].above_ends().total_cmp(&attempts[j].above_ends()));
            let i = lowest.ok_or_else(|| Failure::new("no path was found"))?;
            if attempts[i].rows == self.task.train.examples() {
                return Ok(i);
            }
            self.complete(&mut attempts[i])?;
        }
    }
}

impl Attempt {
    pub(crate) fn above_ends(&self) -> f64 {
        self.profile.barrier().above_ends
    }

    /// The risk at the higher end.
    pub(crate) fn higher_end(&self) -> f64 {
        let risks = self.profile.risks();
        risks[0].max(risks[risks.len() - 1])
    }

    pub(crate) fn json(&self) -> Json {
        json!({
            "method": self.name,
            "above_ends": number(self.above_ends()),
            "points": self.profile.t.len(),
            "rows": self.rows,
            "seconds": number(self.fit_seconds),
        })
    }
}
