//! The saved state of a training run.

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{FinishState, FinishStop, Finished, Stop, TrainState, Trained};
use collado_risk::Evaluation;
use serde::{Deserialize, Serialize};

use super::{finish::Stage, log::EpochLog};
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
    /// Where the finishing of the runs stands.
    stages: Vec<Option<StageRecord>>,
}

/// The finishing of one run, without its tensors; the reason why it ended is missing where it goes on.
#[derive(Serialize, Deserialize)]
struct StageRecord {
    steps: u64,
    products: u64,
    seconds: f64,
    radius: Option<f64>,
    memory: usize,
    stop: Option<String>,
    gradient_norm: Option<f64>,
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
    pub(super) fn read(&self) -> Result<Option<Read>, Failure> {
        self.state.read(|state, tensors| self.parse(state, tensors))
    }

    fn parse(&self, state: Payload, mut tensors: Tensors) -> candle_core::Result<Read> {
        let Payload { steps, seconds, alive, stuck, optimizer, ended: ends, kept, stages } = state;
        let mut take = |name: String| tensors.remove(&name).ok_or_else(missing);
        if ends.len() != self.runs || stages.len() != self.runs {
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
        let stages = stages.into_iter().enumerate();
        let stages =
            stages.map(|(run, stage)| stage.map(|s| s.read(run, &self.device, &mut take)).transpose());
        let stages = stages.collect::<candle_core::Result<Vec<_>>>()?;
        Ok((
            TrainState { steps, seconds, alive, theta, buffers, optimizer, ended, first, stuck },
            logs,
            stages,
        ))
    }

    /// Replaces the state.
    pub(super) fn write(
        &self,
        state: &TrainState,
        logs: &[EpochLog],
        stages: &[Option<Stage>],
    ) -> collado_files::Result<()> {
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
        for (run, stage) in stages.iter().enumerate() {
            if let Some(stage) = stage {
                tensors.extend(StageRecord::tensors(run, stage)?);
            }
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
            kept: state.buffers.is_some() || state.ended.iter().flatten().any(|end| end.buffers.is_some()),
            stages: stages.iter().map(|s| s.as_ref().map(StageRecord::new)).collect(),
        };
        self.state.write(&payload, tensors)
    }
}

/// What a state holds: the training, its history, and the finishing of its runs.
type Read = (TrainState, Vec<EpochLog>, Vec<Option<Stage>>);

impl StageRecord {
    fn new(stage: &Stage) -> Self {
        match stage {
            Stage::Going(FinishState { steps, products, seconds, radius, memory, .. }) => Self {
                steps: *steps,
                products: *products,
                seconds: *seconds,
                radius: *radius,
                memory: memory.len(),
                stop: None,
                gradient_norm: None,
            },
            Stage::Done(Finished { steps, products, seconds, stop, gradient_norm, .. }) => Self {
                steps: *steps,
                products: *products,
                seconds: *seconds,
                radius: None,
                memory: 0,
                stop: Some(stop.name().to_owned()),
                gradient_norm: Some(*gradient_norm),
            },
        }
    }

    fn tensors(run: usize, stage: &Stage) -> candle_core::Result<Vec<(String, Tensor)>> {
        match stage {
            Stage::Going(FinishState { theta, memory, .. }) => {
                let memory = memory.iter().enumerate();
                let memory = memory.map(|(i, m)| (format!("finish.{run}.memory.{i}"), m.clone()));
                Ok(std::iter::once((format!("finish.{run}.theta"), theta.clone())).chain(memory).collect())
            }
            Stage::Done(Finished { theta, value: v, .. }) => {
                let value = Tensor::new(&[v.risk, v.loss, v.error], &Device::Cpu)?;
                Ok(vec![
                    (format!("finish.{run}.theta"), theta.clone()),
                    (format!("finish.{run}.value"), value),
                ])
            }
        }
    }

    fn read(
        self,
        run: usize,
        device: &Device,
        take: &mut dyn FnMut(String) -> candle_core::Result<Tensor>,
    ) -> candle_core::Result<Stage> {
        let Self { steps, products, seconds, radius, memory, stop, gradient_norm } = self;
        let theta = take(format!("finish.{run}.theta"))?.to_device(device)?;
        let Some(stop) = stop else {
            let memory = (0..memory).map(|i| take(format!("finish.{run}.memory.{i}"))?.to_device(device));
            let memory = memory.collect::<candle_core::Result<_>>()?;
            return Ok(Stage::Going(FinishState { theta, steps, products, seconds, radius, memory }));
        };
        let value = take(format!("finish.{run}.value"))?.to_vec1::<f64>()?;
        let [risk, loss, error] = value[..] else { return Err(missing()) };
        let stop = FinishStop::from_name(&stop).ok_or_else(missing)?;
        let gradient_norm = gradient_norm.ok_or_else(missing)?;
        let value = Evaluation { risk, loss, error };
        Ok(Stage::Done(Finished { theta, value, gradient_norm, steps, products, seconds, stop }))
    }
}

/// The history as a table `[epochs, 8]`: epoch, training values, test values, norm of the gradient.
fn to_table(log: &EpochLog) -> candle_core::Result<Tensor> {
    let columns = |v: &Evaluation| [v.risk, v.loss, v.error];
    let mut rows = Vec::new();
    for (((&epoch, a), b), &norm) in log.epochs.iter().zip(&log.train).zip(&log.test).zip(&log.gradient) {
        rows.push(epoch);
        rows.extend(columns(a).into_iter().chain(columns(b)));
        rows.push(norm);
    }
    Tensor::from_vec(rows, (log.epochs.len(), 8), &Device::Cpu)
}

fn from_table(table: &Tensor) -> candle_core::Result<EpochLog> {
    let value = |row: &[f64]| Evaluation { risk: row[0], loss: row[1], error: row[2] };
    let mut log = EpochLog::default();
    if table.dims2()?.1 != 8 || table.dtype() != DType::F64 {
        candle_core::bail!("a log of another shape");
    }
    for row in table.to_vec2::<f64>()? {
        log.push(row[0], value(&row[1..4]), Some(value(&row[4..7])), row[7]);
    }
    Ok(log)
}
