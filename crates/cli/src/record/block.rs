//! The `run` block of a summary.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

/// The value of a flag, as it was given.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Setting {
    One(String),
    Several(Vec<String>),
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Input {
    pub(crate) file: String,
    pub(crate) hash: Option<String>,
}

impl Input {
    pub(crate) fn new(file: &Path, hash: Option<&str>) -> Self {
        Self { file: file.display().to_string(), hash: hash.map(str::to_owned) }
    }
}

/// Data, network and risk of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RiskRecord {
    pub(crate) data: DataRecord,
    pub(crate) arch: String,
    pub(crate) loss: String,
    pub(crate) kappa: f64,
    pub(crate) regularizer: String,
    /// The rule for the statistics of batch normalisation, where there is some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) statistics: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) statistics_rows: Option<usize>,
    pub(crate) dtype: String,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct DataRecord {
    pub(crate) spec: String,
    pub(crate) hash: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<String>,
}

/// Whether a run came to its end.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunStatus {
    Finished,
    Interrupted,
}

impl RunStatus {
    pub(crate) fn ended(interrupted: bool) -> Self {
        if interrupted { Self::Interrupted } else { Self::Finished }
    }
}

/// The `run` block of a summary.
#[derive(Debug, Serialize)]
pub(crate) struct Block {
    pub(super) id: String,
    pub(super) command: String,
    pub(super) words: Vec<String>,
    pub(super) version: &'static str,
    pub(super) time: String,
    pub(super) status: RunStatus,
    pub(super) seed: Option<u64>,
    pub(super) device: Option<Setting>,
    pub(super) files: Vec<Input>,
    pub(super) settings: BTreeMap<String, Setting>,
    #[serde(flatten)]
    pub(super) risk: Option<RiskRecord>,
}

/// A result with the run that it is of.
#[derive(Debug, Serialize)]
pub(crate) struct Described<'a, T> {
    #[serde(flatten)]
    pub(super) result: &'a T,
    pub(super) run: Block,
    pub(super) notes: Vec<String>,
}
