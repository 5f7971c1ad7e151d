//! The hidden command `collado time`: measures one piece of work without start-up, input and output, for benchmarks
//! against other systems.

use std::{ops::ControlFlow, time::Instant};

use candle_core::{DType, Device, Tensor};
use clap::{Args as ClapArgs, ValueEnum};
use collado_dynamics::{Connect, Curve, Sampler, Search, TrainSettings, train};
use collado_models::Init;
use collado_risk::{Criterion, EmpiricalRisk, Examples, Objective, Path, Rows, Span, Statistics, profile};
use serde::Serialize;

use crate::{
    args::{ArchArgs, Common, DataArgs},
    device,
    failure::Failure,
    json::{self, print},
    numbers,
    task::Task,
};

#[derive(Debug, ClapArgs)]
pub(crate) struct TimeArgs {
    /// Work that is timed.
    work: Work,
    #[command(flatten)]
    arch: ArchArgs,
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
    /// Random images of this shape instead of data, such as `3x32x32`, with labels of 10 classes.
    #[arg(long, value_name = "CxHxW", value_parser = shape)]
    images: Option<[usize; 3]>,
    /// Number of random images.
    #[arg(long, default_value_t = 2048, value_parser = numbers::some::<usize>())]
    examples: usize,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Work {
    /// One step of SGD with momentum.
    Train,
    /// The risk over a minibatch, with running statistics where there are any.
    Eval,
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

/// Prints `{"seconds": …}` of one step or evaluation, or of the whole profile or plane.
pub(crate) fn run(args: &TimeArgs) -> Result<(), Failure> {
    let (risk, dtype, device) = match args.images {
        Some(images) => (random(args, images)?, DType::F32, device::device(&args.common.device)?),
        None => {
            let spec = args.arch.spec(&args.common)?;
            let task = Task::for_training(&args.data, &args.common, &spec, Some("digits"))?;
            (task.train, task.dtype, task.device)
        }
    };
    let seeds: Vec<u64> = (0..args.stack.max(3)).collect();
    let stack = Init::default().stack(risk.arch(), &seeds, dtype, &device)?;
    let seconds = match args.work {
        Work::Train => train_step(args, &risk, &stack)?,
        Work::Eval => evaluation(args, risk, &stack.narrow(0, 0, args.stack as usize)?)?,
        Work::Bend => bend_step(args, &risk, &stack)?,
        Work::Profile => {
            let path = Path::segment(&stack.get(0)?, &stack.get(1)?)?;
            second(&device, || {
                profile(&path, args.points, &risk, None)?;
                Ok(())
            })?
        }
        Work::Plane => plane(args, &risk, &stack.narrow(0, 0, 3)?)?,
    };
    print(&json::value(&Time { seconds }).to_string());
    Ok(())
}

/// The seconds of some work; on a GPU of its second run, as the first one loads kernels and takes memory.
fn second(device: &Device, mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    if !device.is_cpu() {
        work()?;
    }
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

/// A shape such as `3x32x32`.
fn shape(text: &str) -> Result<[usize; 3], String> {
    let axes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    let axes = axes.ok().and_then(|axes| <[usize; 3]>::try_from(axes).ok());
    axes.filter(|axes| axes.iter().all(|&n| n > 0)).ok_or_else(|| "expected CxHxW, such as 3x32x32".into())
}

/// The risk on random images, whose content does not matter for the time.
fn random(args: &TimeArgs, images: [usize; 3]) -> Result<EmpiricalRisk, Failure> {
    const CLASSES: usize = 10;
    let arch = args.arch.spec(&args.common)?.resolve_images(images, CLASSES)?;
    let shape = [&[args.examples], arch.network().input()].concat();
    let inputs = Tensor::randn(0_f32, 1., shape, &Device::Cpu)?;
    let labels: Vec<u32> = (0..args.examples).map(|i| (i % CLASSES) as u32).collect();
    let examples = Examples::new(&inputs, &Tensor::from_vec(labels, args.examples, &Device::Cpu)?)?;
    let risk = EmpiricalRisk::new(&arch, examples, Criterion::default())?;
    Ok(risk.with_memory(args.common.memory()))
}

/// The time of one evaluation of a minibatch.
fn evaluation(args: &TimeArgs, risk: EmpiricalRisk, stack: &Tensor) -> Result<f64, Failure> {
    let buffers = Tensor::ones(risk.network().buffers().len(), DType::F64, &Device::Cpu)?;
    let risk = risk.with_statistics(Statistics::Interpolate).with_buffers(&buffers)?;
    let rows: Vec<u32> = (0..args.batch.min(risk.data().len()) as u32).collect();
    let span = Span::stack(stack)?;
    let mut start = Instant::now();
    for step in 0..args.steps + 1 {
        // The first evaluation touches new memory.
        if step == 1 {
            start = Instant::now();
        }
        risk.evaluate(&span, Rows::Shared(&rows), None)?;
    }
    Ok(start.elapsed().as_secs_f64() / args.steps as f64)
}

/// Number of steps of a bend before the clock starts, since the first ones touch new memory. The peers have as many.
const WARM: u64 = 10;

fn train_step(args: &TimeArgs, risk: &EmpiricalRisk, stack: &Tensor) -> Result<f64, Failure> {
    let per_epoch = Sampler::new(0, risk.examples(), args.batch).steps_per_epoch();
    let settings = TrainSettings {
        batch: args.batch,
        epochs: args.steps.div_ceil(per_epoch),
        max_steps: Some(args.steps),
        lr: 0.01,
        ..TrainSettings::default()
    };
    let stack = stack.narrow(0, 0, args.stack as usize)?.copy()?;
    let seeds: Vec<u64> = (0..args.stack).collect();
    if !stack.device().is_cpu() {
        train(risk, &stack, &seeds, &settings, &mut ())?;
    }
    let done = train(risk, &stack, &seeds, &settings, &mut ())?;
    Ok(done.seconds / args.steps as f64)
}

fn bend_step(args: &TimeArgs, risk: &EmpiricalRisk, stack: &Tensor) -> Result<f64, Failure> {
    let per_epoch = Sampler::new(0, risk.examples(), args.batch).steps_per_epoch();
    // On a GPU many steps are told of at once, and the first of them record the launches.
    let ahead = if stack.device().is_cpu() { 0 } else { 512 };
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
    let mut search = Search { objective: risk, seed: 0, progress: &mut progress };
    curve.find(&stack.get(0)?, &stack.get(1)?, &mut search)?;
    let ((from, start), (to, end)) = first.zip(last).expect("there are steps");
    Ok((end - start).as_secs_f64() / (to - from).max(1) as f64)
}

fn plane(args: &TimeArgs, risk: &EmpiricalRisk, vertices: &Tensor) -> Result<f64, Failure> {
    let at = |i: usize| i as f64 / (args.points - 1) as f64;
    let grid = (0..args.points).flat_map(|i| (0..args.points).map(move |j| (at(i), at(j))));
    let coefficients = grid.flat_map(|(x, y)| [1. - x - y, x, y]).collect();
    let span = Span::new(vertices, coefficients)?;
    second(vertices.device(), || {
        risk.evaluate(&span, Rows::All, None)?;
        Ok(())
    })
}
