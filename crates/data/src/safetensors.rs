//! Reads `.safetensors` files: a JSON header with names, types and offsets, then the numbers.

use std::io::SeekFrom;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::array::{Element, Number};
use crate::bytes::{io_error, read_exactly};
use crate::files::{Files, Stream};
use crate::named::{self, Arrays, Header, NamedOptions};
use crate::{Dataset, Error, Result};

/// The longest header that the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// Reads the arrays of a `.safetensors` file.
pub(crate) fn load(spec: &str, path: &Path, options: &NamedOptions, files: Files<'_>) -> Result<Dataset> {
    let open = |path: &Path| {
        let file = path.display().to_string();
        let (mut reader, length) = files.open(path)?;
        let (metadata, start) = read_metadata(&mut reader, &file, length)?;
        Ok::<_, Error>(Named { file, metadata, start, reader })
    };
    let mut other = options.test.file().map(open).transpose()?;
    named::load(spec, &mut open(path)?, other.as_mut(), options)
}

/// The checked header, and the offset at which the numbers begin.
fn read_metadata(reader: &mut dyn Stream, file: &str, length: u64) -> Result<(Metadata, u64)> {
    let wrong = |found: String| Error::format(file, "a safetensors file", found);
    let mut reader = reader;
    let size = read_exactly(&mut reader, file, 8).map_err(|_| wrong(format!("{length} bytes")))?;
    let size = size.iter().rev().fold(0, |size: u64, &byte| size << 8 | u64::from(byte));
    let start = size.saturating_add(8);
    if size > MAX_HEADER || start > length {
        return Err(wrong(format!("a header of {size} bytes in a file of {length}")));
    }
    let header = read_exactly(&mut reader, file, size as usize)?;
    // The library checks that shapes, types and offsets go together and that the arrays leave no gaps.
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| wrong(error.to_string()))?;
    let data = metadata.data_len() as u64;
    if start.checked_add(data) != Some(length) {
        return Err(Error::Size {
            place: file.to_owned(),
            expected: start.saturating_add(data),
            found: length.to_string(),
        });
    }
    Ok((metadata, start))
}

struct Named<'a> {
    file: String,
    metadata: Metadata,
    start: u64,
    reader: Box<dyn Stream + 'a>,
}

impl Arrays for Named<'_> {
    fn file(&self) -> &str {
        &self.file
    }

    fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    fn header(&mut self, name: &str, place: &str) -> Result<Option<Header>> {
        let Some(info) = self.metadata.info(name) else { return Ok(None) };
        let element = element(place, info.dtype)?;
        let shape = info.shape.iter().map(|&size| size as u64).collect();
        let room = (info.data_offsets.1 - info.data_offsets.0) as u64;
        Header { element, big_endian: false, fortran: false, shape }.checked(place, room).map(Some)
    }

    fn numbers<T: Number>(&mut self, name: &str, place: &str, header: &Header) -> Result<Vec<T>> {
        let offset = self.metadata.info(name).expect("its header was read").data_offsets.0 as u64;
        self.reader
            .seek(SeekFrom::Start(self.start + offset))
            .map_err(|source| io_error(&self.file, source))?;
        header.element.read(&mut self.reader, place, header.len(), false)
    }
}

fn element(place: &str, dtype: Dtype) -> Result<Element> {
    Ok(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::U16 => Element::U16,
        Dtype::I16 => Element::I16,
        Dtype::U32 => Element::U32,
        Dtype::I32 => Element::I32,
        Dtype::U64 => Element::U64,
        Dtype::I64 => Element::I64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        other => {
            return Err(Error::format(
                place,
                "numbers (BOOL, I8-I64, U8-U64, BF16, F16-F64)",
                format!("{other:?}"),
            ));
        }
    })
}
