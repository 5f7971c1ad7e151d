//! Provenance: the record of how a checkpoint came to be.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::number::{read_option, write_option};

/// The record of how a checkpoint came to be, stored as the JSON of `collado.provenance`.
///
/// Every field may be absent. Fields that this version does not know are kept in `extra`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the program that wrote the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The command line, one word per element.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Seed of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The string that names the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Hash of the data's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_hash: Option<String>,
    /// Name of the loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,
    /// Weight κ of the regularizer.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_option",
        deserialize_with = "read_option"
    )]
    pub kappa: Option<f64>,
    /// Name of the regularizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regularizer: Option<String>,
    /// Name of the rule for the statistics of batch normalisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<String>,
    /// Number of training rows that those statistics are taken over, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics_rows: Option<usize>,
    /// Number of epochs of training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Final risk on the training rows.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_option",
        deserialize_with = "read_option"
    )]
    pub risk: Option<f64>,
    /// Further fields of the file.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
