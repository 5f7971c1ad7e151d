//! The saved state of a training run.

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Stop, TrainState, Trained};
use collado_risk::Evaluation;
use serde::{Deserialize, Serialize};

use super::log::EpochLog;
use crate::{
    failure::Failure,
    folder::Folder,
    state::{State, Tensors, missing},
    task::Task,
};

/// The state file of the runs.
pub(super) struct Saved {
    state: State,
    runs: usize,
    device: Device,
}

/// The content of a state, except for the tensors.
#[derive(Serialize, Deserialize)]
struct Payload {
    steps: u64,
    seconds: f64,
    /// The runs that go on.
    alive: Vec<usize>,
    stuck: bool,
    optimizer: Option<OptimizerRecord>,
    /// The ends of the other runs.
    ended: Vec<Option<EndRecord>>,
    /// Whether there are running statistics.
    #[serde(default)]
    kept: bool,
}

#[derive(Serialize, Deserialize)]
struct OptimizerRecord {
    steps: u64,
    tensors: usize,
}

#[derive(Serialize, Deserialize)]
struct EndRecord {
    steps: u64,
    stop: String,
}

impl Saved {
    pub(super) fn new(folder: &Folder, task: &Task, seeds: &[u64]) -> Self {
        let state = folder.state("train.safetensors");
        Self { state, runs: seeds.len(), device: task.device.clone() }
    }

    /// Reads the state with the history up to it, if there is one.
    pub(super) fn read(&self) -> Result<Option<(TrainState, Vec<EpochLog>)>, Failure> {
        self.state.read(|state, tensors| self.parse(state, tensors))
    }

    fn parse(
        &self,
        state: Payload,
        mut tensors: Tensors,
    ) -> candle_core::Result<(TrainState, Vec<EpochLog>)> {
        let Payload { steps, seconds, alive, stuck, optimizer, ended: ends, kept } = state;
        let mut take = |name: String| tensors.remove(&name).ok_or_else(missing);
        if ends.len() != self.runs {
            return Err(missing());
        }
        let mut ended = Vec::with_capacity(self.runs);
        for (run, end) in ends.into_iter().enumerate() {
            // A run goes on, or it has ended.
            let Some(EndRecord { steps, stop }) = end.filter(|_| !alive.contains(&run)) else {
                ended.push(None);
                continue;
            };
            let value = take(format!("ended.{run}.value"))?.to_vec1::<f64>()?;
            let [risk, loss, error] = value[..] else { return Err(missing()) };
            let stop = Stop::from_name(&stop).ok_or_else(missing)?;
            let theta = take(format!("ended.{run}.theta"))?;
            let buffers = kept.then(|| take(format!("ended.{run}.buffers"))).transpose()?;
            ended.push(Some(Trained {
                theta,
                buffers,
                value: Evaluation { risk, loss, error },
                stop,
                steps,
            }));
        }
        if (0..self.runs).any(|run| ended[run].is_none() != alive.contains(&run)) {
            return Err(missing());
        }
        let optimizer = match optimizer {
            None => None,
            Some(OptimizerRecord { steps, tensors }) => {
                let memory = (0..tensors).map(|i| take(format!("optimizer.{i}"))?.to_device(&self.device));
                Some((memory.collect::<Result<Vec<_>, _>>()?, steps))
            }
        };
        let logs =
            (0..self.runs).map(|run| from_table(&take(format!("log.{run}"))?)).collect::<Result<_, _>>()?;
        let theta = take("theta".into())?.to_device(&self.device)?;
        let first = take("first".into())?.to_vec1::<f64>()?;
        let buffers = (kept && !alive.is_empty()).then(|| take("buffers".into())).transpose()?;
        Ok((TrainState { steps, seconds, alive, theta, buffers, optimizer, ended, first, stuck }, logs))
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
        tensors.extend(state.buffers.iter().map(|rows| ("buffers".to_owned(), rows.clone())));
        for (run, ended) in state.ended.iter().enumerate() {
            let Some(Trained { theta, buffers, value: v, .. }) = ended else { continue };
            tensors.push((format!("ended.{run}.theta"), theta.clone()));
            tensors.extend(buffers.iter().map(|row| (format!("ended.{run}.buffers"), row.clone())));
            tensors
                .push((format!("ended.{run}.value"), Tensor::new(&[v.risk, v.loss, v.error], &Device::Cpu)?));
        }
        let end = |e: &Trained| EndRecord { steps: e.steps, stop: e.stop.name().to_owned() };
        let optimizer = state.optimizer.as_ref();
        let payload = Payload {
            steps: state.steps,
            seconds: state.seconds,
            alive: state.alive.clone(),
            stuck: state.stuck,
            optimizer: optimizer.map(|(m, steps)| OptimizerRecord { steps: *steps, tensors: m.len() }),
            ended: state.ended.iter().map(|e| e.as_ref().map(end)).collect(),
            kept: state.buffers.is_some(),
        };
        self.state.write(&payload, tensors)
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
