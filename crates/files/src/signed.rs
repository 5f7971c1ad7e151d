//! Files of JSON lines whose last line has the number and the SHA-256 of the lines before it, which shows damage.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    Result, atomically,
    fault::{file_error, io_error},
    format::regular,
};

/// A kind of file: the key in its first line that holds the version, the version that is known, and what the last line
/// calls the number of lines between the first and itself.
pub(crate) struct Kind {
    pub(crate) key: &'static str,
    pub(crate) version: u32,
    pub(crate) counted: &'static str,
}

/// One line.
pub(crate) fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("these types have only text and numbers") + "\n"
}

/// Writes the `lines`, of which the first is a header, and the last line.
pub(crate) fn write(path: &Path, kind: &Kind, lines: &[String]) -> Result<()> {
    let mut text = lines.concat();
    let hash = format!("{:x}", Sha256::digest(&text));
    text.push_str(&line(&serde_json::json!({ kind.counted: lines.len() - 1, "sha256": hash })));
    atomically(path, |file| file.write_all(text.as_bytes()))
}

/// The lines of a file, without the last one.
///
/// # Errors
/// When it cannot be read, was cut or changed, or is of another kind or version.
pub(crate) fn read(path: &Path, kind: &Kind) -> Result<Vec<String>> {
    let (file, _) = regular(path)?;
    let lines = BufReader::new(file).lines().collect::<std::io::Result<Vec<_>>>();
    let mut lines = lines.map_err(|e| io_error(path, &e))?;
    if lines.len() < 3 {
        return Err(file_error(
            path,
            format!("expected a proof of three lines or more, found {}", lines.len()),
        ));
    }
    let header: Value = parsed(path, &lines, 0)?;
    match header[kind.key].as_u64() {
        Some(found) if found == u64::from(kind.version) => {}
        Some(found) => {
            let expected = kind.version;
            return Err(file_error(
                path,
                format!("expected version {expected} of the format, found {found}"),
            ));
        }
        None => {
            let key = kind.key;
            return Err(file_error(path, format!("is not a proof: expected \"{key}\" in its first line")));
        }
    }
    let footer: Value = parsed(path, &lines, lines.len() - 1)?;
    lines.pop();
    let mut hash = Sha256::new();
    lines.iter().for_each(|line| {
        hash.update(line);
        hash.update("\n");
    });
    let found =
        serde_json::json!({ kind.counted: lines.len() - 1, "sha256": format!("{:x}", hash.finalize()) });
    if footer != found {
        return Err(file_error(path, format!("was changed or cut: expected {footer}, found {found}")));
    }
    Ok(lines)
}

/// The value in the line `at`, counted from 0.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(path: &Path, lines: &[String], at: usize) -> Result<T> {
    serde_json::from_str(&lines[at]).map_err(|e| file_error(path, format!("line {}: {e}", at + 1)))
}
