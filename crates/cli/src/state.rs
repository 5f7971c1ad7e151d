//! The saved states of stopped commands: files in `DIR/.state/`, beside `run.json`, which names the run that they
//! belong to.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::{args::Common, failure::Failure, files, json, record::RunStatus};

const RUN: &str = "run.json";

/// One state file, with JSON and tensors.
pub(crate) struct State {
    file: PathBuf,
    /// The identity of the run to which the state belongs.
    identity: Json,
}

/// The tensors of a state, on the CPU.
pub(crate) type Tensors = HashMap<String, Tensor>;

impl State {
    /// The state of that name in an output folder.
    pub(crate) fn new(out: &Path, name: &str, identity: Json) -> Self {
        Self { file: folder(out).join(name), identity }
    }

    /// Reads the saved state by `parse`; the result is `None` when nothing was saved.
    ///
    /// # Errors
    /// When it is damaged, which is also what an error of `parse` says, or of another run.
    pub(crate) fn read<T: DeserializeOwned, R>(
        &self,
        parse: impl FnOnce(T, Tensors) -> candle_core::Result<R>,
    ) -> Result<Option<R>, Failure> {
        let saved = collado_files::State::read(&self.file, &self.identity);
        match saved.map_err(|e| Failure::new(e).hint(AFRESH))? {
            Some(saved) => parse(saved.value, saved.tensors).map(Some).map_err(|_| damaged(&self.file)),
            None => Ok(None),
        }
    }

    /// Replaces the saved state.
    pub(crate) fn write(
        &self,
        value: &impl Serialize,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> collado_files::Result<()> {
        let tensors = tensors.into_iter().map(|(name, t)| Ok((name, t.to_device(&Device::Cpu)?)));
        let tensors = tensors.collect::<candle_core::Result<Tensors>>()?;
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|e| collado_files::Error::File { path: folder.into(), reason: e.to_string() })?;
        }
        collado_files::State { identity: self.identity.clone(), value, tensors }.write(&self.file)
    }
}

/// The folder of all states of an output folder.
pub(crate) fn folder(out: &Path) -> PathBuf {
    out.join(".state")
}

/// Records the run that the states of an output folder will belong to.
pub(crate) fn begin(out: &Path, common: &Common) -> Result<(), Failure> {
    let folder = files::make(&folder(out))?;
    json::write(&folder.join(RUN), &common.run.block(RunStatus::Interrupted))
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
    files::remove(&folder(out))
}

/// Removes the folder of the states if nothing was saved in it.
pub(crate) fn remove_empty(out: &Path) {
    let folder = folder(out);
    let names = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|f| f.file_name());
    if names.into_iter().all(|name| name == RUN) {
        let _ = std::fs::remove_dir_all(folder);
    }
}

const AFRESH: &str = "--force without --resume starts afresh";

fn damaged(file: &Path) -> Failure {
    Failure::new(format!("{}: damaged state", file.display())).hint(AFRESH)
}

/// The error that a state lacks a part.
pub(crate) fn missing() -> candle_core::Error {
    candle_core::Error::Msg("missing".into())
}
