//! Atomic writing: a reader sees the old file or the new one, never a part. Also the hash of a file.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::Builder;

use crate::Result;
use crate::fault::{file_error, io_error};

/// The beginning of the names of temporary files, which a killed run may leave behind.
pub const TEMPORARY: &str = ".collado-";

/// Writes `path` so that a reader, or a run killed half-way, sees the old file or the new one and nothing between.
///
/// `write` fills a temporary file in the same directory, which then takes the name `path`; when it fails, the
/// temporary file is gone and `path` is as before. A symbolic link stays one: the file it points to is replaced.
///
/// # Errors
/// [`Error::File`](crate::Error::File) when the directory cannot be written, `write` fails, or `path` is something
/// else than a file.
pub fn atomically(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let fault = |e: io::Error| io_error(path, &e);
    let target = target(path)?;
    // The directory of a plain file name is "", which no system opens.
    let directory = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        // Temporary files are private by default; this one becomes an ordinary file, as the umask allows.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(directory).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => {
            file_error(path, format!("the directory '{}' does not exist", directory.display()))
        }
        _ => fault(e),
    })?;
    let (file, name) = temporary.into_parts();
    let mut writer = BufWriter::new(file);
    write(&mut writer).and_then(|()| writer.flush()).map_err(fault)?;
    drop(writer);
    name.persist(&target).map_err(|e| fault(e.error))
}

/// The file that takes the new content, with links resolved: renaming onto a link would replace the link itself. What
/// is no plain file, such as `/dev/null`, is refused.
fn target(path: &Path) -> Result<PathBuf> {
    let target = if path.is_symlink() {
        fs::canonicalize(path).map_err(|e| io_error(path, &e))?
    } else {
        path.to_path_buf()
    };
    match fs::metadata(&target) {
        Ok(meta) if meta.is_dir() => Err(file_error(path, "is a directory, expected a file name")),
        Ok(meta) if !meta.is_file() => Err(file_error(path, "is not a regular file")),
        _ if target.file_name().is_none() => Err(file_error(path, "is no file name")),
        _ => Ok(target),
    }
}

/// SHA-256 of the bytes of a file, in hexadecimal.
///
/// # Errors
/// [`Error::File`](crate::Error::File) when the file cannot be read.
pub fn file_hash(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).map_err(|e| io_error(path, &e))?;
    io::copy(&mut file, &mut hasher).map_err(|e| io_error(path, &e))?;
    Ok(format!("{:x}", hasher.finalize()))
}
