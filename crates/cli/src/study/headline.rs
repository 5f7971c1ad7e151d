//! What is shown of a study that has run.

use serde::{Deserialize, Serialize};

use super::run::StudyResult;
use crate::json;

/// The claim, the verdict and the sentences of a result, as they stand in `result.json`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Headline {
    pub(crate) claim: String,
    pub(crate) source: String,
    pub(crate) rule: String,
    pub(crate) verdict: String,
    pub(crate) contradicted_by: String,
    pub(crate) power: String,
    pub(crate) conditions: Vec<ConditionLine>,
    pub(crate) shown: String,
    pub(crate) not_shown: String,
    pub(crate) pictures: Vec<PictureFile>,
    pub(crate) seconds: Option<f64>,
}

/// A condition of the claim, with what was found.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConditionLine {
    pub(crate) condition: String,
    pub(crate) verdict: String,
    pub(crate) found: String,
}

/// A picture of a study: the name of its files, without their ending, and its caption.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PictureFile {
    pub(crate) file: String,
    pub(crate) caption: String,
}

impl From<&StudyResult> for Headline {
    fn from(result: &StudyResult) -> Self {
        Self::deserialize(json::value(result)).unwrap_or_default()
    }
}

/// The outcome of one study.
pub(crate) struct StudyOutcome {
    pub(crate) name: &'static str,
    /// The headline of its `result.json`, or the reason why there is none.
    pub(crate) result: Result<Headline, String>,
}
