//! `collado train`: trains one or many networks as one stack.

mod args;
mod finish;
mod log;
mod output;
mod start;
mod state;
mod summary;

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use candle_core::Tensor;
use collado_dynamics::{
    AdaptiveRule, Decay, Epoch, Observe, Rule, Sampler, Schedule, Stop, TrainSettings, TrainState, Training,
    resume, train,
};
use collado_risk::{Objective, Statistics};
use indicatif::ProgressBar;

pub(crate) use self::args::TrainArgs;
use self::{
    args::{OptimizerName, ScheduleName},
    finish::{FinishRecord, Stage},
    log::EpochLog,
    state::Saved,
    summary::Summary,
};
use crate::{failure::Failure, folder::Folder, progress, shown, task::Task};

/// Trains one or many minima as one stack.
pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let seeds: Vec<u64> = match args.seeds.clone() {
        Some(seeds) => seeds.collect(),
        None => vec![args.common.seed],
    };
    check(args, &seeds)?;
    note_unused(args);
    let spec = match &args.from {
        // A checkpoint states its network, if no flag does.
        Some(file) => args.arch.stated(&args.common)?.map_or_else(|| start::network(file), Ok)?,
        None => args.arch.spec(&args.common)?,
    };
    let task = Task::for_training(&args.data, &args.common, &spec, Some("digits"))?;
    let start = args.from.as_deref().map(|file| start::read(file, &task, &args.common)).transpose()?;
    let settings = settings(args, task.train.examples())?;
    let Some(folder) = Folder::open(&args.out, &args.common, "summary.json", &[])? else { return Ok(()) };
    let files = Saved::new(&folder, &task, &seeds);
    refuse_finish(args, &task)?;
    let saved = files.read()?;
    progress::catch_interrupt();
    let mut watch = TrainObserver {
        task: &task,
        files: &files,
        bar: progress::bar("training", args.common.quiet),
        logs: vec![EpochLog::default(); seeds.len()],
        stages: vec![None; seeds.len()],
        every: args.save_every,
        last: Instant::now(),
    };
    let mut training = match saved {
        Some((state, logs, stages)) => {
            (watch.logs, watch.stages) = (logs, stages);
            match all_ended(&state) {
                Some(training) => training,
                None => resume(&task.train, &seeds, &settings, state, &mut watch)?,
            }
        }
        None => {
            let theta = match start {
                Some(theta) => Tensor::stack(&vec![theta; seeds.len()], 0)?,
                None => args.init.stack(&task.arch, &seeds, task.dtype, &task.device)?,
            };
            train(&task.train, &theta, &seeds, &settings, &mut watch)?
        }
    };
    watch.bar.finish_and_clear();
    let TrainObserver { mut logs, mut stages, .. } = watch;
    let stopped = |training: &Training| training.runs.iter().any(|r| r.stop == Stop::Interrupted);
    if let Some(gradient) = args.finish.filter(|_| !stopped(&training)) {
        (logs, stages) = finish::all(args, &task, &files, gradient, &mut training, logs, stages)?;
    }
    let record =
        |stage: &Option<Stage>| Some(FinishRecord::new(args.finish?, stage.as_ref().and_then(Stage::done)?));
    let records: Vec<_> = stages.iter().map(record).collect();
    output::save(&task, folder.path(), &seeds, &training, &logs, &records)?;
    let summary = Summary::new(&seeds, &training, &logs, records);
    let interrupted = stopped(&training);
    let described = folder.finish(&args.common, &summary, interrupted)?;
    args.common.show(&described, || summary.print(args.epochs, folder.path()));
    if interrupted {
        let message = "interrupted; what was trained so far is saved";
        return Err(Failure::interrupted(message).hint("--resume goes on from here"));
    }
    match training.runs.iter().position(|r| r.stop == Stop::Diverged) {
        Some(i) => {
            let risk = training.runs[i].value.risk;
            let how = match risk.is_finite() {
                true => format!("the risk ended at {}, above its start", shown::risk(risk)),
                false => "the risk is no longer finite".into(),
            };
            Err(Failure::new(format!("seed {}: diverged: {how}", seeds[i]))
                .hint("a smaller --lr or a --warmup helps"))
        }
        None => args.finish.and_then(|g| finish::missed(&seeds, g, &stages)).map_or(Ok(()), Err),
    }
}

/// The result of a training that had ended when its state was saved, while its runs were being finished.
fn all_ended(state: &TrainState) -> Option<Training> {
    let runs = state.ended.iter().cloned().collect::<Option<Vec<_>>>()?;
    Some(Training { runs, seconds: state.seconds })
}

/// Refuses to finish networks whose risk has no gradient, or depends on how batches are drawn.
fn refuse_finish(args: &TrainArgs, task: &Task) -> Result<(), Failure> {
    let rule = match task.statistics() {
        Some(rule) if args.finish.is_some() => rule,
        _ => return Ok(()),
    };
    if matches!(rule, Statistics::Population | Statistics::Interpolate | Statistics::Train { batch: 0 }) {
        return Ok(());
    }
    Err(Failure::usage(format!("--finish: expected --bn population, interpolate or train:0, found {rule}")))
}

/// Refuses combinations of flags that make no sense.
fn check(args: &TrainArgs, seeds: &[u64]) -> Result<(), Failure> {
    if args.optimizer != OptimizerName::Lbfgs {
        return Ok(());
    }
    if let Some(batch @ 1..) = args.batch {
        return Err(Failure::usage(format!("--batch: expected 0 (all examples) for lbfgs, found {batch}")));
    }
    match seeds.len() {
        1 => Ok(()),
        found => Err(Failure::usage(format!("--seeds: expected one seed for lbfgs, found {found}"))),
    }
}

/// Notes the given flags that the optimiser does not use.
fn note_unused(args: &TrainArgs) {
    use OptimizerName::{Lbfgs, Sgd};
    let (sgd, lbfgs) = (args.optimizer == Sgd, args.optimizer == Lbfgs);
    let flags = [
        ("--momentum", args.momentum.is_some() && !sgd),
        ("--nesterov", args.nesterov && (!sgd || args.momentum == Some(0.))),
        ("--weight-decay", args.weight_decay != 0. && lbfgs),
        ("--schedule", args.schedule.is_some_and(|s| s != ScheduleName::Constant) && lbfgs),
        ("--warmup", args.warmup != 0 && lbfgs),
    ];
    for (flag, _) in flags.into_iter().filter(|(_, unused)| *unused) {
        args.common.note(format!("{flag} changes nothing with these settings of the optimiser"));
    }
}

/// An observer that draws the progress bar, records the values of each epoch, and saves the state regularly.
struct TrainObserver<'a> {
    task: &'a Task,
    files: &'a Saved,
    bar: ProgressBar,
    logs: Vec<EpochLog>,
    stages: Vec<Option<Stage>>,
    every: Duration,
    last: Instant,
}

impl Observe for TrainObserver<'_> {
    fn observe(&mut self, epoch: &Epoch<'_>) -> collado_dynamics::Result<()> {
        self.bar.set_length(epoch.epochs);
        self.bar.set_position(epoch.epoch);
        log::note(self.task, epoch, &mut self.logs)
    }

    fn poll(&mut self) -> ControlFlow<()> {
        progress::flow()
    }

    fn is_save_due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    fn save(&mut self, state: TrainState) -> collado_dynamics::Result<()> {
        self.last = Instant::now();
        self.files
            .write(&state, &self.logs, &self.stages)
            .map_err(|e| collado_dynamics::Error::Method(e.to_string()))
    }
}

/// The settings of the training loop that the flags ask for.
pub(crate) fn settings(args: &TrainArgs, examples: usize) -> Result<TrainSettings, Failure> {
    let weight_decay = args.weight_decay;
    let adaptive = |rule| Rule::Adaptive { rule, weight_decay };
    let (rule, lr) = match args.optimizer {
        OptimizerName::Sgd => (
            Rule::Sgd { momentum: args.momentum.unwrap_or(0.9), nesterov: args.nesterov, weight_decay },
            0.05,
        ),
        OptimizerName::Adam => (Rule::Adam { weight_decay, decoupled: false }, 1e-3),
        OptimizerName::Adamw => (Rule::Adam { weight_decay, decoupled: true }, 1e-3),
        OptimizerName::Rmsprop => (adaptive(AdaptiveRule::RmsProp), 1e-3),
        OptimizerName::Nadam => (adaptive(AdaptiveRule::Nadam), 1e-3),
        OptimizerName::Radam => (adaptive(AdaptiveRule::Radam), 1e-3),
        OptimizerName::Adagrad => (adaptive(AdaptiveRule::Adagrad), 1e-2),
        OptimizerName::Adadelta => (adaptive(AdaptiveRule::Adadelta), 1.),
        OptimizerName::Adamax => (adaptive(AdaptiveRule::Adamax), 2e-3),
        OptimizerName::Lbfgs => (Rule::Lbfgs, 1.),
    };
    // Finishing begins after decaying steps.
    let usual = if args.finish.is_some() { ScheduleName::Cosine } else { ScheduleName::Constant };
    let decay = match args.schedule.unwrap_or(usual) {
        ScheduleName::Constant => Decay::Constant,
        ScheduleName::Step => Decay::Step,
        ScheduleName::Cosine => Decay::Cosine,
    };
    let batch = args.batch.unwrap_or(if rule == Rule::Lbfgs { 0 } else { 64 });
    let per_epoch = Sampler::new(0, examples, batch).steps_per_epoch();
    Ok(TrainSettings {
        epochs: args.epochs,
        batch,
        rule,
        lr: args.lr.unwrap_or(lr),
        schedule: Schedule { decay, warmup: args.warmup.saturating_mul(per_epoch) },
        max_steps: args.max_steps,
        max_time: args.max_seconds,
        until_risk: args.until_risk,
        until_gradient: args.until_gradient,
    })
}
