//! Reads files of `torch.save` before PyTorch 1.6: five pickles, then the storages, without an archive around them.
//!
//! The pickles are a magic number, the version of the protocol, facts about the machine, the object, and the names
//! of the storages in the order in which they follow, each as the number of its elements and their bytes.

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read, SeekFrom},
    path::Path,
};

use crate::Result;
use crate::{
    ReadOptions,
    fault::{file_error, io_error, tensor_error},
    tensors::{Input, Source, TensorFile},
    torch::objects::{Id, Object},
    torch::pickle::Pickle,
    torch::state_dict,
    torch::strided::Storage,
    torch::{MAX_PICKLE, materialize},
};

/// The pickle instruction that stands for PyTorch's magic number.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";

/// Reads the state dict of a file that begins with a pickle.
pub(crate) fn read(input: Input<'_, impl Source>, options: &ReadOptions) -> Result<TensorFile> {
    let Input { path, mut reader, len } = input;
    let mut head = Vec::new();
    reader.by_ref().take(MAX_PICKLE).read_to_end(&mut head).map_err(|e| io_error(path, &e))?;
    let fault = |reason| file_error(path, reason);
    let (_, rest) = Pickle::parse(&head).map_err(fault)?;
    if !head[..head.len() - rest.len()].windows(MAGIC.len()).any(|window| window == MAGIC) {
        let reason =
            "is a pickle, but none of PyTorch's; save a 'state_dict()' with torch.save or safetensors";
        return Err(file_error(path, reason));
    }
    let (_, rest) = Pickle::parse(rest).map_err(fault)?;
    let (machine, rest) = Pickle::parse(rest).map_err(fault)?;
    check_byte_order(path, &machine)?;
    let (object, rest) = Pickle::parse(rest).map_err(fault)?;
    let (keys, rest) = Pickle::parse(rest).map_err(fault)?;
    let (tensors, notes) = state_dict::tensors(path, &object, options.key.as_deref())?;
    let start = (head.len() - rest.len()) as u64;
    let places = places(path, &object, &keys, &mut reader, start, len)?;
    let tensors = materialize(path, tensors, len, options.kinds(), |storage| {
        let missing = || file_error(path, format!("has no storage '{}'", storage.key.escape_debug()));
        let &(place, bytes) = places.get(storage.key).ok_or_else(missing)?;
        reader.seek(SeekFrom::Start(place)).map_err(|e| io_error(path, &e))?;
        let mut data = Vec::new();
        reader.by_ref().take(bytes).read_to_end(&mut data).map_err(|e| io_error(path, &e))?;
        Ok(data)
    })?;
    Ok(TensorFile { path: path.into(), tensors, metadata: BTreeMap::new(), notes, network: None })
}

/// Checks the pickle that describes the machine, `{"little_endian": True, …}`.
fn check_byte_order(path: &Path, machine: &Pickle<'_>) -> Result<()> {
    let Object::Dict(facts) = machine.objects.get(machine.root) else {
        return Err(file_error(path, "is damaged: says nothing about its byte order"));
    };
    let is = |word: &str| facts.iter().find(|(key, _)| machine.objects.text(*key) == Some(word));
    match is("little_endian") {
        Some(&(_, value)) if value == Id::FALSE => {
            Err(file_error(path, "has the byte order 'big', expected 'little'"))
        }
        _ => Ok(()),
    }
}

/// The offset and the length of each storage in the file.
fn places<'p>(
    path: &Path,
    object: &'p Pickle<'_>,
    keys: &'p Pickle<'_>,
    reader: &mut impl Source,
    start: u64,
    len: u64,
) -> Result<HashMap<&'p str, (u64, u64)>> {
    let storages: HashMap<&str, Storage<'_>> =
        object.objects.storages().filter_map(|id| Storage::new(object, id)).map(|s| (s.key, s)).collect();
    let Object::List(list) = keys.objects.get(keys.root) else {
        return Err(file_error(path, "is damaged: has no list of storages"));
    };
    let mut places = HashMap::new();
    let mut at = start;
    for &key in list {
        let unknown = || file_error(path, "is damaged: lists a storage that no tensor has");
        let key = keys.objects.text(key).ok_or_else(unknown)?;
        let storage = storages.get(key).ok_or_else(unknown)?;
        let size = |width: usize| (storage.numbers as u64).checked_mul(width as u64);
        let mut count = [0; 8];
        reader.seek(SeekFrom::Start(at)).map_err(|e| io_error(path, &e))?;
        reader.read_exact(&mut count).map_err(|e| io_error(path, &e))?;
        let count = u64::from_le_bytes(count);
        if count != storage.numbers as u64 {
            let expected = format!("{} numbers", storage.numbers);
            return Err(tensor_error(path, key, expected, format!("a storage of {count}")));
        }
        let Some(bytes) = storage.width().and_then(size).filter(|bytes| *bytes <= len.saturating_sub(at + 8))
        else {
            return Err(file_error(path, format!("ends within its storage '{}'", key.escape_debug())));
        };
        places.insert(key, (at + 8, bytes));
        at += 8 + bytes;
    }
    Ok(places)
}
