use std::{io::Write, path::Path};

use serde_json::Value;

use crate::failure::Failure;

/// A number; one that is not finite becomes a string.
pub(crate) fn number(x: f64) -> Value {
    match serde_json::Number::from_f64(x) {
        Some(n) => Value::Number(n),
        None if x.is_nan() => "nan".into(),
        None if x > 0. => "inf".into(),
        None => "-inf".into(),
    }
}

/// Writes an object to a file.
pub(crate) fn write(path: &Path, value: &Value) -> Result<(), Failure> {
    Ok(collado_models::atomically(path, |file| writeln!(file, "{value:#}"))?)
}

/// Prints lines on stdout; a closed pipe is not an error.
pub(crate) fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
