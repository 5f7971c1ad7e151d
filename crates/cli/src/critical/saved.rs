//! The saved state of `collado critical`.

use candle_core::{Device, Tensor};
use collado_landscape::{SearchEnd, Termination};
use serde::{Deserialize, Serialize};

use crate::{
    failure::Failure,
    folder::Folder,
    state::{State, Tensors, missing},
};

/// The state file of the searches that have ended.
pub(super) struct Saved(State);

/// The content of a state, except for the tensors: how each search ended.
#[derive(Serialize, Deserialize)]
struct Payload {
    ended: Vec<String>,
}

impl Saved {
    pub(super) fn new(folder: &Folder) -> Self {
        Self(folder.state("ends.safetensors"))
    }

    /// Reads the searches of an earlier run; the list is empty where there is none.
    pub(super) fn read(&self) -> Result<Vec<SearchEnd>, Failure> {
        Ok(self.0.read(parse)?.unwrap_or_default())
    }

    pub(super) fn write(&self, ends: &[SearchEnd]) -> Result<(), Failure> {
        let rows = |of: Vec<f64>| Tensor::from_vec(of, (ends.len(), ()), &Device::Cpu);
        let theta = rows(ends.iter().flat_map(|e| e.theta.iter().copied()).collect())?;
        let numbers = rows(ends.iter().flat_map(|e| [e.risk, e.gradient_norm, e.steps as f64]).collect())?;
        let tensors = [("theta".to_owned(), theta), ("numbers".to_owned(), numbers)];
        let ended = ends.iter().map(|e| e.ended.name().to_owned()).collect();
        Ok(self.0.write(&Payload { ended }, tensors)?)
    }
}

fn parse(Payload { ended }: Payload, tensors: Tensors) -> candle_core::Result<Vec<SearchEnd>> {
    let table = |name: &str| tensors.get(name).ok_or_else(missing)?.to_vec2::<f64>();
    let (theta, numbers) = (table("theta")?, table("numbers")?);
    if ended.len() != theta.len() || numbers.len() != theta.len() {
        return Err(missing());
    }
    let end = |((theta, n), ended): ((Vec<f64>, Vec<f64>), String)| {
        let ended = Termination::from_name(&ended).ok_or_else(missing)?;
        let [risk, gradient_norm, steps] = n.try_into().map_err(|_| missing())?;
        Ok(SearchEnd { theta, ended, risk, gradient_norm, steps: steps as usize })
    };
    theta.into_iter().zip(numbers).zip(ended).map(end).collect()
}
