use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Seek},
    path::{Path, PathBuf},
};

use candle_core::{DType, Device, Tensor};

use super::{
    fault::{file_error, io_error, tensor_error},
    safetensors, torch,
};
use crate::{Layout, Result};

/// A tensor as it lies in a file: little-endian numbers, last index fastest.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: DType,
    pub(super) bytes: Vec<u8>,
}

/// What every readable format boils down to.
pub(super) struct TensorFile {
    pub(super) path: PathBuf,
    pub(super) tensors: Vec<Named>,
    pub(super) metadata: BTreeMap<String, String>,
    /// Whether the tensors stand in the order in which the network was built.
    pub(super) ordered: bool,
}

/// Reads a file of tensors, whose format its first bytes tell.
pub(super) fn read(path: &Path) -> Result<TensorFile> {
    let fault = |e| io_error(path, &e);
    let meta = fs::metadata(path).map_err(fault)?;
    if meta.is_dir() {
        return Err(file_error(path, "is a directory, expected a file"));
    }
    if !meta.is_file() {
        return Err(file_error(path, "is not a regular file"));
    }
    let mut file = File::open(path).map_err(fault)?;
    let mut start = Vec::new();
    file.by_ref().take(9).read_to_end(&mut start).map_err(fault)?;
    file.rewind().map_err(fault)?;
    match start.as_slice() {
        [] => Err(file_error(path, "is empty")),
        [b'P', b'K', 3, 4, ..] => torch::read(path, file, meta.len()),
        // The length of a header is in front of its brace, and any byte can start it: the brace decides.
        [_, _, _, _, _, _, _, _, b'{'] => safetensors::read(path, file, meta.len()),
        [0x80, 1..=5, ..] => Err(file_error(
            path,
            "is a pickle without the zip archive around it, as PyTorch before 1.6 wrote; save it again with a newer one",
        )),
        _ => Err(file_error(path, "is neither a safetensors file nor a PyTorch zip archive")),
    }
}

/// The stack `[V, S]` of a file whose tensor `order[i]` is entry `i` of `layout` at V points.
///
/// Numbers of 16 bits become F32. All must be finite and of one dtype.
pub(super) fn stack(file: &TensorFile, layout: &Layout, order: &[usize], points: usize) -> Result<Tensor> {
    let mut parts: Vec<Tensor> = Vec::with_capacity(order.len());
    for (entry, named) in layout.entries().iter().zip(order.iter().filter_map(|&i| file.tensors.get(i))) {
        let part = Tensor::from_raw_buffer(&named.bytes, named.dtype, &[points, entry.len()], &Device::Cpu)?;
        let part = match named.dtype {
            DType::F64 => part,
            _ => part.to_dtype(DType::F32)?,
        };
        check_finite(file, named, &part)?;
        if let Some(first) = parts.first().filter(|first| first.dtype() != part.dtype()) {
            let first_name = order.first().map_or("", |&i| file.tensors[i].name.as_str());
            let expected = format!("{} as in '{first_name}'", dtype_name(first.dtype()));
            return Err(tensor_error(&file.path, &named.name, expected, dtype_name(part.dtype())));
        }
        parts.push(part);
    }
    Ok(Tensor::cat(&parts, 1)?)
}

/// `F32`, as safetensors and these messages call it.
pub(super) fn dtype_name(dtype: DType) -> String {
    dtype.as_str().to_uppercase()
}

fn check_finite(file: &TensorFile, named: &Named, values: &Tensor) -> Result<()> {
    let values = values.flatten_all()?;
    let odd = match values.dtype() {
        DType::F64 => first_odd(values.to_vec1::<f64>()?),
        _ => first_odd(values.to_vec1::<f32>()?.into_iter().map(f64::from)),
    };
    let Some((flat, value)) = odd else { return Ok(()) };
    let mut rest = flat;
    let mut index: Vec<usize> = named.shape.iter().rev().map(|&n| (rest % n, rest /= n).0).collect();
    index.reverse();
    Err(tensor_error(&file.path, &named.name, "finite numbers", format!("{value} at {index:?}")))
}

fn first_odd(values: impl IntoIterator<Item = f64>) -> Option<(usize, f64)> {
    values.into_iter().enumerate().find(|(_, v)| !v.is_finite())
}
