//! Files of networks: checkpoints, paths between two of them, and how they are read and written.
//!
//! A file becomes a list of named tensors ([`tensors`], from [`safetensors`] or [`torch`]), then the network is found
//! ([`resolve`]), then its tensors are put into the columns of a stack. Nothing in a file is trusted or executed:
//! sizes are compared with the file before memory is taken.

mod atomic;
mod fault;
mod natural;
mod outline;
mod path_file;
mod pickle;
mod provenance;
mod resolve;
mod safetensors;
mod sequential;
mod state;
mod state_dict;
mod tensors;
mod torch;
mod write;

use std::{collections::BTreeMap, path::Path};

use candle_core::Tensor;

pub use self::{
    atomic::{TEMPORARY, atomically, file_hash},
    path_file::{PathFile, PathKind},
    provenance::Provenance,
    state::SavedState,
};
use self::{fault::file_error, outline::Outline, path_file::PROVENANCE, resolve::ARCH};
use crate::{Arch, ArchSpec, Error, Result};

/// A network with its parameters, as a file holds it.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The network.
    pub arch: Arch,
    /// Its parameters `[S]` on the CPU, F32 or F64.
    pub theta: Tensor,
    /// How it came to be.
    pub provenance: Provenance,
    /// SHA-256 of the file it was read from.
    pub hash: Option<String>,
}

impl Checkpoint {
    /// Reads a `.safetensors` file or a PyTorch state dict (`.pt`, `.pth`); the content decides, not the name.
    ///
    /// `arch` is the `--arch` string: needed where neither the metadata nor the names of an `nn.Sequential` say what
    /// the network is. Tensors of 16 bits become F32.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, contradicts `arch`, or has a tensor that is missing, left over, of
    /// another shape or not finite; the message names it.
    pub fn read(path: &Path, arch: Option<&ArchSpec>) -> Result<Self> {
        let file = tensors::read(path)?;
        if file.metadata.contains_key(path_file::PATH) {
            let reason = "is a path, expected a checkpoint; 'collado point' takes one out of it";
            return Err(file_error(path, reason));
        }
        let provenance = match file.metadata.get(PROVENANCE) {
            Some(text) => serde_json::from_str(text)
                .map_err(|e| file_error(path, format!("metadata '{PROVENANCE}': {e}")))?,
            None => Provenance::default(),
        };
        let (arch, order) = resolve::resolve(&Outline::new(&file, None)?, arch)?;
        let theta = tensors::stack(&file, &arch.layout(), &order, 1)?.squeeze(0)?;
        Ok(Self { arch, theta, provenance, hash: Some(file_hash(path)?) })
    }

    /// Writes a `.safetensors` file that PyTorch's `load_state_dict` takes as it is. A run that is killed leaves
    /// the old file or the new one.
    ///
    /// # Errors
    /// When the file cannot be written, or `theta` is not a point of the architecture in F32 or F64.
    pub fn write(&self, path: &Path) -> Result<()> {
        let layout = self.arch.layout();
        if self.theta.dims() != [layout.len()] {
            let found = format!("{:?}", self.theta.dims());
            return Err(Error::mismatch("point", format!("[{}]", layout.len()), found));
        }
        let provenance =
            serde_json::to_string(&self.provenance).map_err(|e| file_error(path, e.to_string()))?;
        let metadata = BTreeMap::from([
            (ARCH, self.arch.to_string()),
            (PROVENANCE, provenance),
            ("format", "pt".into()),
        ]);
        write::write(path, &layout, &[], &self.theta.unsqueeze(0)?, &metadata)
    }
}
