//! Writes state dicts as `torch.save` does: an uncompressed zip archive of a pickle and one storage per tensor.

use std::{
    io::{self, Write},
    mem::ManuallyDrop,
    path::Path,
};

use candle_core::DType;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::Result;
use crate::{atomic::atomically, fault::file_error, names::NamedTensor, torch::METADATA, write::Contents};

/// Storages begin at multiples of this many bytes, as in PyTorch, so that they can be mapped into memory.
const ALIGNMENT: u16 = 64;

/// Writes an `OrderedDict` of tensors that `torch.load(…, weights_only=True)` takes. The same contents give the same
/// bytes.
pub(crate) fn write(contents: &Contents<'_>, path: &Path) -> Result<()> {
    let pickle = pickle(contents).map_err(|e| file_error(path, e.to_string()))?;
    let metadata = serde_json::to_vec(&contents.metadata).map_err(|e| file_error(path, e.to_string()))?;
    atomically(path, |file| {
        // Not dropped after writing has failed: its destructor would try again and print the failure on stderr.
        let mut zip = ManuallyDrop::new(ZipWriter::new(file));
        let mut put = |name: &str, bytes: &[u8]| {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .with_alignment(ALIGNMENT)
                .large_file(bytes.len() as u64 > u64::from(u32::MAX) / 2);
            zip.start_file(format!("archive/{name}"), options)?;
            zip.write_all(bytes)
        };
        put("data.pkl", &pickle)?;
        put("byteorder", b"little")?;
        for (i, place) in contents.places.iter().enumerate() {
            put(&format!("data/{i}"), &contents.bytes(place))?;
        }
        put("version", b"3\n")?;
        put(METADATA, &metadata)?;
        ManuallyDrop::into_inner(zip).finish()?;
        Ok(())
    })
}

/// The pickle of the state dict, in protocol 2.
fn pickle(contents: &Contents<'_>) -> io::Result<Vec<u8>> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (i, place) in contents.places.iter().enumerate() {
        text(&mut out, &place.name)?;
        let kind = match contents.dtype(place) {
            DType::F64 => "DoubleStorage",
            DType::I64 => "LongStorage",
            _ => "FloatStorage",
        };
        tensor(&mut out, contents, place, kind, &i.to_string())?;
    }
    out.extend(b"u.");
    Ok(out)
}

/// The call `_rebuild_tensor_v2(("storage", kind, key, "cpu", numbers), 0, shape, strides, False, OrderedDict())`.
fn tensor(
    out: &mut Vec<u8>,
    contents: &Contents<'_>,
    place: &NamedTensor<'_>,
    kind: &str,
    key: &str,
) -> io::Result<()> {
    let shape = contents.shape(place);
    let strides: Vec<usize> = (1..=shape.len()).map(|axis| shape[axis..].iter().product()).collect();
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage")?;
    write!(out, "ctorch\n{kind}\n")?;
    text(out, key)?;
    text(out, "cpu")?;
    int(out, contents.count(place));
    out.extend(b"tQK\x00");
    for numbers in [&shape, &strides] {
        out.push(b'(');
        numbers.iter().for_each(|&n| int(out, n));
        out.push(b't');
    }
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    Ok(())
}

fn text(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    out.push(b'X');
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

fn int(out: &mut Vec<u8>, n: usize) {
    match u8::try_from(n) {
        Ok(n) => out.extend([b'K', n]),
        // Eight bytes with a sign: no tensor in memory has more numbers.
        Err(_) => {
            out.extend(b"\x8a\x08");
            out.extend((n as u64).to_le_bytes());
        }
    }
}
