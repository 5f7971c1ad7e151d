//! Provenance: the record of how a checkpoint came to be.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// The `--data` string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Hash of the data's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_hash: Option<String>,
    /// Name of the loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,
    /// Weight κ of the regularizer.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "number")]
    pub kappa: Option<f64>,
    /// Name of the regularizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regularizer: Option<String>,
    /// Number of epochs of training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Final risk on the training rows.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "number")]
    pub risk: Option<f64>,
    /// Further fields of the file.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Serialisation of numbers. JSON cannot express values that are not finite; they become "nan", "inf" and "-inf".
mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Word(String),
    }

    pub(crate) fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        let number = value.map(|v| match v {
            v if v.is_finite() => Number::Finite(v),
            v if v.is_nan() => Number::Word("nan".into()),
            v if v > 0. => Number::Word("inf".into()),
            _ => Number::Word("-inf".into()),
        });
        number.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        match Option::<Number>::deserialize(from)? {
            None => Ok(None),
            Some(Number::Finite(v)) => Ok(Some(v)),
            Some(Number::Word(word)) => match word.as_str() {
                "nan" => Ok(Some(f64::NAN)),
                "inf" => Ok(Some(f64::INFINITY)),
                "-inf" => Ok(Some(f64::NEG_INFINITY)),
                _ => Err(de::Error::custom(format!(
                    "expected a number, \"nan\", \"inf\" or \"-inf\", found \"{word}\""
                ))),
            },
        }
    }
}
