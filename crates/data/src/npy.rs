//! Reads one `.npy` array: magic number, version, a Python dictionary as text, then the numbers
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).
//!
//! The header is read here rather than by `npyz`, whose recursive parser a nested header can drive out of
//! stack.

use std::io::Read;

use crate::array::{Element, Number};
use crate::bytes::{ends, read_exactly};
use crate::named::Header;
use crate::{Error, Result};

const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read; those of plain arrays take 128 bytes.
const MAX_HEADER: usize = 1 << 16;
/// The largest number of dimensions, which is NumPy's limit.
const MAX_DIMS: usize = 64;

/// Reads the header of an array from a stream of at most `room` bytes, and checks that its numbers fit in there.
pub(crate) fn read_header(reader: &mut impl Read, place: &str, room: u64) -> Result<Header> {
    let (header, length) = header(reader, place)?;
    let room = room.saturating_sub(length);
    header.checked(place, room)
}

/// Reads the numbers after a header from a stream that must end with them.
pub(crate) fn read_numbers<T: Number>(
    reader: &mut impl Read,
    place: &str,
    header: &Header,
) -> Result<Vec<T>> {
    let values = header.element.read(reader, place, header.len(), header.big_endian)?;
    ends(reader, place, (header.len() * header.element.size()) as u64)?;
    Ok(values)
}

/// Reads the header and counts its bytes.
fn header(reader: &mut impl Read, place: &str) -> Result<(Header, u64)> {
    let start = read_exactly(reader, place, 8)?;
    let Some(&[major, _]) = start.strip_prefix(MAGIC) else {
        return Err(Error::format(place, "an .npy array", "other first bytes"));
    };
    let width = match major {
        1 => 2,
        2 | 3 => 4,
        _ => return Err(Error::format(place, "npy version 1, 2 or 3", major.to_string())),
    };
    let length =
        read_exactly(reader, place, width)?.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    if length > MAX_HEADER {
        return Err(Error::format(
            place,
            format!("a header of at most {MAX_HEADER} bytes"),
            length.to_string(),
        ));
    }
    let text = read_exactly(reader, place, length)?;
    let header = parse(place, &String::from_utf8_lossy(&text))?;
    Ok((header, (8 + width + length) as u64))
}

fn parse(place: &str, text: &str) -> Result<Header> {
    let order = entry(place, text, "fortran_order")?;
    let fortran = match order {
        _ if order.starts_with("True") => true,
        _ if order.starts_with("False") => false,
        _ => return Err(Error::format(place, "fortran_order True or False", clip(order))),
    };
    let (big_endian, element) = element(place, entry(place, text, "descr")?)?;
    Ok(Header { element, big_endian, fortran, shape: shape(place, entry(place, text, "shape")?)? })
}

/// The text that follows `'key':` in the dictionary.
fn entry<'a>(place: &str, text: &'a str, key: &str) -> Result<&'a str> {
    let rest =
        [format!("'{key}'"), format!("\"{key}\"")].iter().find_map(|key| text.split_once(key.as_str()));
    let value = rest.and_then(|(_, rest)| rest.trim_start().strip_prefix(':'));
    value
        .map(str::trim_start)
        .ok_or_else(|| Error::format(place, format!("an npy header with '{key}'"), clip(text)))
}

/// Byte order and element type of a `descr` such as `'<f8'`.
fn element(place: &str, descr: &str) -> Result<(bool, Element)> {
    let wrong = |found: &str| Err(Error::format(place, "numbers (b1, i1-i8, u1-u8, f2, f4 or f8)", found));
    let quoted = descr.strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"']).next());
    let Some(name) = quoted else { return wrong("a structured type") };
    let element = match name.trim_start_matches(['<', '>', '|', '=']) {
        "b1" | "?" => Element::Bool,
        "u1" => Element::U8,
        "i1" => Element::I8,
        "u2" => Element::U16,
        "i2" => Element::I16,
        "u4" => Element::U32,
        "i4" => Element::I32,
        "u8" => Element::U64,
        "i8" => Element::I64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        "O" => return wrong("Python objects ('|O')"),
        _ => return wrong(&format!("'{}'", clip(name))),
    };
    Ok((name.starts_with('>'), element))
}

fn shape(place: &str, text: &str) -> Result<Vec<u64>> {
    let inside = text.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(inside, _)| inside);
    let sizes = inside.and_then(|inside| {
        let sizes = inside.split(',').map(str::trim).filter(|size| !size.is_empty());
        sizes.map(|size| size.trim_end_matches('L').parse().ok()).collect::<Option<Vec<u64>>>()
    });
    match sizes {
        Some(sizes) if sizes.len() <= MAX_DIMS => Ok(sizes),
        _ => {
            Err(Error::format(place, "a shape of sizes that are not negative", clip(inside.unwrap_or(text))))
        }
    }
}

/// A piece of a header short enough for a message.
fn clip(text: &str) -> String {
    crate::text::clip(text.trim_end(), 60)
}
