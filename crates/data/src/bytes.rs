//! Files of unknown origin: opened, measured and read no further than they reach.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::{Error, Result};

/// DEFLATE packs at most 1032 bytes into one (a match of 258 bytes in 2 bits).
const MAX_RATIO: u64 = 1032;
/// Room for the headers of a gzip or zip stream, where the ratio says nothing.
const SLACK: u64 = 64;
/// Bytes reserved ahead of reading; more come as they are read.
const RESERVE: u64 = 1 << 26;

/// An error of the system, with the file.
pub(crate) fn io_error(file: &str, source: io::Error) -> Error {
    Error::Io { file: file.to_owned(), source }
}

/// Opens a regular file and says how many bytes it has.
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let name = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|source| io_error(&name, source))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "something else" };
        return Err(Error::format(name, "a regular file", found));
    }
    let file = File::open(path).map_err(|source| io_error(&name, source))?;
    Ok((file, metadata.len()))
}

/// The most bytes that `packed` bytes of DEFLATE can hold.
pub(crate) fn unpacked_bound(packed: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).saturating_add(SLACK)
}

/// The bytes of an array, if they fit a `usize` and `room`, the most that can be there.
pub(crate) fn volume(place: &str, shape: &[u64], item: usize, room: u64) -> Result<u64> {
    let bytes = shape.iter().try_fold(item as u64, |bytes, &size| bytes.checked_mul(size));
    let Some(bytes) = bytes.filter(|&bytes| usize::try_from(bytes).is_ok()) else {
        return Err(Error::format(place, "an array that fits the memory", format!("shape {shape:?}")));
    };
    if bytes > room {
        return Err(Error::Size {
            place: place.to_owned(),
            expected: bytes,
            found: format!("at most {room}"),
        });
    }
    Ok(bytes)
}

/// Reads exactly `size` bytes.
pub(crate) fn read_exactly(reader: &mut impl Read, place: &str, size: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size.min(RESERVE) as usize);
    reader.by_ref().take(size).read_to_end(&mut bytes).map_err(|source| io_error(place, source))?;
    if bytes.len() as u64 != size {
        return Err(Error::Size { place: place.to_owned(), expected: size, found: bytes.len().to_string() });
    }
    Ok(bytes)
}

/// Reads `size` bytes after which the stream must end.
pub(crate) fn read_to_end(reader: &mut impl Read, place: &str, size: u64) -> Result<Vec<u8>> {
    let bytes = read_exactly(reader, place, size)?;
    let rest =
        reader.by_ref().take(1).read_to_end(&mut Vec::new()).map_err(|source| io_error(place, source))?;
    if rest > 0 {
        return Err(Error::Size { place: place.to_owned(), expected: size, found: "more".to_owned() });
    }
    Ok(bytes)
}
