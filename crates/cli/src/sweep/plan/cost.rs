//! What a plan will cost: for each network some steps are timed on one core of this machine, and multiplied.

use std::{collections::HashMap, rc::Rc, time::Instant};

use candle_core::Tensor;
use clap::Parser;
use collado_dynamics::{Rule, Sampler, TrainSettings, train as train_stack};
use collado_risk::{Objective, Path, Rows, profile};

use crate::{
    args::Common,
    command::{Args, Command},
    connect::ConnectArgs,
    failure::Failure,
    search::{AlignBy, Ends, Method},
    sweep::task::Task as SweepTask,
    task::Task,
    train::{self, TrainArgs},
};

/// What the start of a process, its pictures and its files take, about: the 155 tasks of `digits-quick.toml` took .16 s each on two shared
/// cores, of which steps, points and alignments were .04 s.
const START: f64 = 0.1;
/// The least time over which steps are timed, and the most networks of a stack that are.
const SECONDS: f64 = 0.1;
const STACK: usize = 8;

/// The seconds that tasks take one core; `None` for what is not estimated: proofs, merge trees, spectra, searches whose length
/// is not known before, and what cannot be tried here, as when the data are elsewhere.
pub(super) fn seconds(tasks: &[SweepTask]) -> Vec<Option<f64>> {
    // One thread, as each task has where several run at a time.
    let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() else {
        return vec![None; tasks.len()];
    };
    pool.install(|| {
        let commands: Vec<Option<Command>> = tasks.iter().map(command).collect();
        let mut clock = Clock::default();
        let of = |(task, command): (&SweepTask, &Option<Command>)| match command.as_ref()? {
            Command::Train(args) => clock.training(args),
            Command::Connect(args) => {
                let before = task.after.iter().find_map(|id| tasks.iter().position(|t| t.id == *id))?;
                let Some(Command::Train(networks)) = &commands[before] else { return None };
                clock.connection(args, networks)
            }
            _ => None,
        };
        tasks.iter().zip(&commands).map(of).map(|work| Some(work? + START)).collect()
    })
}

/// The command line of a task with its values, which the planner has checked.
fn command(task: &SweepTask) -> Option<Command> {
    let words = task.arguments("".as_ref(), "out".as_ref());
    let words = std::iter::once("collado".into()).chain(words);
    let mut command = Args::try_parse_from(words).ok()?.command;
    if let Some(common) = command.common() {
        // Its notes are for those who run it.
        common.quiet = true;
    }
    Some(command)
}

/// The times that were taken. Tasks that differ in their seeds alone take the same time.
#[derive(Default)]
struct Clock {
    networks: HashMap<String, Option<Rc<Network>>>,
    trainings: HashMap<String, Option<f64>>,
    connections: HashMap<String, Option<f64>>,
}

/// A network on its data.
struct Network {
    task: Task,
    /// Two points, at random.
    ends: [Tensor; 2],
    /// The time that reading the data took, which each task takes.
    load: f64,
}

impl Clock {
    /// The seconds of a training up to its last epoch; it may stop before.
    fn training(&mut self, args: &TrainArgs) -> Option<f64> {
        let network = self.network(args)?;
        let networks = args.seeds.as_ref().map_or(1, |seeds| (seeds.end - seeds.start) as usize);
        let (data, arch, rest) =
            (&args.data, &args.arch, (args.epochs, args.batch, args.optimizer, args.max_steps));
        let key =
            format!("{networks} {data:?} {arch:?} {rest:?} {:?} {}", args.common.dtype, args.common.device);
        *self.trainings.entry(key).or_insert_with(|| network.training(args, networks).ok().flatten())
    }

    /// The seconds of a connection between networks of that training.
    fn connection(&mut self, args: &ConnectArgs, networks: &TrainArgs) -> Option<f64> {
        let network = self.network(networks)?;
        let how =
            (args.method, args.align, args.points, args.search.bends, args.search.epochs, args.search.batch);
        let key = format!("{how:?} {:?} {:?}", networks.data, networks.arch);
        *self.connections.entry(key).or_insert_with(|| network.connection(args).ok().flatten())
    }

    fn network(&mut self, args: &TrainArgs) -> Option<Rc<Network>> {
        let Common { dtype, device, .. } = &args.common;
        let key = format!("{:?} {:?} {dtype:?} {device}", args.data, args.arch);
        self.networks.entry(key).or_insert_with(|| Network::new(args).ok().map(Rc::new)).clone()
    }
}

impl Network {
    fn new(args: &TrainArgs) -> Result<Self, Failure> {
        let begin = Instant::now();
        let spec = args.arch.spec(&args.common)?;
        let task = Task::for_training(&args.data, &args.common, &spec, Some("digits"))?;
        let load = begin.elapsed().as_secs_f64();
        let stack = args.init.stack(&task.arch, &[0, 1], task.dtype, &task.device)?;
        Ok(Self { ends: [stack.get(0)?, stack.get(1)?], task, load })
    }

    /// Times the first steps of a training.
    fn training(&self, args: &TrainArgs, networks: usize) -> Result<Option<f64>, Failure> {
        let settings = train::settings(args, self.task.train.examples())?;
        if settings.rule == Rule::Lbfgs {
            return Ok(None);
        }
        let per_epoch = Sampler::new(0, self.task.train.examples(), settings.batch).steps_per_epoch();
        let all = settings.epochs.saturating_mul(per_epoch).min(settings.max_steps.unwrap_or(u64::MAX));
        let seeds: Vec<u64> = (0..networks.min(STACK) as u64).collect();
        let start = args.init.stack(&self.task.arch, &seeds, self.task.dtype, &self.task.device)?;
        let mut steps = 4;
        let taken = loop {
            let some = TrainSettings {
                max_steps: Some(steps),
                until_risk: None,
                until_gradient: None,
                ..settings.clone()
            };
            let taken = train_stack(&self.task.train, &start, &seeds, &some, &mut ())?.seconds;
            if taken >= SECONDS || steps >= all.min(4096) {
                break taken;
            }
            steps *= 4;
        };
        let share = networks as f64 / seeds.len() as f64;
        Ok(Some(self.load + share * taken / steps.min(all.max(1)) as f64 * all as f64))
    }

    /// Times the points of a profile, steps of a curve and an alignment.
    fn connection(&self, args: &ConnectArgs) -> Result<Option<f64>, Failure> {
        let [a, b] = &self.ends;
        let line = Path::segment(a, b)?;
        let rows = self.task.train.examples() + self.task.test.as_ref().map_or(0, Objective::examples);
        let share = rows as f64 / self.task.train.examples() as f64;
        let point = timed(|| Ok(profile(&line, 3, &self.task.train, None)?))? / 3. * share;
        let search = match args.method {
            Method::Linear => 0.,
            // The straight line is looked at first, at fewer points; each point is repaired by two passes.
            Method::Repair => 21. * 3. * point,
            Method::Bezier | Method::Polychain => {
                let epochs = args.search.epochs(&self.task, 5000, 10);
                let mut sampler = Sampler::new(0, self.task.train.examples(), args.search.batch());
                let steps = epochs.saturating_mul(sampler.steps_per_epoch());
                let batch = sampler.batch(0).to_vec();
                let bends = args.search.bends();
                let ts: Vec<f64> = (0..bends + 2).map(|i| i as f64 / (bends + 1) as f64).collect();
                let curve = Path::bezier(line.span(&ts)?.materialize()?)?;
                let span = curve.span(&[0.3, 0.7])?.with_free(1..bends + 1);
                let mut gradient = curve.vertices().narrow(0, 1, bends)?.zeros_like()?;
                let step = timed(|| {
                    Ok(self.task.train.evaluate(&span, Rows::Shared(&batch), Some(&mut gradient))?)
                })?;
                steps as f64 * step
            }
            _ => return Ok(None),
        };
        let ends = Ends { a: a.clone(), b: b.clone(), buffers: [None, None], alignment: None };
        let align = match args.align.unwrap_or(AlignBy::None) {
            AlignBy::None => 0.,
            by => {
                let begin = Instant::now();
                ends.align(by, &self.task, &args.common)?;
                begin.elapsed().as_secs_f64()
            }
        };
        Ok(Some(self.load + align + search + args.points as f64 * point))
    }
}

/// The mean time of some work.
fn timed<T>(mut work: impl FnMut() -> Result<T, Failure>) -> Result<f64, Failure> {
    work()?;
    let (begin, mut count) = (Instant::now(), 0);
    while begin.elapsed().as_secs_f64() < SECONDS {
        work()?;
        count += 1;
    }
    Ok(begin.elapsed().as_secs_f64() / f64::from(count.max(1)))
}
