//! The result of `collado connect`.

use collado_certify::Certificate;
use collado_risk::{Barrier, Profile, largest};
use serde::Serialize;

use super::conventions::{Conventions, Risks};
use crate::{
    align::Alignment,
    certify::Certified,
    search::{Attempt, Attempts, Diverged, End, GuaranteeRecord},
};

/// The result of `connect`: the best path, and all that was tried.
#[derive(Serialize)]
pub(super) struct Summary {
    pub(super) barrier: Barrier,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) barriers: Option<Conventions>,
    /// The same of the test rows, where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) test: Option<TestValues>,
    pub(super) certified: Option<Certified>,
    pub(super) ends: Risks,
    pub(super) length: f64,
    pub(super) normalized_length: f64,
    pub(super) points: usize,
    pub(super) method: String,
    /// The point at which the path ends.
    pub(super) end: End,
    /// Its distance from B.
    pub(super) distance_of_end_from_b: f64,
    pub(super) about: Option<GuaranteeRecord>,
    pub(super) align: Option<Aligned>,
    pub(super) seconds: f64,
    fit_seconds: f64,
    profile_seconds: f64,
    pub(super) attempts: Vec<Row>,
}

/// The values on the test rows: the barrier of the loss, and errors.
#[derive(Serialize)]
pub(super) struct TestValues {
    pub(super) loss: Barrier,
    error: ErrorValues,
}

/// Shares of wrong examples.
#[derive(Serialize)]
struct ErrorValues {
    max: f64,
    a: f64,
    b: f64,
}

impl TestValues {
    pub(super) fn new(profile: &Profile) -> Option<Self> {
        let values = profile.test.as_ref()?;
        let losses: Vec<f64> = values.iter().map(|v| v.loss).collect();
        let middle = if values.len() % 2 == 1 { losses[values.len() / 2] } else { f64::NAN };
        let error = ErrorValues {
            max: largest(values.iter().map(|v| v.error)),
            a: values[0].error,
            b: values[values.len() - 1].error,
        };
        Some(Self { loss: Barrier::new(&profile.t, &losses, middle), error })
    }
}

/// The alignment of B to A.
#[derive(Serialize)]
pub(super) struct Aligned {
    pub(super) by: &'static str,
    #[serde(flatten)]
    alignment: Alignment,
}

/// One attempt.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) method: String,
    pub(super) above_ends: f64,
    points: usize,
    pub(super) seconds: f64,
    pub(super) end: End,
    #[serde(flatten)]
    pub(super) stop: Option<Stop>,
    /// Whether all points were evaluated.
    #[serde(skip)]
    pub(super) complete: bool,
}

/// The reason why an attempt has no path.
#[derive(Clone, Copy, Serialize)]
#[serde(tag = "stop", rename_all = "lowercase")]
pub(super) enum Stop {
    Diverged,
}

impl Summary {
    pub(super) fn new(
        tried: &Attempts,
        best: &Attempt,
        distance_of_end_from_b: f64,
        (proof, barriers): (Option<&Certificate>, Option<Conventions>),
        seconds: f64,
    ) -> Self {
        let profile = &best.profile;
        let risks = profile.risks();
        Self {
            barrier: profile.barrier(),
            barriers,
            test: TestValues::new(profile),
            certified: proof.map(Certified::new),
            ends: Risks { a: risks[0], b: risks[risks.len() - 1] },
            length: profile.length(),
            normalized_length: profile.normalized_length(),
            points: profile.t.len(),
            method: best.name.clone(),
            end: best.end(),
            distance_of_end_from_b,
            about: GuaranteeRecord::new(&best.guarantee),
            align: best.alignment.as_ref().map(|a| {
                let alignment = Alignment::new(&a.aligned, a.seconds);
                Aligned { by: a.by, alignment }
            }),
            seconds,
            fit_seconds: best.fit_seconds,
            profile_seconds: best.profile_seconds,
            attempts: tried
                .found
                .iter()
                .map(Row::found)
                .chain(tried.diverged.iter().map(Row::diverged))
                .collect(),
        }
    }
}

impl Row {
    fn found(attempt: &Attempt) -> Self {
        Self {
            method: attempt.name.clone(),
            above_ends: attempt.above_ends(),
            points: attempt.profile.t.len(),
            seconds: attempt.fit_seconds,
            end: attempt.end(),
            stop: None,
            complete: attempt.complete,
        }
    }

    fn diverged(search: &Diverged) -> Self {
        Self {
            method: search.name.clone(),
            above_ends: f64::NAN,
            points: 0,
            seconds: search.seconds,
            end: search.end,
            stop: Some(Stop::Diverged),
            complete: false,
        }
    }
}
