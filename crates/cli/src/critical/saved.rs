use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use collado_landscape::{Ended, SearchEnd};
use serde_json::{Value as Json, json};

use super::CriticalArgs;
use crate::{failure::Failure, folder, task::Task};

const KEY: &str = "collado.state";

/// The searches that have ended, in `.state/ends.safetensors`, with what decides about them.
pub(super) struct Saved {
    file: PathBuf,
    identity: Json,
}

impl Saved {
    pub(super) fn new(
        args: &CriticalArgs,
        task: &Task,
        folder: &Path,
        points: &Tensor,
    ) -> Result<Self, Failure> {
        let file = folder::make(&folder.join(".state"))?.join("ends.safetensors");
        let sum: f64 = points.sqr()?.sum_all()?.to_scalar()?;
        let identity = json!({
            "arch": task.arch.to_string(), "data": task.data.hash, "risk": format!("{:?}", task.risk),
            "starts": format!("{:?} {:016x}", points.dims(), sum.to_bits()),
            "search": format!("{:e} {} {} {}", args.tolerance, args.steps, args.starts, args.descents),
        });
        Ok(Self { file, identity })
    }

    /// What an earlier run found; nothing where there is none.
    pub(super) fn read(&self) -> Result<Vec<SearchEnd>, Failure> {
        if !self.file.exists() {
            return Ok(Vec::new());
        }
        let damaged = || {
            let message = format!("{}: damaged state", self.file.display());
            Failure::new(message).hint("--force without --resume starts afresh")
        };
        let bytes = std::fs::read(&self.file).map_err(|_| damaged())?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(|_| damaged())?;
        let state = header.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(damaged)?;
        let state: Json = serde_json::from_str(state).map_err(|_| damaged())?;
        if state["identity"] != self.identity {
            let message = format!("{}: is the state of another search", self.file.display());
            return Err(Failure::new(message).hint(
                "repeat the command line that began it, or start afresh with --force and without --resume",
            ));
        }
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|_| damaged())?;
        let table =
            |name: &str| tensors.get(name).ok_or_else(damaged)?.to_vec2::<f64>().map_err(|_| damaged());
        let (theta, numbers) = (table("theta")?, table("numbers")?);
        let names = state["ended"].as_array().ok_or_else(damaged)?;
        if names.len() != theta.len() || numbers.len() != theta.len() {
            return Err(damaged());
        }
        let end = |((theta, n), name): ((Vec<f64>, Vec<f64>), &Json)| {
            let ended = name.as_str().and_then(Ended::from_name).ok_or_else(damaged)?;
            let [risk, gradient_norm, steps] = n.try_into().map_err(|_| damaged())?;
            Ok(SearchEnd { theta, ended, risk, gradient_norm, steps: steps as usize })
        };
        theta.into_iter().zip(numbers).zip(names).map(end).collect()
    }

    pub(super) fn write(&self, ends: &[SearchEnd]) -> Result<(), Failure> {
        let rows = |of: Vec<f64>| Tensor::from_vec(of, (ends.len(), ()), &Device::Cpu);
        let theta = rows(ends.iter().flat_map(|e| e.theta.iter().copied()).collect())?;
        let numbers = rows(ends.iter().flat_map(|e| [e.risk, e.gradient_norm, e.steps as f64]).collect())?;
        let names: Vec<&str> = ends.iter().map(|e| e.ended.name()).collect();
        let state = json!({"identity": self.identity, "ended": names}).to_string();
        let tensors = BTreeMap::from([("theta", theta), ("numbers", numbers)]);
        let bytes = safetensors::serialize(tensors, Some(HashMap::from([(KEY.to_owned(), state)])))
            .map_err(|e| Failure::new(e.to_string()))?;
        folder::bytes(&self.file, &bytes)
    }

    /// Nothing is left to go on with.
    pub(super) fn remove(self) -> Result<(), Failure> {
        folder::remove(self.file.parent().unwrap_or(&self.file))
    }
}
