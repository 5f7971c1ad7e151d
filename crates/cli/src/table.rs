//! CSV tables with numbers that read back exactly.

use std::{io::Write, path::Path};

use crate::failure::Failure;

/// The shortest text that reads back as the same number, with `nan` and `inf` in small letters.
pub(crate) fn text(x: f64) -> String {
    x.to_string().to_lowercase()
}

/// Writes a table to a file.
pub(crate) fn write_table(path: &Path, table: csv::Writer<Vec<u8>>) -> Result<(), Failure> {
    let bytes = table.into_inner().map_err(|e| Failure::new(e.to_string()))?;
    Ok(collado_files::atomically(path, |f| f.write_all(&bytes))?)
}
