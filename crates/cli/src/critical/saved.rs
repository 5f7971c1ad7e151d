//! The saved state of `collado critical`.

use std::path::Path;

use candle_core::{Device, Tensor};
use collado_landscape::{SearchEnd, Termination};
use serde_json::{Value as Json, json};

use crate::{
    failure::Failure,
    state::{State, Tensors, missing},
};

/// The state file of the searches that have ended.
pub(super) struct Saved(State);

impl Saved {
    pub(super) fn new(folder: &Path) -> Self {
        Self(State::new(folder, "ends.safetensors"))
    }

    /// Reads the searches of an earlier run; the list is empty where there is none.
    pub(super) fn read(&self) -> Result<Vec<SearchEnd>, Failure> {
        Ok(self.0.read(parse)?.unwrap_or_default())
    }

    pub(super) fn write(&self, ends: &[SearchEnd]) -> Result<(), Failure> {
        let rows = |of: Vec<f64>| Tensor::from_vec(of, (ends.len(), ()), &Device::Cpu);
        let theta = rows(ends.iter().flat_map(|e| e.theta.iter().copied()).collect())?;
        let numbers = rows(ends.iter().flat_map(|e| [e.risk, e.gradient_norm, e.steps as f64]).collect())?;
        let names: Vec<&str> = ends.iter().map(|e| e.ended.name()).collect();
        let tensors = [("theta".to_owned(), theta), ("numbers".to_owned(), numbers)];
        Ok(self.0.write(&json!({"ended": names}), tensors)?)
    }
}

fn parse(state: &Json, tensors: Tensors) -> candle_core::Result<Vec<SearchEnd>> {
    let table = |name: &str| tensors.get(name).ok_or_else(missing)?.to_vec2::<f64>();
    let (theta, numbers) = (table("theta")?, table("numbers")?);
    let names = state["ended"].as_array().ok_or_else(missing)?;
    if names.len() != theta.len() || numbers.len() != theta.len() {
        return Err(missing());
    }
    let end = |((theta, n), name): ((Vec<f64>, Vec<f64>), &Json)| {
        let ended = name.as_str().and_then(Termination::from_name).ok_or_else(missing)?;
        let [risk, gradient_norm, steps] = n.try_into().map_err(|_| missing())?;
        Ok(SearchEnd { theta, ended, risk, gradient_norm, steps: steps as usize })
    };
    theta.into_iter().zip(numbers).zip(names).map(end).collect()
}
