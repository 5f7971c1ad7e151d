//! Text files.

use std::path::Path;

use crate::{Result, fault::io_error};

/// Reads a whole text file.
///
/// # Errors
/// When the file does not exist, cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| io_error(path, &e))
}
