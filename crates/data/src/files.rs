//! Access to the files of a data set, which may lie on disk or in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use crate::bytes::io_error;
use crate::{Error, Result};

/// An open file.
pub(crate) trait Stream: BufRead + Seek {}

impl<T: BufRead + Seek> Stream for T {}

/// The files that the name of a data set may name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Files<'a> {
    /// The files of the operating system.
    Disk,
    /// Files in memory, given by path and content.
    Memory(&'a [(&'a str, &'a [u8])]),
}

impl<'a> Files<'a> {
    /// Opens a regular file and says how many bytes it has.
    pub(crate) fn open(self, path: &Path) -> Result<(Box<dyn Stream + 'a>, u64)> {
        let name = path.display().to_string();
        match self {
            Self::Disk => {
                let metadata = std::fs::metadata(path).map_err(|source| io_error(&name, source))?;
                if !metadata.is_file() {
                    let found = if metadata.is_dir() { "a folder" } else { "something else" };
                    return Err(Error::format(name, "a regular file", found));
                }
                let file = File::open(path).map_err(|source| io_error(&name, source))?;
                Ok((Box::new(BufReader::new(file)), metadata.len()))
            }
            Self::Memory(_) => {
                let missing = || io_error(&name, std::io::ErrorKind::NotFound.into());
                let bytes = self.in_memory(path).ok_or_else(missing)?;
                Ok((Box::new(Cursor::new(bytes)), bytes.len() as u64))
            }
        }
    }

    /// Whether there is such a file.
    pub(crate) fn exist(self, path: &Path) -> bool {
        match self {
            Self::Disk => path.exists(),
            Self::Memory(_) => self.in_memory(path).is_some(),
        }
    }

    /// The names in a folder in sorted order, each with whether it is a folder too.
    pub(crate) fn list(self, folder: &Path) -> Result<BTreeMap<OsString, bool>> {
        let fail = |path: &Path, source| io_error(&path.display().to_string(), source);
        let mut names = BTreeMap::new();
        match self {
            Self::Disk => {
                for entry in std::fs::read_dir(folder).map_err(|source| fail(folder, source))? {
                    let entry = entry.map_err(|source| fail(folder, source))?;
                    let path = entry.path();
                    let mut kind = entry.file_type().map_err(|source| fail(&path, source))?;
                    if kind.is_symlink() {
                        kind = std::fs::metadata(&path).map_err(|source| fail(&path, source))?.file_type();
                    }
                    names.insert(entry.file_name(), kind.is_dir());
                }
            }
            Self::Memory(files) => {
                for (path, _) in files {
                    let Ok(inner) = Path::new(path).strip_prefix(folder) else { continue };
                    let mut parts = inner.components();
                    if let Some(name) = parts.next() {
                        names.insert(name.as_os_str().to_owned(), parts.next().is_some());
                    }
                }
                if names.is_empty() {
                    return Err(fail(folder, std::io::ErrorKind::NotFound.into()));
                }
            }
        }
        Ok(names)
    }

    fn in_memory(self, path: &Path) -> Option<&'a [u8]> {
        let Self::Memory(files) = self else { return None };
        files.iter().find(|(name, _)| Path::new(name) == path).map(|&(_, bytes)| bytes)
    }
}
