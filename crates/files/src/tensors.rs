use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufReader, Cursor, Read, Seek},
    path::{Path, PathBuf},
    rc::Rc,
};

use candle_core::{DType, Device, Tensor};

use crate::Result;
use crate::{
    ReadOptions,
    fault::{file_error, io_error, tensor_error},
    legacy,
    outline::Outline,
    safetensors, torch,
};
use collado_models::Layout;

/// A tensor as it lies in a file: little-endian numbers, last index fastest.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
    pub(crate) bytes: Rc<Vec<u8>>,
}

/// What every readable format boils down to.
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    /// In the order of the file.
    pub(crate) tensors: Vec<Named>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// What was left out.
    pub(crate) notes: Vec<String>,
}

/// Where bytes come from: a file or memory.
pub(crate) trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// A source of `len` bytes, and the name that messages give it.
pub(crate) struct Input<'p, R> {
    pub(crate) path: &'p Path,
    pub(crate) reader: R,
    pub(crate) len: u64,
}

/// Reads a file of tensors, whose format its first bytes tell.
pub(crate) fn read(path: &Path, options: &ReadOptions) -> Result<TensorFile> {
    let fault = |e| io_error(path, &e);
    let meta = fs::metadata(path).map_err(fault)?;
    if meta.is_dir() {
        return Err(file_error(path, "is a directory, expected a file"));
    }
    if !meta.is_file() {
        return Err(file_error(path, "is not a regular file"));
    }
    let reader = BufReader::new(File::open(path).map_err(fault)?);
    read_from(Input { path, reader, len: meta.len() }, options)
}

/// The same from memory.
pub(crate) fn read_bytes(bytes: &[u8], options: &ReadOptions) -> Result<TensorFile> {
    let (path, len) = (Path::new("bytes in memory"), bytes.len() as u64);
    read_from(Input { path, reader: Cursor::new(bytes), len }, options)
}

fn read_from(mut input: Input<'_, impl Source>, options: &ReadOptions) -> Result<TensorFile> {
    let path = input.path;
    let mut start = Vec::new();
    input.reader.by_ref().take(9).read_to_end(&mut start).map_err(|e| io_error(path, &e))?;
    input.reader.rewind().map_err(|e| io_error(path, &e))?;
    match start.as_slice() {
        [] => Err(file_error(path, "is empty")),
        [b'P', b'K', 3, 4, ..] => torch::read(input, options),
        // The length of a header is in front of its brace, and any byte can start it: the brace decides.
        [_, _, _, _, _, _, _, _, b'{'] => {
            let mut file = safetensors::read(input)?;
            if options.key.is_some() {
                file.notes
                    .push("--key is not looked at: a safetensors file is one dictionary of tensors".into());
            }
            Ok(file)
        }
        [0x80, 1..=5, ..] => legacy::read(input, options),
        _ => Err(file_error(path, "is neither a safetensors file nor one of PyTorch")),
    }
}

/// Refuses a file of `len` bytes whose tensors, some of which share their numbers, have far more than it.
pub(crate) fn check_total(path: &Path, total: u64, len: u64) -> Result<()> {
    if total <= len.saturating_mul(16) {
        return Ok(());
    }
    let reason = format!("its tensors would need {total} numbers, far more than its {len} bytes");
    Err(file_error(path, reason))
}

/// The stack `[V, S]` of a file whose tensor `order[i]` is entry `i` of `layout` at V points.
///
/// Numbers of 16 bits become F32. All must be finite and of one dtype.
pub(crate) fn stack(outline: &Outline, layout: &Layout, order: &[usize], points: usize) -> Result<Tensor> {
    let file = outline.file;
    let mut parts: Vec<Tensor> = Vec::with_capacity(order.len());
    for (entry, &i) in layout.entries().iter().zip(order) {
        let named = &file.tensors[i];
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
        parts.push(match entry.shape.as_slice() {
            &[outputs, inputs] if outline.is_kernel(i) => {
                part.reshape((points, inputs, outputs))?.transpose(1, 2)?.reshape((points, entry.len()))?
            }
            _ => part,
        });
    }
    Ok(Tensor::cat(&parts, 1)?)
}

/// `F32`, as safetensors and these messages call it.
pub(crate) fn dtype_name(dtype: DType) -> String {
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
