//! Reading and writing of JSON files, and printing on standard output.

use std::{
    io::{ErrorKind, Write},
    path::Path,
    sync::Mutex,
};

use serde::Serialize;
use serde_json::Value;

use crate::failure::{Failure, printable};

/// The JSON of a result: numbers that are not finite are words in it.
pub(crate) fn value(result: &(impl Serialize + ?Sized)) -> Value {
    collado_files::to_json(result).expect("results are objects whose keys are text")
}

/// Writes a result to a file.
pub(crate) fn write(path: &Path, result: &impl Serialize) -> Result<(), Failure> {
    let value = value(result);
    Ok(collado_files::atomically(path, |file| writeln!(file, "{value:#}"))?)
}

/// Reads an object from a file.
pub(crate) fn read(path: &Path) -> Result<Value, Failure> {
    let text = collado_files::read_text(path)?;
    serde_json::from_str(&text).map_err(|e| Failure::new(format!("{}: {e}", path.display())))
}

/// The error of the first line that could not be printed.
static UNPRINTED: Mutex<Option<String>> = Mutex::new(None);

/// Prints lines on stdout; names of files in them may hold what moves a terminal's cursor. A closed pipe is not an
/// error; of any other failure [`printed`] tells at the end.
pub(crate) fn print(text: &str) {
    let mut stdout = std::io::stdout();
    let written = writeln!(stdout, "{}", printable(text, &['\n', '\t'])).and_then(|()| stdout.flush());
    if let Err(e) = written.as_ref()
        && e.kind() != ErrorKind::BrokenPipe
    {
        let mut unprinted = UNPRINTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        unprinted.get_or_insert(e.to_string());
    }
}

/// Shows a result: as one JSON object where `json` is set, else by `text`, which prints it for people, unless `quiet` is.
pub(crate) fn show((json, quiet): (bool, bool), result: &impl Serialize, text: impl FnOnce()) {
    match (json, quiet) {
        (true, _) => print(&value(result).to_string()),
        (_, false) => text(),
        _ => {}
    }
}

/// Checks that everything could be printed.
pub(crate) fn printed() -> Result<(), Failure> {
    match &*UNPRINTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
        None => Ok(()),
        Some(reason) => Err(Failure::new(format!("standard output: cannot be written: {reason}"))),
    }
}
