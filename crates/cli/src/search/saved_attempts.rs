//! The saved state of `connect`: finished attempts, which a resumed run reuses.

use collado_dynamics::Connection;
use collado_risk::{Path, PathKind};
use serde::{Deserialize, Serialize};

use super::guarantee::GuaranteeRecord;
use crate::{
    failure::Failure,
    folder::Folder,
    state::{State, missing},
};

/// The finished attempts of an output folder.
pub(crate) struct SavedAttempts<'a>(&'a Folder);

/// The content of a state, except for the path's vertices.
#[derive(Serialize, Deserialize)]
struct Saved {
    kind: PathKind,
    about: Option<GuaranteeRecord>,
    seconds: f64,
}

impl<'a> SavedAttempts<'a> {
    pub(crate) fn new(folder: &'a Folder) -> Self {
        Self(folder)
    }

    /// The attempt of that name and the seconds that it took, if an earlier run finished it.
    pub(crate) fn read(&self, name: &str) -> Result<Option<(Connection, f64)>, Failure> {
        self.state(name).read(|Saved { kind, about, seconds }, mut tensors| {
            let vertices = tensors.remove("vertices").ok_or_else(missing)?;
            let path = Path::new(kind, vertices).map_err(candle_core::Error::wrap)?;
            Ok((Connection { path, guarantee: GuaranteeRecord::guarantee(about) }, seconds))
        })
    }

    /// Saves an attempt.
    pub(crate) fn write(&self, name: &str, found: &Connection, seconds: f64) -> Result<(), Failure> {
        let about = GuaranteeRecord::new(&found.guarantee);
        let saved = Saved { kind: found.path.kind().clone(), about, seconds };
        let vertices = ("vertices".to_owned(), found.path.vertices().clone());
        Ok(self.state(name).write(&saved, [vertices])?)
    }

    fn state(&self, name: &str) -> State {
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        self.0.state(&format!("{name}.safetensors"))
    }
}
