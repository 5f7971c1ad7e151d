//! What a stopped command goes on from: files in `DIR/.state/`, each with what it is the state of.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use serde_json::{Value as Json, json};

use crate::{failure::Failure, folder};

const KEY: &str = "collado.state";

/// One file of JSON and tensors.
pub(crate) struct State {
    out: PathBuf,
    name: &'static str,
    /// All that decides about the bits of a run.
    identity: Json,
}

/// The tensors of a state, on the CPU.
pub(crate) type Tensors = HashMap<String, Tensor>;

impl State {
    pub(crate) fn new(out: &Path, name: &'static str, identity: Json) -> Self {
        Self { out: out.to_owned(), name, identity }
    }

    /// What `parse` makes of what was saved; nothing, when nothing was.
    ///
    /// # Errors
    /// When it is the state of another run, or damaged, which is what an error of `parse` says.
    pub(crate) fn read<T>(
        &self,
        parse: impl FnOnce(&Json, Tensors) -> candle_core::Result<T>,
    ) -> Result<Option<T>, Failure> {
        let file = self.file();
        if !file.exists() {
            return Ok(None);
        }
        let damaged = || {
            let message = format!("{}: damaged state", file.display());
            Failure::new(message).hint("--force without --resume starts afresh")
        };
        let bytes = std::fs::read(&file).map_err(|_| damaged())?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
        let saved = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(damaged)?;
        let saved: Json = serde_json::from_str(saved).map_err(|_| damaged())?;
        if saved["identity"] != self.identity {
            return Err(of_another_run(&file));
        }
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|_| damaged())?;
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
        let saved = json!({"identity": self.identity, "state": state}).to_string();
        let folder = folder(&self.out);
        std::fs::create_dir_all(&folder)
            .map_err(|e| collado_models::Error::File { path: folder, reason: e.to_string() })?;
        folder::tensors(&self.file(), tensors, [(KEY.to_owned(), saved)])
    }

    /// Nothing is left to go on with.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        remove(&self.out)
    }

    fn file(&self) -> PathBuf {
        folder(&self.out).join(self.name)
    }
}

/// The folder of all states of an output folder.
pub(crate) fn folder(out: &Path) -> PathBuf {
    out.join(".state")
}

/// Removes all states of an output folder.
pub(crate) fn remove(out: &Path) -> Result<(), Failure> {
    folder::remove(&folder(out))
}

/// The error of a `file` whose identity is not that of this run.
pub(crate) fn of_another_run(file: &Path) -> Failure {
    let message =
        format!("{}: is the state of a run with other settings, checkpoints or data", file.display());
    Failure::new(message)
        .hint("repeat the command line that began it, or start afresh with --force and without --resume")
}

/// The error of a part that a state lacks.
pub(crate) fn missing() -> candle_core::Error {
    candle_core::Error::Msg("missing".into())
}
