//! A reader of the safetensors format. The crate of that name does not tell which tensor is wrong, accepts a tensor
//! named twice, and slices out of bounds when the offsets of a header add up to 2^64.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    io::Read,
    path::Path,
    rc::Rc,
};

use candle_core::DType;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};

use crate::Result;
use crate::{
    described::NETWORK,
    fault::{file_error, io_error, tensor_error},
    tensors::{Input, Kinds, Named, Source, TensorFile, check_total, is_count},
};

/// The longest header that is read, which is also the limit of other readers.
const MAX_HEADER: u64 = 100_000_000;

struct Header {
    metadata: BTreeMap<String, String>,
    tensors: Vec<(String, Info)>,
}

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// Reads a file. Nothing is allocated that the file does not hold.
pub(crate) fn read(input: Input<'_, impl Source>, kinds: Kinds) -> Result<TensorFile> {
    let Input { path, reader: mut file, len } = input;
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(|e| io_error(path, &e))?;
    let (size, rest) = (u64::from_le_bytes(size), len.saturating_sub(8));
    if size > rest || size > MAX_HEADER {
        let reason = format!("is cut off or damaged: its header should have {size} bytes, {rest} are there");
        return Err(file_error(path, reason));
    }
    let header = bytes(path, &mut file, size)?;
    let Header { metadata, mut tensors } = serde_json::from_slice(&header)
        .map_err(|e| file_error(path, format!("its header is damaged: {e}")))?;
    // Masks and the like stand in state dicts of such networks.
    let kinds = if metadata.contains_key(NETWORK) { Kinds::All } else { kinds };
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let dtypes = check(path, &tensors, rest - size, kinds)?;
    let mut tensors = tensors
        .into_iter()
        .zip(dtypes)
        .map(|((name, info), dtype)| {
            let bytes = bytes(path, &mut file, info.data_offsets.1 - info.data_offsets.0)?;
            Ok(Named { name, shape: info.shape, dtype, bytes: Rc::new(bytes) })
        })
        .collect::<Result<_>>()?;
    add_aliases(path, &mut tensors, &metadata, len)?;
    Ok(TensorFile { path: path.into(), tensors, metadata, notes: Vec::new(), network: None })
}

/// Adds the tensors that `safetensors.torch.save_model` leaves out because they share the numbers of another tensor.
/// The metadata have an entry `alias: name` for each.
fn add_aliases(
    path: &Path,
    tensors: &mut Vec<Named>,
    metadata: &BTreeMap<String, String>,
    len: u64,
) -> Result<()> {
    let places: HashMap<String, usize> =
        tensors.iter().enumerate().map(|(i, tensor)| (tensor.name.clone(), i)).collect();
    let mut total = 0;
    for (alias, name) in metadata {
        let (None, Some(&i)) = (places.get(alias), places.get(name)) else { continue };
        let Named { shape, dtype, bytes, .. } = &tensors[i];
        total += (bytes.len() / dtype.size_in_bytes()) as u64;
        check_total(path, total, len)?;
        let (shape, dtype, bytes) = (shape.clone(), *dtype, Rc::clone(bytes));
        tensors.push(Named { name: alias.clone(), shape, dtype, bytes });
    }
    Ok(())
}

/// Checks that the tensors, in the order of their data, fill exactly `available` bytes; returns their dtypes.
fn check(path: &Path, tensors: &[(String, Info)], available: u64, kinds: Kinds) -> Result<Vec<DType>> {
    let mut end = 0;
    let mut dtypes = Vec::with_capacity(tensors.len());
    for (name, Info { dtype, shape, data_offsets: (start, stop) }) in tensors {
        let fault = |expected: String, found: String| tensor_error(path, name, expected, found);
        let known = match dtype.as_str() {
            "F64" => DType::F64,
            "F32" => DType::F32,
            "F16" => DType::F16,
            "BF16" => DType::BF16,
            // Numbers of batches are the only integers in the state of most networks.
            "I64" if kinds == Kinds::All || is_count(name) => DType::I64,
            "I32" if kinds == Kinds::All => DType::I32,
            "I16" if kinds == Kinds::All => DType::I16,
            "U8" | "BOOL" if kinds == Kinds::All => DType::U8,
            other => return Err(fault("F32, F64, F16 or BF16".into(), other.escape_debug().to_string())),
        };
        let size = shape.iter().try_fold(known.size_in_bytes(), |product, &n| product.checked_mul(n));
        let Some(size) = size.map(|n| n as u64) else {
            return Err(fault("a size that memory can hold".into(), format!("{shape:?}")));
        };
        if *start != end {
            return Err(fault(format!("data from byte {end}"), format!("from byte {start}")));
        }
        let found = stop.checked_sub(*start).ok_or_else(|| {
            fault("data that end after their start".into(), format!("bytes {start} to {stop}"))
        })?;
        if found != size {
            return Err(fault(format!("{size} bytes for {dtype} {shape:?}"), found.to_string()));
        }
        end = *stop;
        dtypes.push(known);
    }
    if end != available {
        let reason =
            format!("is cut off or damaged: its tensors should have {end} bytes, {available} are there");
        return Err(file_error(path, reason));
    }
    Ok(dtypes)
}

fn bytes(path: &Path, file: &mut impl Read, count: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes).map_err(|e| io_error(path, &e))?;
    if bytes.len() as u64 == count { Ok(bytes) } else { Err(file_error(path, "ends too early")) }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header { metadata: BTreeMap::new(), tensors: Vec::new() };
                let mut names = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        let name = name.escape_debug();
                        return Err(A::Error::custom(format!("tensor '{name}' is named twice")));
                    }
                    if name == "__metadata__" {
                        header.metadata = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else {
                        header.tensors.push((name, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        from.deserialize_map(Entries)
    }
}
