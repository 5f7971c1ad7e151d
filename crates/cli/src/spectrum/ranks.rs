//! The check of the ranks of eigenvalues.

use collado_landscape::RankCheck;
use serde::Serialize;

/// The method that checked the ranks of eigenvalues.
#[derive(Debug, Serialize)]
pub(super) struct RankRecord {
    pub(super) method: RankMethod,
    /// The probability that an eigenvalue was missed.
    pub(super) failure_probability: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RankMethod {
    AllEigenvalues,
    RandomStart,
    None,
}

impl RankRecord {
    /// Without a check all eigenvalues are known.
    pub(super) fn new(check: Option<RankCheck>) -> Self {
        let (method, failure_probability) = match check {
            None | Some(RankCheck::Complete) => (RankMethod::AllEigenvalues, Some(0.)),
            Some(RankCheck::Random { failure }) => (RankMethod::RandomStart, Some(failure)),
            Some(RankCheck::Unchecked) => (RankMethod::None, None),
        };
        Self { method, failure_probability }
    }
}
