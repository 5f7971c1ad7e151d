//! The saved state of `connect`: finished attempts, which a resumed run reuses.

use std::path::{Path as FilePath, PathBuf};

use collado_dynamics::Connection;
use collado_risk::Path;
use serde_json::json;

use crate::{
    failure::Failure,
    json::number,
    methods,
    state::{State, missing},
};

/// The finished attempts of an output folder.
pub(crate) struct SavedAttempts(PathBuf);

impl SavedAttempts {
    pub(crate) fn new(out: &FilePath) -> Self {
        Self(out.to_owned())
    }

    /// The attempt of that name and the seconds that it took, if an earlier run finished it.
    pub(crate) fn read(&self, name: &str) -> Result<Option<(Connection, f64)>, Failure> {
        self.state(name).read(|state, mut tensors| {
            let vertices = tensors.remove("vertices").ok_or_else(missing)?;
            let kind = serde_json::from_value(state["kind"].clone()).map_err(|_| missing())?;
            let guarantee = methods::guarantee_read(&state["about"]).ok_or_else(missing)?;
            let seconds = state["seconds"].as_f64().unwrap_or(f64::NAN);
            let path = Path::new(kind, vertices).map_err(candle_core::Error::wrap)?;
            Ok((Connection { path, guarantee }, seconds))
        })
    }

    /// Saves an attempt.
    pub(crate) fn write(&self, name: &str, found: &Connection, seconds: f64) -> Result<(), Failure> {
        let state = json!({
            "kind": found.path.kind(), "about": methods::guarantee_json(&found.guarantee), "seconds": number(seconds),
        });
        let vertices = ("vertices".to_owned(), found.path.vertices().clone());
        Ok(self.state(name).write(&state, [vertices])?)
    }

    fn state(&self, name: &str) -> State {
        let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        State::new(&self.0, &format!("{name}.safetensors"))
    }
}
