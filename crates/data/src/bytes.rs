//! Safe reading of untrusted bytes: sizes are checked and packed data is bounded before memory is taken.

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Result};

/// DEFLATE packs at most 1032 bytes into one (a match of 258 bytes in 2 bits).
const MAX_RATIO: u64 = 1032;
/// Bytes that are allowed for the headers of a gzip or zip stream, whatever the ratio.
const SLACK: u64 = 64;
/// A gzipped table or image file that packs more bytes than this into one is taken for a decompression bomb. MNIST
/// packs 5.
const SANE_RATIO: u64 = 200;
/// Files that unpack to no more than this are read whatever their ratio.
const SMALL: u64 = 1 << 24;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes that are turned into numbers at a time; a multiple of every size of a number.
const BLOCK: usize = 1 << 13;

/// An error of the operating system, with the name of the file.
pub(crate) fn io_error(file: &str, source: io::Error) -> Error {
    Error::Io { file: file.to_owned(), source }
}

/// The most bytes that `packed` bytes of DEFLATE can hold.
pub(crate) fn unpacked_bound(packed: u64) -> u64 {
    packed.saturating_mul(MAX_RATIO).saturating_add(SLACK)
}

/// A file of `length` bytes, gunzipped if it is gzipped, with the most bytes that it can hold.
pub(crate) fn unpacked<'a>(
    mut file: impl BufRead + 'a,
    length: u64,
    place: &str,
) -> Result<(Box<dyn Read + 'a>, u64)> {
    let start = file.fill_buf().map_err(|source| io_error(place, source))?;
    if !start.starts_with(&GZIP) {
        return Ok((Box::new(file), length));
    }
    let sane = length.saturating_mul(SANE_RATIO).max(SMALL);
    Ok((Box::new(MultiGzDecoder::new(file)), sane.min(unpacked_bound(length))))
}

/// The number of elements of an array of numbers of `item` bytes, if they fit into `room` bytes, the most there can be.
pub(crate) fn elements(place: &str, shape: &[u64], item: usize, room: u64) -> Result<usize> {
    let bytes = shape.iter().try_fold(item as u64, |bytes, &size| bytes.checked_mul(size));
    let Some(bytes) = bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) else {
        return Err(Error::format(place, "an array that fits the memory", format!("shape {shape:?}")));
    };
    if bytes > room {
        return Err(Error::Size {
            place: place.to_owned(),
            expected: bytes,
            found: format!("at most {room}"),
        });
    }
    Ok(bytes as usize / item)
}

/// Reads exactly `size` bytes of a header: few, so that they may be asked for at once.
pub(crate) fn read_exactly(reader: &mut impl Read, place: &str, size: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(size as u64).read_to_end(&mut bytes).map_err(|source| io_error(place, source))?;
    if bytes.len() == size { Ok(bytes) } else { Err(too_short(place, size, bytes.len())) }
}

/// Reads `count` numbers of N bytes each, a block at a time: nothing but the numbers is held.
pub(crate) fn numbers<T, const N: usize>(
    reader: &mut impl Read,
    place: &str,
    count: usize,
    convert: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let reserved = values.try_reserve_exact(count);
    reserved
        .map_err(|_| Error::format(place, "an array that fits the memory", format!("{count} numbers")))?;
    let mut block = [0; BLOCK];
    while values.len() < count {
        let wanted = &mut block[..BLOCK.min((count - values.len()).saturating_mul(N))];
        let found = fill(reader, wanted).map_err(|source| io_error(place, source))?;
        if found < wanted.len() {
            return Err(too_short(place, count * N, values.len() * N + found));
        }
        values.extend(wanted.as_chunks().0.iter().map(|&bytes| convert(bytes)));
    }
    Ok(values)
}

/// Checks that nothing follows the `size` bytes that were read.
pub(crate) fn ends(reader: &mut impl Read, place: &str, size: u64) -> Result<()> {
    match fill(reader, &mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::Size { place: place.to_owned(), expected: size, found: "more".to_owned() }),
        Err(source) => Err(io_error(place, source)),
    }
}

/// Fills a buffer as far as the stream reaches.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn too_short(place: &str, expected: usize, found: usize) -> Error {
    Error::Size { place: place.to_owned(), expected: expected as u64, found: found.to_string() }
}
