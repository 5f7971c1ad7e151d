use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use candle_core::DType;
use zip::{CompressionMethod, ZipArchive, result::ZipError};

use super::{
    fault::{file_error, io_error, tensor_error},
    pickle::Pickle,
    state_dict::{self, Strided},
    tensors::{Named, TensorFile},
};
use crate::Result;

/// A state dict takes about 200 bytes a tensor.
const MAX_PICKLE: u64 = 16 << 20;

struct Archive<'p> {
    path: &'p Path,
    zip: ZipArchive<BufReader<File>>,
    /// Bytes that may still be read: entries that overlap could hold far more than the file.
    budget: u64,
}

/// Reads the state dict in a zip archive of `len` bytes as `torch.save` writes it.
pub(super) fn read(path: &Path, file: File, len: u64) -> Result<TensorFile> {
    let zip = ZipArchive::new(BufReader::new(file))
        .map_err(|e| file_error(path, format!("is a damaged zip archive: {e}")))?;
    let mut archive = Archive { path, zip, budget: len };
    let names: Vec<String> = archive
        .zip
        .file_names()
        .filter(|n| *n == "data.pkl" || n.ends_with("/data.pkl"))
        .map(Into::into)
        .collect();
    let [name] = names.as_slice() else {
        let reason =
            format!("is a zip archive with {} entries 'data.pkl', expected one of PyTorch", names.len());
        return Err(file_error(path, reason));
    };
    let prefix = name.trim_end_matches("data.pkl");
    archive.check_byte_order(prefix)?;
    let pickle = archive.entry(name, MAX_PICKLE)?;
    let pickle = Pickle::parse(&pickle).map_err(|reason| file_error(path, reason))?;
    let tensors = state_dict::tensors(&pickle).map_err(|reason| file_error(path, reason))?;
    let tensors = materialize(&mut archive, prefix, tensors, len)?;
    Ok(TensorFile { path: path.into(), tensors, metadata: BTreeMap::new(), ordered: true })
}

/// Reads the storages and picks the tensors out of them.
fn materialize(archive: &mut Archive, prefix: &str, tensors: Vec<Strided>, len: u64) -> Result<Vec<Named>> {
    let mut storages: HashMap<&str, Vec<u8>> = HashMap::new();
    let mut total = 0_u64;
    let mut result = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let dtype = dtype(archive.path, &tensor)?;
        let count = check_layout(archive.path, &tensor)?;
        // Tied tensors share a storage; so many of them that the file could not hold their number are a bomb.
        total = total.saturating_add(count as u64);
        if total > len {
            let reason = format!("its tensors would need {total} numbers, more than its {len} bytes");
            return Err(file_error(archive.path, reason));
        }
        if !storages.contains_key(tensor.key) {
            let bytes = archive.entry(&format!("{prefix}data/{}", tensor.key), u64::MAX)?;
            storages.insert(tensor.key, bytes);
        }
        let storage = &storages[tensor.key];
        if Some(storage.len()) != tensor.numbers.checked_mul(dtype.size_in_bytes()) {
            let expected =
                format!("{} numbers in its storage '{}'", tensor.numbers, tensor.key.escape_debug());
            let found = format!("{} bytes", storage.len());
            return Err(tensor_error(archive.path, tensor.name, expected, found));
        }
        let bytes = gather(storage, dtype.size_in_bytes(), &tensor, count);
        result.push(Named { name: tensor.name.into(), shape: tensor.shape, dtype, bytes });
    }
    Ok(result)
}

fn dtype(path: &Path, tensor: &Strided) -> Result<DType> {
    match tensor.kind {
        "FloatStorage" => Ok(DType::F32),
        "DoubleStorage" => Ok(DType::F64),
        "HalfStorage" => Ok(DType::F16),
        "BFloat16Storage" => Ok(DType::BF16),
        other => Err(tensor_error(path, tensor.name, "F32, F64, F16 or BF16", other.escape_debug())),
    }
}

/// The number of elements, once it is known that all of them lie in the storage and no two in the same place
/// over and over.
fn check_layout(path: &Path, tensor: &Strided) -> Result<usize> {
    let Strided { shape, strides, offset, numbers, .. } = tensor;
    let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    let last = shape.iter().zip(strides).try_fold(*offset, |at, (&n, &stride)| {
        n.saturating_sub(1).checked_mul(stride).and_then(|step| at.checked_add(step))
    });
    match (count, last) {
        (Some(count), Some(last))
            if shape.len() == strides.len() && count <= *numbers && (count == 0 || last < *numbers) =>
        {
            Ok(count)
        }
        _ => Err(tensor_error(
            path,
            tensor.name,
            format!("a shape within its storage of {numbers} numbers"),
            format!("{shape:?} with strides {strides:?} from {offset}"),
        )),
    }
}

/// The `count` elements in row-major order. [`check_layout`] has put them inside `storage`.
fn gather(storage: &[u8], width: usize, tensor: &Strided, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count * width);
    let mut index = vec![0; tensor.shape.len()];
    let mut at = tensor.offset;
    for _ in 0..count {
        bytes.extend_from_slice(&storage[at * width..(at + 1) * width]);
        for ((i, &n), &stride) in index.iter_mut().zip(&tensor.shape).zip(&tensor.strides).rev() {
            if *i + 1 < n {
                *i += 1;
                at += stride;
                break;
            }
            at -= *i * stride;
            *i = 0;
        }
    }
    bytes
}

impl Archive<'_> {
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
