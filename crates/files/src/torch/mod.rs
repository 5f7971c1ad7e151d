//! Reads files of `torch.save`: a zip archive of a pickle and storages.

pub(crate) mod directory;
pub(crate) mod legacy;
mod literal;
mod objects;
mod pickle;
mod state_dict;
pub(crate) mod strided;
pub(crate) mod write;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    rc::Rc,
};

use crate::Result;
use crate::{
    ReadOptions,
    archive::Archive,
    described::NETWORK,
    fault::{file_error, tensor_error},
    tensors::{Kinds, Named, Source, TensorFile, check_total},
    torch::pickle::Pickle,
    torch::strided::{Storage, Strided, View},
};

/// The largest pickle that is read. A state dict takes about 200 bytes per tensor.
pub(crate) const MAX_PICKLE: u64 = 16 << 20;

/// The entry in which collado keeps the metadata of a network. PyTorch keeps extra files in the same folder.
pub(crate) const METADATA: &str = "extra/collado.json";

/// Reads the state dict in a zip archive as `torch.save` writes it.
pub(crate) fn read(mut archive: Archive<'_, impl Source>, options: &ReadOptions) -> Result<TensorFile> {
    let path = archive.path;
    let prefix = prefix(&archive)?;
    archive.check_byte_order(&prefix)?;
    let metadata = metadata(&mut archive, &prefix)?;
    let pickle = archive.entry(&format!("{prefix}data.pkl"), MAX_PICKLE)?;
    let (pickle, _) = Pickle::parse(&pickle).map_err(|reason| file_error(path, reason))?;
    let (tensors, notes) = state_dict::tensors(path, &pickle, options.key.as_deref())?;
    let kinds = if metadata.contains_key(NETWORK) { Kinds::All } else { options.kinds() };
    let tensors = load(&mut archive, &prefix, tensors, kinds)?;
    Ok(TensorFile { path: path.into(), tensors, metadata, notes, network: None })
}

/// Reads all tensors of the dictionary that a zip archive holds, of whatever kind.
pub(crate) fn read_dictionary(mut archive: Archive<'_, impl Source>) -> Result<Vec<Named>> {
    let path = archive.path;
    let prefix = prefix(&archive)?;
    archive.check_byte_order(&prefix)?;
    let pickle = archive.entry(&format!("{prefix}data.pkl"), MAX_PICKLE)?;
    let (pickle, _) = Pickle::parse(&pickle).map_err(|reason| file_error(path, reason))?;
    let (tensors, _) = state_dict::top(&pickle).map_err(|reason| file_error(path, reason))?;
    load(&mut archive, &prefix, tensors, Kinds::All)
}

/// What the names of the entries begin with.
fn prefix(archive: &Archive<'_, impl Source>) -> Result<String> {
    let mut names = archive.names().filter(|n| *n == "data.pkl" || n.ends_with("/data.pkl"));
    match (names.next(), names.count()) {
        (Some(name), 0) => Ok(name.trim_end_matches("data.pkl").to_owned()),
        _ => {
            let count = archive.names().filter(|n| n.ends_with("data.pkl")).count();
            let reason = format!("is a zip archive with {count} entries 'data.pkl', expected one of PyTorch");
            Err(file_error(archive.path, reason))
        }
    }
}

fn load<'p>(
    archive: &mut Archive<'_, impl Source>,
    prefix: &str,
    tensors: Vec<Strided<'p>>,
    kinds: Kinds,
) -> Result<Vec<Named>> {
    let (path, len) = (archive.path, archive.len);
    materialize(path, tensors, len, kinds, |storage| {
        archive.entry(&format!("{prefix}data/{}", storage.key), u64::MAX)
    })
}

/// Reads storages by `load` and picks the tensors out of them, in a file of `len` bytes.
pub(crate) fn materialize<'p>(
    path: &Path,
    tensors: Vec<Strided<'p>>,
    len: u64,
    kinds: Kinds,
    mut load: impl FnMut(Storage<'p>) -> Result<Vec<u8>>,
) -> Result<Vec<Named>> {
    let mut storages: HashMap<&str, Vec<u8>> = HashMap::new();
    // Tensors that are the same part of a storage are tied.
    let mut parts: HashMap<(&str, View), Rc<Vec<u8>>> = HashMap::new();
    let mut total = 0_u64;
    let mut result = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let dtype = tensor.dtype(path, kinds)?;
        let width = dtype.size_in_bytes();
        let count = tensor.count(path)?;
        // Tied and expanded tensors share numbers.
        total = total.saturating_add(count as u64);
        check_total(path, total, len)?;
        let Storage { key, numbers, .. } = tensor.storage;
        if !storages.contains_key(key) {
            storages.insert(key, load(tensor.storage)?);
        }
        let storage = &storages[key];
        if Some(storage.len()) != numbers.checked_mul(width) {
            let expected = format!("{numbers} numbers in its storage '{}'", key.escape_debug());
            let found = format!("{} bytes", storage.len());
            return Err(tensor_error(path, tensor.name, expected, found));
        }
        let part = parts.entry((key, tensor.view.clone()));
        let bytes = Rc::clone(part.or_insert_with(|| Rc::new(tensor.view.gather(storage, width, count))));
        result.push(Named { name: tensor.name.into(), shape: tensor.into_shape(), dtype, bytes });
    }
    Ok(result)
}

/// The metadata of the network, if collado wrote the file.
fn metadata(archive: &mut Archive<'_, impl Source>, prefix: &str) -> Result<BTreeMap<String, String>> {
    let name = format!("{prefix}{METADATA}");
    if !archive.has(&name) {
        return Ok(BTreeMap::new());
    }
    let text = archive.entry(&name, MAX_PICKLE)?;
    let shown = name.escape_debug();
    serde_json::from_slice(&text)
        .map_err(|e| file_error(archive.path, format!("entry '{shown}' is damaged: {e}")))
}
