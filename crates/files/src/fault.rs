//! Constructors of the errors of this crate.

use std::{io, path::Path};

use crate::Error;

/// The error that a file as a whole cannot be used, for the given reason.
pub(crate) fn file_error(path: &Path, reason: impl Into<String>) -> Error {
    Error::File { path: path.into(), reason: reason.into() }
}

/// The error that a tensor in a file is not as the network needs it.
pub(crate) fn tensor_error(
    path: &Path,
    tensor: &str,
    expected: impl ToString,
    found: impl ToString,
) -> Error {
    let (expected, found) = (expected.to_string(), found.to_string());
    // Names come from the file: one with a line break must not split the message.
    Error::Tensor { path: path.into(), tensor: tensor.escape_debug().to_string(), expected, found }
}

/// The error that the operating system refused an operation on a file.
pub(crate) fn io_error(path: &Path, error: &io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::UnexpectedEof => "ends too early".into(),
        io::ErrorKind::IsADirectory => "is a directory, expected a file".into(),
        // Nothing but reading text fails so.
        io::ErrorKind::InvalidData if error.to_string().contains("UTF-8") => "is not text in UTF-8".into(),
        _ => error.to_string(),
    };
    file_error(path, reason)
}
