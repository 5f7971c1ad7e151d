//! Named tensors, what every readable format boils down to.

use std::{
    collections::BTreeMap,
    io::{Read, Seek},
    path::{Path, PathBuf},
    rc::Rc,
};

use candle_core::DType;

use crate::{Result, fault::file_error};

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

/// Refuses a file of `len` bytes whose tensors, some of which share their numbers, have far more than it.
pub(crate) fn check_total(path: &Path, total: u64, len: u64) -> Result<()> {
    if total <= len.saturating_mul(16) {
        return Ok(());
    }
    let reason = format!("its tensors would need {total} numbers, far more than its {len} bytes");
    Err(file_error(path, reason))
}

/// `F32`, as safetensors and these messages call it.
pub(crate) fn dtype_name(dtype: DType) -> String {
    dtype.as_str().to_uppercase()
}
