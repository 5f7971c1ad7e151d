//! Checkpoint files: a network with its parameters.

use std::{collections::BTreeMap, path::Path};

use candle_core::Tensor;
use collado_models::Arch;
use sha2::{Digest, Sha256};

use crate::{
    Error, Names, Provenance, ReadOptions, Result,
    atomic::file_hash,
    described::{self, NETWORK},
    fault::file_error,
    format,
    outline::Outline,
    path_file::{PATH, PROVENANCE},
    resolve::{ARCH, resolve},
    stack::{buffers, stack},
    tensors::TensorFile,
    write::{Contents, with_layout},
};

/// A network with its parameters, as a checkpoint file holds it.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The network.
    pub arch: Arch,
    /// Its parameters `[S]` on the CPU, F32 or F64.
    pub theta: Tensor,
    /// The running statistics of batch normalisation `[B]` in F64, if there are any.
    pub buffers: Option<Tensor>,
    /// The origin of the parameters: data, loss, seed, command and so on.
    pub provenance: Provenance,
    /// SHA-256 of the file that it was read from, if it was.
    pub hash: Option<String>,
    /// The names of the tensors in the file; they are written under the same names.
    pub names: Names,
    /// Sentences that tell what was guessed or left out when the file was read.
    pub notes: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint that was not read from a file, under the names of the network's own layout.
    pub fn new(arch: Arch, theta: Tensor, provenance: Provenance) -> Self {
        let (names, notes) = (Names::default(), Vec::new());
        Self { arch, theta, buffers: None, provenance, hash: None, names, notes }
    }

    /// The same checkpoint with the running statistics `[B]` of batch normalisation.
    #[must_use]
    pub fn with_buffers(self, buffers: Option<Tensor>) -> Self {
        Self { buffers, ..self }
    }

    /// The same checkpoint, to be written under the names of another file's tensors.
    #[must_use]
    pub fn named(self, names: Names) -> Self {
        Self { names, ..self }
    }

    /// Reads a `.safetensors` file or a PyTorch state dict (`.pt`, `.pth`, `.ckpt`); the content decides, not the
    /// name.
    ///
    /// What the metadata do not state is taken from `options`, or else inferred from names and shapes; guesses are
    /// mentioned in [`notes`](Self::notes). Tensors of 16 bits become F32.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, contradicts `options`, can be read in two ways, or has a tensor that
    /// is missing, left over, of another shape or not finite; the message names it.
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self> {
        let checkpoint = Self::of(&format::read(path, options)?, options)?;
        Ok(Self { hash: Some(file_hash(path)?), ..checkpoint })
    }

    /// Reads a checkpoint from the content of such a file.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub fn from_bytes(bytes: &[u8], options: &ReadOptions) -> Result<Self> {
        let checkpoint = Self::of(&format::read_bytes(bytes, options)?, options)?;
        Ok(Self { hash: Some(format!("{:x}", Sha256::digest(bytes))), ..checkpoint })
    }

    fn of(file: &TensorFile, options: &ReadOptions) -> Result<Self> {
        let path = &file.path;
        if file.metadata.contains_key(PATH) {
            let reason = "is a path, expected a checkpoint; 'collado point' takes one out of it";
            return Err(file_error(path, reason));
        }
        let provenance = match file.metadata.get(PROVENANCE) {
            Some(text) => serde_json::from_str(text)
                .map_err(|e| file_error(path, format!("metadata '{PROVENANCE}': {e}")))?,
            None => Provenance::default(),
        };
        let outline = Outline::of(file, None, options)?;
        let found = resolve(&outline, options)?;
        let network = found.arch.network();
        let theta = stack(&outline, network.layout(), &found.order, 1)?.squeeze(0)?;
        let buffers = buffers(&outline, network.buffers(), &found.buffers, 1)?;
        let buffers = buffers.map(|rows| rows.squeeze(0)).transpose()?;
        let names = found.names(&outline);
        let notes = file.notes.iter().map(|text| outline.note(text)).chain(found.notes).collect();
        Ok(Self { arch: found.arch, theta, buffers, provenance, hash: None, names, notes })
    }

    /// Writes a file that PyTorch's `load_state_dict` takes as it is: `.safetensors`, or `.pt` and `.pth` as
    /// `torch.save` writes them. A run that is killed leaves the old file or the new one.
    ///
    /// # Errors
    /// When the name ends in something else, the file cannot be written, or `theta` is not a point of the
    /// architecture in F32 or F64.
    pub fn write(&self, path: &Path) -> Result<()> {
        let network = self.arch.network();
        let layout = network.layout();
        if self.theta.dims() != [layout.len()] {
            let found = format!("{:?}", self.theta.dims());
            return Err(Error::mismatch("point", format!("[{}]", layout.len()), found));
        }
        let provenance =
            serde_json::to_string(&self.provenance).map_err(|e| file_error(path, e.to_string()))?;
        let mut metadata = BTreeMap::from([(ARCH, self.arch.to_string()), (PROVENANCE, provenance)]);
        if self.arch.spec().is_listed() {
            metadata.insert(NETWORK, described::to_text(&network));
        }
        let points = self.theta.unsqueeze(0)?;
        let rows = self.buffers.as_ref().map(|row| row.unsqueeze(0)).transpose()?;
        let buffers = with_layout(&network, rows.as_ref())?;
        let contents = Contents::new(&network, &self.names, &[], &points, buffers, metadata)?;
        format::write(&contents, path)
    }
}
