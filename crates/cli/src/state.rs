//! The saved states of stopped commands: files in `DIR/.state/`, beside `run.json`, which names the run that they
//! belong to.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use collado_files::SavedState;
use serde_json::Value as Json;

use crate::{args::Common, failure::Failure, folder, json};

const RUN: &str = "run.json";

/// One state file, with JSON and tensors.
pub(crate) struct State(PathBuf);

/// The tensors of a state, on the CPU.
pub(crate) type Tensors = HashMap<String, Tensor>;

impl State {
    /// The state of that name in an output folder.
    pub(crate) fn new(out: &Path, name: &str) -> Self {
        Self(folder(out).join(name))
    }

    /// Reads the saved state by `parse`; the result is `None` when nothing was saved.
    ///
    /// # Errors
    /// When the state is damaged, which an error of `parse` means too.
    pub(crate) fn read<T>(
        &self,
        parse: impl FnOnce(&Json, Tensors) -> candle_core::Result<T>,
    ) -> Result<Option<T>, Failure> {
        let damaged = || damaged(&self.0);
        match SavedState::read(&self.0).map_err(|_| damaged())? {
            Some(SavedState { json, tensors }) => parse(&json, tensors).map(Some).map_err(|_| damaged()),
            None => Ok(None),
        }
    }

    /// Replaces the saved state.
    pub(crate) fn write(
        &self,
        state: &Json,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> collado_files::Result<()> {
        let tensors = tensors.into_iter().map(|(name, t)| Ok((name, t.to_device(&Device::Cpu)?)));
        let tensors = tensors.collect::<candle_core::Result<Tensors>>()?;
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|e| collado_files::Error::File { path: folder.into(), reason: e.to_string() })?;
        }
        SavedState { json: state.clone(), tensors }.write(&self.0)
    }
}

/// The folder of all states of an output folder.
pub(crate) fn folder(out: &Path) -> PathBuf {
    out.join(".state")
}

/// Records the run that the states of an output folder will belong to.
pub(crate) fn begin(out: &Path, common: &Common) -> Result<(), Failure> {
    let folder = folder::make(&folder(out))?;
    json::write(&folder.join(RUN), &common.run.block("interrupted"))
}

/// The run that the states of an output folder belong to.
///
/// # Errors
/// When there are states, but the record of their run cannot be read.
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

/// The error that a state lacks a part.
pub(crate) fn missing() -> candle_core::Error {
    candle_core::Error::Msg("missing".into())
}
