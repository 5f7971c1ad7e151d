//! Zip archives as PyTorch writes them: nothing in them is compressed, and nothing is ever unpacked to disk.

use std::{
    io::{ErrorKind, Read},
    path::Path,
};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use crate::{
    Result,
    fault::{file_error, io_error},
    tensors::{Input, Source},
    torch::directory,
};

/// An archive that is being read.
pub(crate) struct Archive<'p, R> {
    pub(crate) path: &'p Path,
    /// The size of the archive in bytes.
    pub(crate) len: u64,
    zip: ZipArchive<R>,
    /// The number of bytes that may still be read: overlapping entries could hold far more than the file.
    budget: u64,
}

impl<'p, R: Source> Archive<'p, R> {
    /// Opens an archive after a check of its directory.
    pub(crate) fn open(input: Input<'p, R>) -> Result<Self> {
        let Input { path, mut reader, len } = input;
        directory::check(path, &mut reader, len)?;
        let zip = ZipArchive::new(reader)
            .map_err(|e| file_error(path, format!("is a damaged zip archive: {e}")))?;
        Ok(Self { path, len, zip, budget: len })
    }

    /// The names of all entries.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.zip.file_names()
    }

    /// Whether there is an entry of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// Refuses numbers that are not little-endian, where the archive says what they are.
    pub(crate) fn check_byte_order(&mut self, prefix: &str) -> Result<()> {
        let name = format!("{prefix}byteorder");
        if !self.has(&name) {
            return Ok(());
        }
        match self.entry(&name, 16)?.as_slice() {
            b"little" => Ok(()),
            other => {
                let found = other.escape_ascii();
                Err(file_error(self.path, format!("has the byte order '{found}', expected 'little'")))
            }
        }
    }

    /// The content of an entry of at most `limit` bytes. PyTorch compresses nothing, so that sizes can be trusted.
    pub(crate) fn entry(&mut self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let shown = name.escape_debug();
        let entry = self.zip.by_name(name).map_err(|e| match e {
            ZipError::FileNotFound => file_error(self.path, format!("has no entry '{shown}'")),
            e => file_error(self.path, format!("entry '{shown}' is damaged: {e}")),
        })?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(file_error(
                self.path,
                format!("entry '{shown}' is compressed, expected none of PyTorch's"),
            ));
        }
        let size = entry.size();
        if size > limit.min(self.budget) {
            let limit = limit.min(self.budget);
            return Err(file_error(
                self.path,
                format!("entry '{shown}' has {size} bytes, expected at most {limit}"),
            ));
        }
        self.budget -= size;
        let mut bytes = Vec::new();
        // One byte further than the end: only there is the checksum compared.
        entry.take(size + 1).read_to_end(&mut bytes).map_err(|e| match e.kind() {
            ErrorKind::InvalidData | ErrorKind::Other => {
                file_error(self.path, format!("entry '{shown}' is damaged: {e}"))
            }
            _ => io_error(self.path, &e),
        })?;
        if bytes.len() as u64 == size {
            Ok(bytes)
        } else {
            Err(file_error(self.path, format!("entry '{shown}' ends too early")))
        }
    }
}
