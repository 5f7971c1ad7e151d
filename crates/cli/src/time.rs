//! The hidden command `collado time`: measures one piece of work without start-up, input and output, for benchmarks
//! against other systems.

use std::{ops::ControlFlow, time::Instant};

use candle_core::Tensor;
use clap::{Args as ClapArgs, ValueEnum};
use collado_dynamics::{Connect, Curve, Sampler, Search, TrainSettings, train};
use collado_models::{ArchSpec, Init};
use collado_risk::{Objective, Path, Rows, Span, profile};
use serde::Serialize;

use crate::{
    args::{Common, DataArgs},
    failure::Failure,
    json::{self, print},
    numbers,
    task::Task,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct TimeArgs {
    /// Work that is timed.
    work: Work,
    /// Network to time.
    #[arg(long)]
    arch: ArchSpec,
    /// Number of networks trained as one stack.
    #[arg(long, default_value_t = 1, value_parser = numbers::whole::<u64>(1..=100000))]
    stack: u64,
    /// Number of examples in a minibatch.
    #[arg(long, default_value_t = 128, value_parser = numbers::any::<usize>())]
    batch: usize,
    /// Number of training steps.
    #[arg(long, default_value_t = 100, value_parser = numbers::some::<u64>())]
    steps: u64,
    /// Number of points of a profile, or along a side of a plane.
    #[arg(long, default_value_t = 61, value_parser = numbers::whole::<usize>(2..=1_000_000))]
    points: usize,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Work {
    /// One step of SGD with momentum.
    Train,
    /// One step of a Bézier curve's bend, with one t per step.
    Bend,
    /// The risk at points of a segment.
    Profile,
    /// The risk on a grid of a plane.
    Plane,
}

#[derive(Serialize)]
struct Time {
    seconds: f64,
}

/// Prints `{"seconds": …}` of one step, or of the whole profile or plane.
pub(crate) fn run(args: &TimeArgs) -> Result<(), Failure> {
    let task = Task::for_training(&args.data, &args.common, &args.arch, Some("digits"))?;
    let seeds: Vec<u64> = (0..args.stack.max(3)).collect();
    let stack = Init::default().stack(&task.arch, &seeds, task.dtype, &task.device)?;
    let seconds = match args.work {
        Work::Train => train_step(args, &task, &stack)?,
        Work::Bend => bend_step(args, &task, &stack)?,
        Work::Profile => {
            let path = Path::segment(&stack.get(0)?, &stack.get(1)?)?;
            second(&task, || {
                profile(&path, args.points, &task.train, None)?;
                Ok(())
            })?
        }
        Work::Plane => plane(args, &task, &stack.narrow(0, 0, 3)?)?,
    };
    print(&json::value(&Time { seconds }).to_string());
    Ok(())
}

/// The seconds of some work; on a GPU of its second run, as the first one loads kernels and takes memory.
fn second(task: &Task, mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    if !task.device.is_cpu() {
        work()?;
    }
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Number of steps of a bend before the clock starts, since the first ones touch new memory. The peers have as many.
const WARM: u64 = 10;

fn train_step(args: &TimeArgs, task: &Task, stack: &Tensor) -> Result<f64, Failure> {
    let per_epoch = Sampler::new(0, task.train.examples(), args.batch).steps_per_epoch();
    let settings = TrainSettings {
        batch: args.batch,
        epochs: args.steps.div_ceil(per_epoch),
        max_steps: Some(args.steps),
        lr: 0.01,
        ..TrainSettings::default()
    };
    let stack = stack.narrow(0, 0, args.stack as usize)?.copy()?;
    let seeds: Vec<u64> = (0..args.stack).collect();
    if !task.device.is_cpu() {
        train(&task.train, &stack, &seeds, &settings, &mut ())?;
    }
    let done = train(&task.train, &stack, &seeds, &settings, &mut ())?;
    Ok(done.seconds / args.steps as f64)
}

fn bend_step(args: &TimeArgs, task: &Task, stack: &Tensor) -> Result<f64, Failure> {
    let per_epoch = Sampler::new(0, task.train.examples(), args.batch).steps_per_epoch();
    // On a GPU many steps are told of at once, and the first of them record the launches.
    let ahead = if task.device.is_cpu() { 0 } else { 512 };
    let epochs = (args.steps + WARM + 2 * ahead).div_ceil(per_epoch) + 1;
    let curve = Curve { samples: 1, batch: args.batch, epochs, ..Curve::default() };
    let total = (epochs * per_epoch) as f64;
    // The clock starts after the first steps: number of steps done, and when.
    let (mut first, mut last) = (None, None);
    let mut progress = |share: f64| {
        let now = ((share * total).round() as u64, Instant::now());
        let (start, _) = *first.get_or_insert(now);
        if start < WARM {
            first = Some(now);
        }
        last = Some(now);
        if now.0 >= start.max(WARM) + args.steps { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut search = Search { objective: &task.train, seed: 0, progress: &mut progress };
    curve.find(&stack.get(0)?, &stack.get(1)?, &mut search)?;
    let ((from, start), (to, end)) = first.zip(last).expect("there are steps");
    Ok((end - start).as_secs_f64() / (to - from).max(1) as f64)
}

fn plane(args: &TimeArgs, task: &Task, vertices: &Tensor) -> Result<f64, Failure> {
    let at = |i: usize| i as f64 / (args.points - 1) as f64;
    let grid = (0..args.points).flat_map(|i| (0..args.points).map(move |j| (at(i), at(j))));
    let coefficients = grid.flat_map(|(x, y)| [1. - x - y, x, y]).collect();
    let span = Span::new(vertices, coefficients)?;
    second(task, || {
        task.train.evaluate(&span, Rows::All, None)?;
        Ok(())
    })
}
