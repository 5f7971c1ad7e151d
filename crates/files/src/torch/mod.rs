//! Reads files of `torch.save`: a zip archive of a pickle and storages.

mod directory;
pub(crate) mod legacy;
mod literal;
mod objects;
mod pickle;
mod state_dict;
mod strided;
pub(crate) mod write;

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    path::Path,
    rc::Rc,
};

use zip::{CompressionMethod, ZipArchive, result::ZipError};

use crate::Result;
use crate::{
    ReadOptions,
    fault::{file_error, io_error, tensor_error},
    tensors::{Input, Named, Source, TensorFile, check_total},
    torch::pickle::Pickle,
    torch::strided::{Storage, Strided},
};

/// The largest pickle that is read. A state dict takes about 200 bytes per tensor.
pub(crate) const MAX_PICKLE: u64 = 16 << 20;

/// The entry in which collado keeps the metadata of a network. PyTorch keeps extra files in the same folder.
pub(crate) const METADATA: &str = "extra/collado.json";

struct Archive<'p, R> {
    path: &'p Path,
    zip: ZipArchive<R>,
    /// The number of bytes that may still be read: overlapping entries could hold far more than the file.
    budget: u64,
}

/// Reads the state dict in a zip archive as `torch.save` writes it.
pub(crate) fn read(input: Input<'_, impl Source>, options: &ReadOptions) -> Result<TensorFile> {
    let Input { path, mut reader, len } = input;
    directory::check(path, &mut reader, len)?;
    let zip =
        ZipArchive::new(reader).map_err(|e| file_error(path, format!("is a damaged zip archive: {e}")))?;
    let mut archive = Archive { path, zip, budget: len };
    let mut names = archive.zip.file_names().filter(|n| *n == "data.pkl" || n.ends_with("/data.pkl"));
    let (first, others) = (names.next().map(str::to_owned), names.count());
    let Some(name) = first.filter(|_| others == 0) else {
        let count = archive.zip.file_names().filter(|n| n.ends_with("data.pkl")).count();
        let reason = format!("is a zip archive with {count} entries 'data.pkl', expected one of PyTorch");
        return Err(file_error(path, reason));
    };
    let prefix = name.trim_end_matches("data.pkl");
    archive.check_byte_order(prefix)?;
    let metadata = archive.metadata(prefix)?;
    let pickle = archive.entry(&name, MAX_PICKLE)?;
    let (pickle, _) = Pickle::parse(&pickle).map_err(|reason| file_error(path, reason))?;
    let (tensors, notes) = state_dict::tensors(path, &pickle, options.key.as_deref())?;
    let tensors = materialize(path, tensors, len, |storage| {
        archive.entry(&format!("{prefix}data/{}", storage.key), u64::MAX)
    })?;
    Ok(TensorFile { path: path.into(), tensors, metadata, notes })
}

/// Reads storages by `load` and picks the tensors out of them, in a file of `len` bytes.
pub(crate) fn materialize<'p>(
    path: &Path,
    tensors: Vec<Strided<'p>>,
    len: u64,
    mut load: impl FnMut(Storage<'p>) -> Result<Vec<u8>>,
) -> Result<Vec<Named>> {
    let mut storages: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut total = 0_u64;
    let mut result = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let dtype = tensor.dtype(path)?;
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
        let bytes = Rc::new(tensor.gather(storage, width, count));
        result.push(Named { name: tensor.name.into(), shape: tensor.into_shape(), dtype, bytes });
    }
    Ok(result)
}

impl<R: Source> Archive<'_, R> {
    fn check_byte_order(&mut self, prefix: &str) -> Result<()> {
        let name = format!("{prefix}byteorder");
        if self.zip.index_for_name(&name).is_none() {
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

    /// The metadata of the network, if collado wrote the file.
    fn metadata(&mut self, prefix: &str) -> Result<BTreeMap<String, String>> {
        let name = format!("{prefix}{METADATA}");
        if self.zip.index_for_name(&name).is_none() {
            return Ok(BTreeMap::new());
        }
        let text = self.entry(&name, MAX_PICKLE)?;
        let shown = name.escape_debug();
        serde_json::from_slice(&text)
            .map_err(|e| file_error(self.path, format!("entry '{shown}' is damaged: {e}")))
    }

    /// The content of an entry of at most `limit` bytes. PyTorch compresses nothing, so that sizes can be trusted.
    fn entry(&mut self, name: &str, limit: u64) -> Result<Vec<u8>> {
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
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::Other => {
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
