//! The saved state of a run that was stopped: JSON and tensors in one safetensors file, with a checksum over both.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    path::Path,
};

use candle_core::{Device, Tensor};
use safetensors::{SafeTensors, View};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::{atomic::atomically, fault::file_error};

const KEY: &str = "collado.state";

/// The saved state from which a stopped run goes on.
#[derive(Debug, Clone, Default)]
pub struct SavedState {
    /// The part of the state that is not tensors.
    pub json: Value,
    /// Tensors on the CPU, by name.
    pub tensors: HashMap<String, Tensor>,
}

impl SavedState {
    /// Reads a file; the result is `None` where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or was changed since it was written.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => Self::from_bytes(&bytes).ok_or_else(|| file_error(path, "damaged state")).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(_) => Err(file_error(path, "damaged state")),
        }
    }

    /// The state in the bytes of a file, if they were not changed since they were written.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
        let saved: Value = serde_json::from_str(header.metadata().as_ref()?.get(KEY)?).ok()?;
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).ok()?;
        let state = Self { json: saved["state"].clone(), tensors };
        (saved["checksum"] == state.checksum().as_str()).then_some(state)
    }

    /// Writes the file, so that a killed run leaves the old state or the new one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let saved = json!({"state": self.json, "checksum": self.checksum()}).to_string();
        let metadata = Some(HashMap::from([(KEY.to_owned(), saved)]));
        let bytes = safetensors::serialize(&self.tensors, metadata).map_err(candle_core::Error::from)?;
        atomically(path, |file| file.write_all(&bytes))
    }

    /// SHA-256 over the JSON and, by name, over type, shape and numbers of each tensor.
    fn checksum(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.json.to_string());
        for (name, tensor) in self.tensors.iter().collect::<BTreeMap<_, _>>() {
            hasher.update(format!("\n{name} {:?} {:?}\n", tensor.dtype(), tensor.dims()));
            hasher.update(tensor.data());
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
