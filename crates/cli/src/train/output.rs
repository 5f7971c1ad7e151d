//! The results of `collado train`: checkpoints, history, picture and summary.

use std::path::Path;

use candle_core::Tensor;
use collado_dynamics::{Stop, Training};
use collado_files::Checkpoint;
use collado_plots::{History, Run, history_figure};
use collado_risk::Evaluation;
use serde_json::json;

use super::{EpochLog, TrainArgs};
use crate::{
    failure::Failure,
    folder::{self, Folder},
    json::{number, print},
    shown,
    table::{text, write_table},
    task::Task,
};

/// Writes checkpoints, history and summary, and prints the summary.
pub(super) fn save(
    args: &TrainArgs,
    task: &Task,
    folder: &Folder,
    seeds: &[u64],
    training: &Training,
    logs: &[EpochLog],
) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for ((&seed, run), log) in seeds.iter().zip(&training.runs).zip(logs) {
        let file = format!("seed-{seed}.safetensors");
        let mut provenance = task.provenance();
        provenance.seed = Some(seed);
        provenance.epochs = log.epochs.last().map(|&e| e as u64);
        provenance.risk = Some(run.value.risk);
        let finite = run.value.risk.is_finite();
        if finite {
            let theta: Tensor = run.theta.to_device(&candle_core::Device::Cpu)?;
            Checkpoint::new(task.arch.clone(), theta, provenance).write(&folder.join(&file))?;
        }
        rows.push(json!({
            "seed": seed,
            "checkpoint": finite.then_some(file),
            "risk": number(run.value.risk),
            "train_error": number(run.value.error),
            "test_error": number(log.test.last().map_or(f64::NAN, |v| v.error)),
            "stop": run.stop.name(),
            "steps": run.steps,
        }));
    }
    history(folder.path(), seeds, logs)?;
    picture(folder.path(), &task.arch.to_string(), &task.data.spec, seeds, logs)?;
    let steps = training.runs.iter().map(|r| r.steps).max();
    let mut summary = json!({"runs": rows, "steps": steps, "train_seconds": number(training.seconds)});
    let interrupted = training.runs.iter().any(|r| r.stop == Stop::Interrupted);
    folder.finish(&args.common, &mut summary, interrupted)?;
    args.common.show(&summary, || {
        for ((seed, run), log) in seeds.iter().zip(&training.runs).zip(logs) {
            let risk = shown::risk(run.value.risk);
            let error = |name: &str, share: f64| match share.is_nan() {
                true => String::new(),
                false => format!(", {name} error {:.2} %", 100. * share),
            };
            let train = error("training", run.value.error);
            let test = error("test", log.test.last().map_or(f64::NAN, |v| v.error));
            let stop = match run.stop {
                Stop::Epochs => shown::counted(args.epochs as usize, "epoch"),
                stop => stop.name().into(),
            };
            print(&format!("seed {seed}: risk {risk}{train}{test}, {stop}"));
        }
        print(&format!(
            "{} in {:.2} s, written to {}",
            shown::counted(seeds.len(), "run"),
            training.seconds,
            folder.path().display()
        ));
    });
    Ok(())
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
    ])?;
    for (seed, log) in seeds.iter().zip(logs) {
        for ((epoch, a), b) in log.epochs.iter().zip(&log.train).zip(&log.test) {
            let numbers = [*epoch, a.risk, a.loss, a.error, b.loss, b.error].map(text);
            table.write_record(std::iter::once(seed.to_string()).chain(numbers))?;
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
    folder::picture(
        folder,
        "history",
        &history_figure(&History { title: &title, subtitle: data, runs: &runs }),
    )
}
