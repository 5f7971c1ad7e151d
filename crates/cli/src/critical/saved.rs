use std::path::Path;

use candle_core::{Device, Tensor};
use collado_landscape::{Ended, SearchEnd};
use serde_json::{Value as Json, json};

use super::CriticalArgs;
use crate::{
    failure::Failure,
    state::{State, Tensors, missing},
    task::Task,
};

/// The searches that have ended.
pub(super) struct Saved(State);

impl Saved {
    pub(super) fn new(
        args: &CriticalArgs,
        task: &Task,
        folder: &Path,
        points: &Tensor,
    ) -> Result<Self, Failure> {
        let sum: f64 = points.sqr()?.sum_all()?.to_scalar()?;
        let identity = json!({
            "arch": task.arch.to_string(), "data": task.data.hash, "risk": format!("{:?}", task.risk),
            "starts": format!("{:?} {:016x}", points.dims(), sum.to_bits()),
            "search": format!("{:e} {} {} {}", args.tolerance, args.steps, args.starts, args.descents),
        });
        Ok(Self(State::new(folder, "ends.safetensors", identity)))
    }

    /// What an earlier run found; nothing where there is none.
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

    /// Nothing is left to go on with.
    pub(super) fn remove(self) -> Result<(), Failure> {
        self.0.remove()
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
        let ended = name.as_str().and_then(Ended::from_name).ok_or_else(missing)?;
        let [risk, gradient_norm, steps] = n.try_into().map_err(|_| missing())?;
        Ok(SearchEnd { theta, ended, risk, gradient_norm, steps: steps as usize })
    };
    theta.into_iter().zip(numbers).zip(names).map(end).collect()
}
