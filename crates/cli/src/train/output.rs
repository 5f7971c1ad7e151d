//! The files of a training run.

use std::path::Path;

use candle_core::Tensor;
use collado_dynamics::Training;
use collado_files::Checkpoint;
use collado_plots::{History, Run, history_figure};
use collado_risk::Evaluation;

use super::{finish::FinishRecord, log::EpochLog, summary::file};
use crate::{
    failure::Failure,
    files, json,
    shown::counted,
    table::{text, write_table},
    task::Task,
};

/// Writes checkpoints and history.
pub(super) fn save(
    task: &Task,
    folder: &Path,
    seeds: &[u64],
    training: &Training,
    logs: &[EpochLog],
    records: &[Option<FinishRecord>],
) -> Result<(), Failure> {
    for (((&seed, run), log), record) in seeds.iter().zip(&training.runs).zip(logs).zip(records) {
        let Some(file) = file(seed, run) else { continue };
        let mut provenance = task.provenance();
        provenance.seed = Some(seed);
        provenance.epochs = log.trained().map(|epoch| epoch as u64);
        provenance.risk = Some(run.value.risk);
        if let Some(record) = record {
            provenance.extra.insert("finish".into(), json::value(record));
        }
        let theta: Tensor = run.theta.to_device(&candle_core::Device::Cpu)?;
        let buffers = match &run.buffers {
            Some(row) => Some(row.clone()),
            None => task.running_statistics(&theta)?,
        };
        Checkpoint::new(task.arch.clone(), theta, provenance)
            .with_buffers(buffers)
            .write(&folder.join(file))?;
    }
    history(folder, seeds, logs)?;
    let subtitle = match records.iter().flatten().map(|record| record.steps).max() {
        None => task.data.spec.clone(),
        Some(steps) => format!("{}; the last {} finish it", task.data.spec, counted(steps as usize, "step")),
    };
    picture(folder, &task.arch.to_string(), &subtitle, seeds, logs)
}

fn history(folder: &Path, seeds: &[u64], logs: &[EpochLog]) -> Result<(), Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record([
        "seed",
        "epoch",
        "train_risk",
        "train_loss",
        "train_error",
        "test_loss",
        "test_error",
        "stage",
        "gradient_norm",
    ])?;
    for (seed, log) in seeds.iter().zip(logs) {
        for (((epoch, a), b), norm) in log.epochs.iter().zip(&log.train).zip(&log.test).zip(&log.gradient) {
            let numbers = [*epoch, a.risk, a.loss, a.error, b.loss, b.error].map(text);
            let stage = if norm.is_nan() { "train" } else { "finish" };
            let last = [stage.to_owned(), text(*norm)];
            table.write_record(std::iter::once(seed.to_string()).chain(numbers).chain(last))?;
        }
    }
    write_table(&folder.join("history.csv"), table)
}

fn picture(folder: &Path, arch: &str, data: &str, seeds: &[u64], logs: &[EpochLog]) -> Result<(), Failure> {
    let columns: Vec<_> = logs
        .iter()
        .map(|log| {
            let pick =
                |values: &[Evaluation], f: fn(&Evaluation) -> f64| values.iter().map(f).collect::<Vec<_>>();
            let train = (pick(&log.train, |v| v.risk), pick(&log.train, |v| v.error));
            (train, pick(&log.test, |v| v.loss), pick(&log.test, |v| v.error))
        })
        .collect();
    let labels: Vec<_> = seeds.iter().map(|s| format!("seed {s}")).collect();
    let runs: Vec<_> = logs
        .iter()
        .zip(&columns)
        .zip(&labels)
        .map(|((log, (train, test_loss, test_error)), label)| Run {
            label,
            epochs: &log.epochs,
            train_risk: &train.0,
            test_loss,
            train_error: &train.1,
            test_error,
        })
        .collect();
    let title = format!("Training {arch}");
    let figure = history_figure(&History { title: &title, subtitle: data, runs: &runs });
    let caption = match runs.len() {
        1 => "The risk that training lowers, and the loss on examples that it does not see.",
        _ => "Thin lines are runs from different seeds, thick ones their median at each epoch.",
    };
    files::picture(folder, "history", &figure.caption(caption))
}
