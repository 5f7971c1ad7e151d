//! What is shown of a study that has run.

use serde::Deserialize;

use super::run::StudyResult;

/// The claim, the verdict and the sentences of a result, as they stand in `result.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Headline {
    pub(crate) claim: String,
    pub(crate) source: String,
    pub(crate) rule: String,
    pub(crate) verdict: String,
    pub(crate) shown: String,
    pub(crate) not_shown: String,
    pub(crate) seconds: Option<f64>,
}

impl From<&StudyResult> for Headline {
    fn from(StudyResult { report, seconds }: &StudyResult) -> Self {
        Self {
            claim: report.claim.into(),
            source: report.source.into(),
            rule: report.rule.into(),
            verdict: report.verdict.name().into(),
            shown: report.shown.clone(),
            not_shown: report.not_shown.clone(),
            seconds: Some(*seconds),
        }
    }
}

/// The outcome of one study.
pub(crate) struct StudyOutcome {
    pub(crate) name: &'static str,
    /// The headline of its `result.json`, or the reason why there is none.
    pub(crate) result: Result<Headline, String>,
}
