//! The saved state of a training run.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Stop, TrainState, Trained};
use collado_risk::Evaluation;
use serde_json::{Value as Json, json};

use super::EpochLog;
use crate::{
    failure::Failure,
    state::{State, Tensors, missing},
    task::Task,
};

/// The state file of the runs.
pub(super) struct Saved {
    state: State,
    runs: usize,
    device: Device,
}

impl Saved {
    pub(super) fn new(out: &Path, task: &Task, seeds: &[u64]) -> Self {
        let state = State::new(out, "train.safetensors");
        Self { state, runs: seeds.len(), device: task.device.clone() }
    }

    /// Reads the state with the history up to it, if there is one.
    pub(super) fn read(&self) -> Result<Option<(TrainState, Vec<EpochLog>)>, Failure> {
        self.state.read(|state, tensors| self.parse(state, tensors))
    }

    fn parse(&self, state: &Json, mut tensors: Tensors) -> candle_core::Result<(TrainState, Vec<EpochLog>)> {
        let number = |v: &Json| v.as_u64().ok_or_else(missing);
        let mut take = |name: String| tensors.remove(&name).ok_or_else(missing);
        let alive = state["alive"].as_array().ok_or_else(missing)?;
        let alive = alive.iter().map(|i| Ok(number(i)? as usize)).collect::<candle_core::Result<Vec<_>>>()?;
        let mut ended = vec![None; self.runs];
        for run in (0..self.runs).filter(|i| !alive.contains(i)) {
            let value = take(format!("ended.{run}.value"))?.to_vec1::<f64>()?;
            let [risk, loss, error] = value[..] else { return Err(missing()) };
            let stop = Stop::from_name(state["ended"][run]["stop"].as_str().unwrap_or_default())
                .ok_or_else(missing)?;
            let (theta, steps) =
                (take(format!("ended.{run}.theta"))?, number(&state["ended"][run]["steps"])?);
            ended[run] = Some(Trained { theta, value: Evaluation { risk, loss, error }, stop, steps });
        }
        let optimizer = match state["optimizer_steps"].as_u64() {
            None => None,
            Some(steps) => {
                let count = number(&state["optimizer_tensors"])?;
                let memory = (0..count).map(|i| take(format!("optimizer.{i}"))?.to_device(&self.device));
                Some((memory.collect::<Result<Vec<_>, _>>()?, steps))
            }
        };
        let logs =
            (0..self.runs).map(|run| from_table(&take(format!("log.{run}"))?)).collect::<Result<_, _>>()?;
        let theta = take("theta".into())?.to_device(&self.device)?;
        let seconds = state["seconds"].as_f64().ok_or_else(missing)?;
        let stuck = state["stuck"].as_bool().ok_or_else(missing)?;
        let first = take("first".into())?.to_vec1::<f64>()?;
        let steps = number(&state["steps"])?;
        Ok((TrainState { steps, seconds, alive, theta, optimizer, ended, first, stuck }, logs))
    }

    /// Replaces the state.
    pub(super) fn write(&self, state: &TrainState, logs: &[EpochLog]) -> collado_files::Result<()> {
        let first = Tensor::from_slice(&state.first, state.first.len(), &Device::Cpu)?;
        let mut tensors = vec![("theta".to_owned(), state.theta.clone()), ("first".to_owned(), first)];
        for (run, log) in logs.iter().enumerate() {
            tensors.push((format!("log.{run}"), to_table(log)?));
        }
        for (i, memory) in state.optimizer.iter().flat_map(|(memory, _)| memory).enumerate() {
            tensors.push((format!("optimizer.{i}"), memory.clone()));
        }
        for (run, ended) in state.ended.iter().enumerate() {
            let Some(Trained { theta, value: v, .. }) = ended else { continue };
            tensors.push((format!("ended.{run}.theta"), theta.clone()));
            tensors
                .push((format!("ended.{run}.value"), Tensor::new(&[v.risk, v.loss, v.error], &Device::Cpu)?));
        }
        let row = |e: &Trained| json!({"steps": e.steps, "stop": e.stop.name()});
        let ended: Vec<_> = state.ended.iter().map(|e| e.as_ref().map_or(Json::Null, row)).collect();
        let json = json!({
            "steps": state.steps, "seconds": state.seconds, "alive": state.alive, "stuck": state.stuck,
            "optimizer_steps": state.optimizer.as_ref().map(|o| o.1),
            "optimizer_tensors": state.optimizer.as_ref().map(|o| o.0.len()), "ended": ended,
        });
        self.state.write(&json, tensors)
    }
}

/// The history as a table `[epochs, 7]`: epoch, training values, test values.
fn to_table(log: &EpochLog) -> candle_core::Result<Tensor> {
    let columns = |v: &Evaluation| [v.risk, v.loss, v.error];
    let mut rows = Vec::new();
    for ((&epoch, a), b) in log.epochs.iter().zip(&log.train).zip(&log.test) {
        rows.push(epoch);
        rows.extend(columns(a).into_iter().chain(columns(b)));
    }
    Tensor::from_vec(rows, (log.epochs.len(), 7), &Device::Cpu)
}

fn from_table(table: &Tensor) -> candle_core::Result<EpochLog> {
    let value = |row: &[f64]| Evaluation { risk: row[0], loss: row[1], error: row[2] };
    let mut log = EpochLog::default();
    if table.dims2()?.1 != 7 || table.dtype() != DType::F64 {
        candle_core::bail!("a log of another shape");
    }
    for row in table.to_vec2::<f64>()? {
        log.epochs.push(row[0]);
        log.train.push(value(&row[1..4]));
        log.test.push(value(&row[4..7]));
    }
    Ok(log)
}
