//! The result of `collado spectrum`.

use serde::Serialize;

use super::{lines::Lines, ranks::RankRecord};

/// The result of `spectrum`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Summary {
    One(Spectrum),
    Several { checkpoints: Vec<Spectrum> },
}

/// The spectrum at one checkpoint.
#[derive(Debug, Serialize)]
pub(super) struct Spectrum {
    /// Its file, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checkpoint: Option<String>,
    pub(super) matrix: &'static str,
    pub(super) parameters: usize,
    pub(super) gradient_norm: f64,
    #[serde(flatten)]
    pub(super) values: Values,
    pub(super) rank_check: RankRecord,
}

/// The values that a method computed.
#[derive(Debug, Serialize)]
pub(super) struct Values {
    /// All of them, ascending, where they were computed.
    pub(super) eigenvalues: Option<Vec<f64>>,
    /// Negative ones.
    pub(super) index: usize,
    pub(super) index_status: IndexStatus,
    pub(super) zero_modes: Option<usize>,
    pub(super) trace: Option<Trace>,
    #[serde(flatten)]
    pub(super) lines: Lines,
    #[serde(flatten)]
    pub(super) method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum IndexStatus {
    Exact,
    /// There may be more negative eigenvalues.
    Bound,
}

/// The sum of the eigenvalues.
#[derive(Debug, Serialize)]
pub(super) struct Trace {
    pub(super) value: f64,
    pub(super) stderr: f64,
}

/// The values that only one of the methods computes.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Method {
    Dense { rounding: f64 },
    Lanczos { steps: usize, converged: bool },
}
