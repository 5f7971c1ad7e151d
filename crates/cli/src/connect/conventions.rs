//! The barrier of a path under both conventions for the statistics of batch normalisation.

use collado_risk::{Barrier, Statistics};
use serde::Serialize;

use crate::{
    failure::Failure,
    search::{Attempt, AttemptRunner},
    shown::risk,
};

/// The barrier with statistics of training rows, and with the running statistics of the files combined along the path.
/// The second convention gives much higher barriers between networks that are not alike, so both are reported.
#[derive(Serialize)]
pub(super) struct Conventions {
    population: Barrier,
    interpolate: Barrier,
    /// The risks of the ends with the files' own running statistics, below those by the chosen convention.
    ends_above_own: Risks,
}

/// The risks of the ends.
#[derive(Serialize)]
pub(super) struct Risks {
    pub(super) a: f64,
    pub(super) b: f64,
}

impl Conventions {
    /// Evaluates the path under both; `None` where the network has no batch normalisation.
    pub(super) fn of(runner: &AttemptRunner<'_>, best: &Attempt) -> Result<Option<Self>, Failure> {
        let Some(rule) = runner.task.statistics() else { return Ok(None) };
        let under = |wanted| match wanted == rule {
            true => Ok(best.profile.clone()),
            false => runner.under(wanted, &best.path),
        };
        let (population, interpolate) = (under(Statistics::Population)?, under(Statistics::Interpolate)?);
        let (chosen, own) = (best.profile.risks(), interpolate.risks());
        let last = (chosen.len() - 1, own.len() - 1);
        let ends_above_own = Risks { a: chosen[0] - own[0], b: chosen[last.0] - own[last.1] };
        let (population, interpolate) = (population.barrier(), interpolate.barrier());
        Ok(Some(Self { population, interpolate, ends_above_own }))
    }

    /// A line of text with both.
    pub(super) fn text(&self) -> String {
        let (population, interpolate) = (self.population.above_ends, self.interpolate.above_ends);
        format!(
            "batch statistics     above ends {} by population, {} by interpolate",
            risk(population),
            risk(interpolate)
        )
    }
}
