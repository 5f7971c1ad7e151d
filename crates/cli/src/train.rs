use std::{path::Path, time::Duration};

use candle_core::{Device, Tensor};
use collado_dynamics::{Decay, Epoch, Rule, Sampler, Schedule, Stop, TrainSettings, Training, train};
use collado_models::{Checkpoint, Objective, Rows, Span, Value};
use collado_plots::{History, Run, history_figure};
use serde_json::json;

use crate::{
    args::{OptimizerName, ScheduleName, TrainArgs},
    failure::Failure,
    folder,
    json::{self, number, print},
    progress,
    task::Task,
};

/// Values of one run after each epoch.
#[derive(Default)]
struct Log {
    epochs: Vec<f64>,
    train: Vec<Value>,
    test: Vec<Value>,
}

/// Trains one or many minima as one stack.
pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let task = Task::for_training(&args.data, &args.common, &args.arch)?;
    let seeds: Vec<u64> = args.seeds.clone().unwrap_or(args.common.seed..args.common.seed + 1).collect();
    let folder = folder::create(&args.out, &["summary.json"])?;
    let theta = args.init.stack(&task.arch, &seeds, task.dtype, &Device::Cpu)?;
    let settings = settings(args, task.train.examples());
    progress::catch_interrupt();
    let bar = progress::bar("training", args.common.quiet);
    let mut logs: Vec<Log> = seeds.iter().map(|_| Log::default()).collect();
    let mut watch = |e: &Epoch<'_>| {
        bar.set_length(e.epochs);
        bar.set_position(e.epoch);
        note(&task, e, &mut logs)?;
        Ok(!progress::interrupted())
    };
    let training = train(&task.train, &theta, &seeds, &settings, &mut watch)?;
    bar.finish_and_clear();
    save(args, &task, &folder, &seeds, &training, &logs)?;
    if training.runs.iter().any(|r| r.stop == Stop::Interrupted) {
        return Err(Failure::interrupted("interrupted; what was trained so far is saved"));
    }
    match training.runs.iter().position(|r| r.stop == Stop::Diverged) {
        Some(i) => Err(Failure::new(format!("seed {}: diverged: the risk is no longer finite", seeds[i]))
            .hint("a smaller --lr or a --warmup helps")),
        None => Ok(()),
    }
}

fn settings(args: &TrainArgs, examples: usize) -> TrainSettings {
    let weight_decay = args.weight_decay;
    let (rule, lr) = match args.optimizer {
        OptimizerName::Sgd => {
            (Rule::Sgd { momentum: args.momentum, nesterov: args.nesterov, weight_decay }, 0.05)
        }
        OptimizerName::Adam => (Rule::Adam { weight_decay, decoupled: false }, 1e-3),
        OptimizerName::Adamw => (Rule::Adam { weight_decay, decoupled: true }, 1e-3),
    };
    let decay = match args.schedule {
        ScheduleName::Constant => Decay::Constant,
        ScheduleName::Step => Decay::Step,
        ScheduleName::Cosine => Decay::Cosine,
    };
    let per_epoch = Sampler::new(0, examples, args.batch).steps_per_epoch();
    TrainSettings {
        epochs: args.epochs,
        batch: args.batch,
        rule,
        lr: args.lr.unwrap_or(lr),
        schedule: Schedule { decay, warmup: args.warmup * per_epoch },
        max_steps: args.max_steps,
        max_time: args.max_seconds.filter(|s| *s >= 0. && *s < 1e9).map(Duration::from_secs_f64),
        until_risk: args.until_risk,
        until_gradient: args.until_gradient,
    }
}

fn note(task: &Task, e: &Epoch<'_>, logs: &mut [Log]) -> collado_dynamics::Result<()> {
    let span = Span::stack(e.theta)?;
    let test = task.test.as_ref().map(|t| t.evaluate(&span, Rows::All, None)).transpose()?;
    for (i, &run) in e.runs.iter().enumerate() {
        let missing = Value { risk: f64::NAN, loss: f64::NAN, error: f64::NAN };
        logs[run].epochs.push(e.epoch as f64);
        logs[run].train.push(e.values[i]);
        logs[run].test.push(test.as_ref().map_or(missing, |t| t[i]));
    }
    Ok(())
}

fn save(
    args: &TrainArgs,
    task: &Task,
    folder: &Path,
    seeds: &[u64],
    training: &Training,
    logs: &[Log],
) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for ((&seed, run), log) in seeds.iter().zip(&training.runs).zip(logs) {
        let file = format!("seed-{seed}.safetensors");
        let mut provenance = task.provenance();
        provenance.seed = Some(seed);
        provenance.epochs = log.epochs.last().map(|&e| e as u64);
        provenance.risk = Some(run.value.risk);
        if run.stop != Stop::Diverged {
            let theta: Tensor = run.theta.clone();
            Checkpoint { arch: task.arch.clone(), theta, provenance, hash: None }
                .write(&folder.join(&file))?;
        }
        rows.push(json!({
            "seed": seed,
            "checkpoint": (run.stop != Stop::Diverged).then_some(file),
            "risk": number(run.value.risk),
            "train_error": number(run.value.error),
            "test_error": number(log.test.last().map_or(f64::NAN, |v| v.error)),
            "stop": run.stop.name(),
            "steps": run.steps,
        }));
    }
    history(folder, seeds, logs)?;
    picture(folder, &task.arch.to_string(), &task.data.spec, seeds, logs)?;
    let steps = training.runs.iter().map(|r| r.steps).max();
    let summary = json!({"runs": rows, "steps": steps, "train_seconds": number(training.seconds)});
    json::write(&folder.join("summary.json"), &summary)?;
    if args.common.json {
        print(&summary.to_string());
    } else if !args.common.quiet {
        for (seed, run) in seeds.iter().zip(&training.runs) {
            let (risk, error) = (run.value.risk, 100. * run.value.error);
            print(&format!("seed {seed}: risk {risk:.6}, training error {error:.2} %, {}", run.stop.name()));
        }
        print(&format!("{} runs in {:.2} s, written to {}", seeds.len(), training.seconds, folder.display()));
    }
    Ok(())
}

fn history(folder: &Path, seeds: &[u64], logs: &[Log]) -> Result<(), Failure> {
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

/// Shortest text that reads back as the same number; `nan` and `inf` in small letters.
pub(crate) fn text(x: f64) -> String {
    x.to_string().to_lowercase()
}

pub(crate) fn write_table(path: &Path, table: csv::Writer<Vec<u8>>) -> Result<(), Failure> {
    use std::io::Write;
    let bytes = table.into_inner().map_err(|e| Failure::new(e.to_string()))?;
    Ok(collado_models::atomically(path, |f| f.write_all(&bytes))?)
}

fn picture(folder: &Path, arch: &str, data: &str, seeds: &[u64], logs: &[Log]) -> Result<(), Failure> {
    let columns: Vec<_> = logs
        .iter()
        .map(|log| {
            let pick = |values: &[Value], f: fn(&Value) -> f64| values.iter().map(f).collect::<Vec<_>>();
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
