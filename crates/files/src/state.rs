//! The saved state of a run that was stopped: JSON and tensors in one safetensors file, with a checksum over both.

use std::{
    collections::{BTreeMap, HashMap},
    io::{ErrorKind, Write},
    path::Path,
};

use candle_core::{Device, Tensor};
use safetensors::{SafeTensors, View};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Result, atomic::atomically, fault::file_error, number::to_json};

const KEY: &str = "collado.state";

/// The saved state from which a stopped run goes on.
#[derive(Debug, Clone)]
pub struct State<T> {
    /// The settings of the run and the version of the program that made the state; only the same can read it.
    pub identity: Value,
    /// The part of the state that is not tensors.
    pub value: T,
    /// Tensors on the CPU, by name.
    pub tensors: HashMap<String, Tensor>,
}

/// The JSON of a file.
#[derive(Serialize, Deserialize)]
struct Header {
    identity: Value,
    state: Value,
    checksum: String,
}

impl<T: DeserializeOwned> State<T> {
    /// Reads a file; the result is `None` where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, was changed since it was written, or belongs to another `identity`.
    pub fn read(path: &Path, identity: &Value) -> Result<Option<Self>> {
        let damaged = || file_error(path, "damaged state");
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(_) => return Err(damaged()),
        };
        let (header, tensors) = unchanged(&bytes).ok_or_else(damaged)?;
        if header.identity != *identity {
            return Err(file_error(path, "is the state of a run with other settings, or of another version"));
        }
        Self::new(header, tensors).ok_or_else(damaged).map(Some)
    }

    /// The state in the bytes of a file, if they are as they were written.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (header, tensors) = unchanged(bytes)?;
        Self::new(header, tensors)
    }

    fn new(header: Header, tensors: HashMap<String, Tensor>) -> Option<Self> {
        let value = serde_json::from_value(header.state).ok()?;
        Some(Self { identity: header.identity, value, tensors })
    }
}

impl<T: Serialize> State<T> {
    /// Writes the file, so that a killed run leaves the old state or the new one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let no_json = |e: serde_json::Error| file_error(path, e.to_string());
        let state = to_json(&self.value).map_err(no_json)?;
        let checksum = checksum(&self.identity, &state, &self.tensors);
        let header = Header { identity: self.identity.clone(), state, checksum };
        let header = serde_json::to_string(&header).map_err(no_json)?;
        let metadata = Some(HashMap::from([(KEY.to_owned(), header)]));
        let bytes = safetensors::serialize(&self.tensors, metadata).map_err(candle_core::Error::from)?;
        atomically(path, |file| file.write_all(&bytes))
    }
}

/// What the bytes of a file hold, if they are as they were written.
fn unchanged(bytes: &[u8]) -> Option<(Header, HashMap<String, Tensor>)> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    let header: Header = serde_json::from_str(metadata.metadata().as_ref()?.get(KEY)?).ok()?;
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).ok()?;
    (header.checksum == checksum(&header.identity, &header.state, &tensors)).then_some((header, tensors))
}

/// SHA-256 over the JSON and, by name, over type, shape and numbers of each tensor.
fn checksum(identity: &Value, state: &Value, tensors: &HashMap<String, Tensor>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{identity}\n{state}"));
    for (name, tensor) in tensors.iter().collect::<BTreeMap<_, _>>() {
        hasher.update(format!("\n{name} {:?} {:?}\n", tensor.dtype(), tensor.dims()));
        hasher.update(tensor.data());
    }
    format!("{:x}", hasher.finalize())
}
