//! The result of `collado train`.

use std::path::Path;

use collado_dynamics::{Stop, Trained, Training};
use serde::Serialize;

use super::{finish::FinishRecord, log::EpochLog};
use crate::{json::print, shown};

/// The result of `train`.
#[derive(Serialize)]
pub(super) struct Summary {
    runs: Vec<Run>,
    /// The steps of the longest run.
    steps: Option<u64>,
    train_seconds: f64,
}

/// One run.
#[derive(Serialize)]
struct Run {
    seed: u64,
    /// Its file; nothing where the numbers are no longer finite.
    checkpoint: Option<String>,
    risk: f64,
    train_error: f64,
    test_error: f64,
    stop: &'static str,
    steps: u64,
    /// How finishing ended, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    finish: Option<FinishRecord>,
}

/// The checkpoint of a run, if its numbers are finite.
pub(super) fn file(seed: u64, run: &Trained) -> Option<String> {
    run.value.risk.is_finite().then(|| format!("seed-{seed}.safetensors"))
}

impl Summary {
    pub(super) fn new(
        seeds: &[u64],
        training: &Training,
        logs: &[EpochLog],
        records: Vec<Option<FinishRecord>>,
    ) -> Self {
        let run = |(((&seed, run), log), finish): (((&u64, &Trained), &EpochLog), _)| Run {
            seed,
            checkpoint: file(seed, run),
            risk: run.value.risk,
            train_error: run.value.error,
            test_error: log.test.last().map_or(f64::NAN, |v| v.error),
            stop: run.stop.name(),
            steps: run.steps,
            finish,
        };
        Self {
            runs: seeds.iter().zip(&training.runs).zip(logs).zip(records).map(run).collect(),
            steps: training.runs.iter().map(|r| r.steps).max(),
            train_seconds: training.seconds,
        }
    }

    /// Prints the result for people; `epochs` is the number that was asked for.
    pub(super) fn print(&self, epochs: u64, folder: &Path) {
        for run in &self.runs {
            let error = |name: &str, share: f64| match share.is_nan() {
                true => String::new(),
                false => format!(", {name} error {:.2} %", 100. * share),
            };
            let (risk, train) = (shown::risk(run.risk), error("training", run.train_error));
            let test = error("test", run.test_error);
            let stop = match run.stop {
                stop if stop == Stop::Epochs.name() => shown::counted(epochs as usize, "epoch"),
                stop => stop.into(),
            };
            let finish = run.finish.map_or_else(String::new, |end| end.text());
            print(&format!("seed {}: risk {risk}{train}{test}, {stop}{finish}", run.seed));
        }
        print(&format!(
            "{} in {:.2} s, written to {}",
            shown::counted(self.runs.len(), "run"),
            self.train_seconds,
            folder.display()
        ));
    }
}
