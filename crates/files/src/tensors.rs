//! The common form of all readable files: a list of named tensors, and its conversion to a stack of points.
//!
//! The content of a file of tensors, in the same form for every readable format.

use std::{
    collections::BTreeMap,
    io::{Read, Seek},
    path::{Path, PathBuf},
    rc::Rc,
};

use candle_core::DType;
use collado_models::Arch;

use crate::{Result, fault::file_error};

/// A tensor as it lies in a file: little-endian numbers, last index fastest.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: DType,
    pub(crate) bytes: Rc<Vec<u8>>,
}

/// The content of a file of tensors, in the same form for every readable format.
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    /// The tensors in the order of the file.
    pub(crate) tensors: Vec<Named>,
    pub(crate) metadata: BTreeMap<String, String>,
    /// Sentences that tell what was left out.
    pub(crate) notes: Vec<String>,
    /// The network, where the file is a graph.
    pub(crate) network: Option<Arch>,
}

/// The kinds of numbers that are read from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Floating-point numbers, and numbers of batches.
    Floats,
    /// Those, and whole numbers and truth values, which networks from graph files have as constants.
    All,
}

/// A source of bytes: a file or memory.
pub(crate) trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// A source of `len` bytes, with its name for messages.
pub(crate) struct Input<'p, R> {
    pub(crate) path: &'p Path,
    pub(crate) reader: R,
    pub(crate) len: u64,
}

/// Refuses a file of `len` bytes whose tensors have far more bytes than the file, which is possible where they share
/// their numbers.
pub(crate) fn check_total(path: &Path, total: u64, len: u64) -> Result<()> {
    if total <= len.saturating_mul(16) {
        return Ok(());
    }
    let reason = format!("its tensors would need {total} numbers, far more than its {len} bytes");
    Err(file_error(path, reason))
}

/// Whether a tensor of this name is a number of batches, as batch normalisation keeps it.
pub(crate) fn is_count(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

/// The name of a dtype as in safetensors, for example `F32`.
pub(crate) fn dtype_name(dtype: DType) -> String {
    dtype.as_str().to_uppercase()
}
