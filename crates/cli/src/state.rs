//! What a stopped command goes on from: files in `DIR/.state/`. `run.json` says which run they are the state of, and
//! each carries a checksum.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::{args::Common, failure::Failure, folder, json, record::hex};

const KEY: &str = "collado.state";
const RUN: &str = "run.json";

/// One file of JSON and tensors.
pub(crate) struct State(PathBuf);

/// The tensors of a state, on the CPU.
pub(crate) type Tensors = HashMap<String, Tensor>;

impl State {
    /// The state of that name in an output folder.
    pub(crate) fn new(out: &Path, name: &str) -> Self {
        Self(folder(out).join(name))
    }

    /// What `parse` makes of what was saved; nothing, when nothing was.
    ///
    /// # Errors
    /// When it is damaged, which is also what an error of `parse` says.
    pub(crate) fn read<T>(
        &self,
        parse: impl FnOnce(&Json, Tensors) -> candle_core::Result<T>,
    ) -> Result<Option<T>, Failure> {
        if !self.0.exists() {
            return Ok(None);
        }
        let damaged = || damaged(&self.0);
        let bytes = std::fs::read(&self.0).map_err(|_| damaged())?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
        let saved = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(damaged)?;
        let saved: Json = serde_json::from_str(saved).map_err(|_| damaged())?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|_| damaged())?;
        let sum = checksum(&saved["state"], &tensors).map_err(|_| damaged())?;
        if saved["checksum"] != sum.as_str() {
            return Err(damaged());
        }
        parse(&saved["state"], tensors).map(Some).map_err(|_| damaged())
    }

    /// Replaces what was saved.
    pub(crate) fn write(
        &self,
        state: &Json,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> collado_models::Result<()> {
        let tensors = tensors.into_iter().map(|(name, t)| Ok((name, t.to_device(&Device::Cpu)?)));
        let tensors = tensors.collect::<candle_core::Result<Tensors>>()?;
        let saved = json!({"state": state, "checksum": checksum(state, &tensors)?}).to_string();
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|e| collado_models::Error::File { path: folder.into(), reason: e.to_string() })?;
        }
        folder::tensors(&self.0, tensors, [(KEY.to_owned(), saved)])
    }
}

/// SHA-256 over the JSON and, by name, over type, shape and numbers of each tensor.
fn checksum(state: &Json, tensors: &Tensors) -> candle_core::Result<String> {
    let mut hasher = Sha256::new();
    hasher.update(state.to_string());
    for (name, tensor) in tensors.iter().collect::<BTreeMap<_, _>>() {
        hasher.update(format!("\n{name} {:?} {:?}\n", tensor.dtype(), tensor.dims()));
        hasher.update(bytes(tensor)?);
    }
    Ok(hex(&hasher.finalize()))
}

/// The numbers of a tensor as they lie in a file.
fn bytes(tensor: &Tensor) -> candle_core::Result<Vec<u8>> {
    use safetensors::View;
    Ok((&tensor).data().into_owned())
}

/// The folder of all states of an output folder.
pub(crate) fn folder(out: &Path) -> PathBuf {
    out.join(".state")
}

/// Notes which run the states of an output folder will be of.
pub(crate) fn begin(out: &Path, common: &Common) -> Result<(), Failure> {
    let folder = folder::make(&folder(out))?;
    json::write(&folder.join(RUN), &common.run.block("interrupted"))
}

/// The run that an output folder holds the states of.
///
/// # Errors
/// When there are states, but no readable word of their run.
pub(crate) fn begun(out: &Path) -> Result<Option<Json>, Failure> {
    let folder = folder(out);
    if !folder.exists() {
        return Ok(None);
    }
    let file = folder.join(RUN);
    json::read(&file).map(Some).map_err(|_| damaged(&file))
}

/// Removes all states of an output folder.
pub(crate) fn remove(out: &Path) -> Result<(), Failure> {
    folder::remove(&folder(out))
}

/// Removes the folder of the states if nothing was saved in it.
pub(crate) fn remove_empty(out: &Path) {
    let folder = folder(out);
    let names = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|f| f.file_name());
    if names.into_iter().all(|name| name == RUN) {
        let _ = std::fs::remove_dir_all(folder);
    }
}

fn damaged(file: &Path) -> Failure {
    let message = format!("{}: damaged state", file.display());
    Failure::new(message).hint("--force without --resume starts afresh")
}

/// The error of a part that a state lacks.
pub(crate) fn missing() -> candle_core::Error {
    candle_core::Error::Msg("missing".into())
}
