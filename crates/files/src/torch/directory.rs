//! A check of the directory at the end of a zip archive before the archive is read. A directory that claims more
//! entries than its bytes can describe would make readers allocate memory for all of them.

use std::{io::SeekFrom, path::Path};

use crate::Result;
use crate::{
    fault::{file_error, io_error},
    tensors::Source,
};

/// The sizes in bytes of the final record, of the locator before it in large archives, and of the record it points to.
const END: u64 = 22;
const LOCATOR: u64 = 20;
const LARGE_END: u64 = 56;

/// The size in bytes of an entry of the directory without its name.
const ENTRY: u64 = 46;

/// Checks that the directory of an archive of `len` bytes fits into the archive.
///
/// # Errors
/// When the archive does not end with such a directory.
pub(crate) fn check(path: &Path, reader: &mut impl Source, len: u64) -> Result<()> {
    let fault = |e| io_error(path, &e);
    let damaged = || file_error(path, "is a damaged zip archive: its directory is cut off or too large");
    let mut read = |at: u64, count: u64| -> Result<Vec<u8>> {
        let mut bytes = vec![0; count as usize];
        reader.seek(SeekFrom::Start(at)).map_err(fault)?;
        reader.read_exact(&mut bytes).map_err(fault)?;
        Ok(bytes)
    };
    let end = len.checked_sub(END).ok_or_else(damaged)?;
    let record = read(end, END)?;
    if !record.starts_with(b"PK\x05\x06") {
        return Err(damaged());
    }
    let (mut entries, mut size, mut start) =
        (number(&record[10..12]), number(&record[12..16]), number(&record[16..20]));
    if entries == u64::from(u16::MAX) || start == u64::from(u32::MAX) {
        let locator = read(end.checked_sub(LOCATOR).ok_or_else(damaged)?, LOCATOR)?;
        let at = number(&locator[8..16]);
        if !locator.starts_with(b"PK\x06\x07") || at > end.saturating_sub(LOCATOR + LARGE_END) {
            return Err(damaged());
        }
        let record = read(at, LARGE_END)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(damaged());
        }
        (entries, size, start) = (number(&record[32..40]), number(&record[40..48]), number(&record[48..56]));
    }
    let within = start.checked_add(size).is_some_and(|stop| stop <= end);
    if !within || entries > size / ENTRY || entries == 0 || !read(start, 4)?.starts_with(b"PK\x01\x02") {
        return Err(damaged());
    }
    reader.rewind().map_err(fault)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte))
}
