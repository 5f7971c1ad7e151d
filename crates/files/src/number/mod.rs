//! Numbers in JSON, which has no way to write those that are not finite: they are the strings "nan", "inf" and "-inf".

mod words;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

use self::words::Words;

/// The JSON of a value, with a word for each number that is not finite.
///
/// # Errors
/// When JSON cannot hold the value, as a map whose keys are no text.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Value> {
    value.serialize(Words(serde_json::value::Serializer))
}

/// Reads a number or its word: for `#[serde(deserialize_with = "…")]`.
///
/// # Errors
/// When there is something else.
pub fn read_number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Number::deserialize(from)?.value()
}

/// Reads a number, its word, or nothing.
pub(crate) fn read_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Option::<Number>::deserialize(from)?.map(Number::value).transpose()
}

/// Writes a number, its word, or nothing.
pub(crate) fn write_option<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    value.serialize(Words(to))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Finite(f64),
    Word(String),
}

impl Number {
    fn value<E: Error>(self) -> Result<f64, E> {
        match self {
            Self::Finite(x) => Ok(x),
            Self::Word(word) => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY]
                .into_iter()
                .find(|x| self::word(*x) == Some(&word))
                .ok_or_else(|| {
                    E::custom(format!("expected a number, \"nan\", \"inf\" or \"-inf\", found \"{word}\""))
                }),
        }
    }
}

/// How a number is written that is not finite.
fn word(x: f64) -> Option<&'static str> {
    match x {
        x if x.is_finite() => None,
        x if x.is_nan() => Some("nan"),
        x if x > 0. => Some("inf"),
        _ => Some("-inf"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    #[serde(tag = "kind", rename_all = "kebab-case")]
    enum Kind {
        Tagged { x: f64 },
    }

    #[derive(Serialize)]
    struct Inner {
        pair: (f64, usize),
        list: Vec<Option<f64>>,
    }

    #[derive(Serialize)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
        kind: Kind,
        map: std::collections::BTreeMap<&'static str, f64>,
    }

    #[test]
    fn numbers_are_words_wherever_they_stand() {
        let inner = Inner { pair: (f64::INFINITY, 1), list: vec![Some(0.5), None, Some(f64::NEG_INFINITY)] };
        let kind = Kind::Tagged { x: f64::NAN };
        let outer = Outer { inner, kind, map: [("y", f64::NAN)].into() };
        let expected = json!({
            "pair": ["inf", 1], "list": [0.5, null, "-inf"], "kind": {"kind": "tagged", "x": "nan"},
            "map": {"y": "nan"},
        });
        assert_eq!(to_json(&outer).unwrap(), expected);
    }

    #[test]
    fn words_are_read_as_numbers() {
        #[derive(Deserialize)]
        struct Read(#[serde(deserialize_with = "read_number")] f64);
        let read = |json: Value| serde_json::from_value::<Read>(json).map(|r| r.0);
        for x in [1.5, -0., f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(read(to_json(&x).unwrap()).unwrap(), x);
        }
        assert!(read(to_json(&f64::NAN).unwrap()).unwrap().is_nan());
        assert!(read(json!("infinite")).unwrap_err().to_string().contains("found \"infinite\""));
    }
}
