//! `collado align`: permutes and rescales the neurons of one network onto those of another.

mod summary;

use std::{path::Path, time::Instant};

use candle_core::{DType, Tensor};
use clap::{Args as ClapArgs, ValueEnum};
use collado_dynamics::{Align, Aligned, Connect, Error, Linear, Matching, Repair, Search};
use collado_files::Checkpoint;
use collado_risk::{EmpiricalRisk, Objective, Path as RiskPath, Span, Statistics, profile};

pub(crate) use self::summary::Alignment;
use self::summary::{Barriers, RiskOfB, Risks, Summary};
use crate::{
    args::{Common, DataArgs, Dtype, EndsArgs, NetworkArgs, Out},
    cast,
    failure::Failure,
    folder::Folder,
    json,
    record::{self, Input},
    task::{Precision, Source, Task},
};

#[derive(Debug, ClapArgs)]
#[command(override_usage = "collado align [OPTIONS] --out <OUT> <A> <B>")]
pub(crate) struct AlignArgs {
    #[command(flatten)]
    ends: EndsArgs,
    #[command(flatten)]
    network: NetworkArgs,
    /// Criterion of the matching: weights, or activations on the data.
    #[arg(long, default_value = "weights")]
    method: Method,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    Weights,
    Activations,
}

/// Number of points on the straight lines whose barriers are reported.
const POINTS: usize = 9;

/// Aligns B to A.
pub(crate) fn run(args: &AlignArgs) -> Result<(), Failure> {
    let files = args.ends.files()?;
    args.network.take_graph(&files, &args.common)?;
    let a = args.network.read(&files[0], &args.common)?;
    let b = args.network.read_like(&files[1], &a, &args.common)?;
    let source = Source::of(&[(&files[0], &a), (&files[1], &b)], &args.data)?;
    // Weights are matched without data; then nothing is said about risks.
    let task = match source.stated.has_data(&args.data) {
        true => Some(Task::for_files(&source, &args.data, &args.common, Precision::OfFiles)?),
        false if args.method == Method::Activations || args.data.is_said() => {
            let message = "--method activations, --loss, --kappa and --regularizer need --data";
            return Err(Failure::usage(message).hint("the files do not state what data they were made for"));
        }
        false => None,
    };
    match &task {
        Some(_) => args.common.note_cpu("neurons are matched"),
        None => args.common.on_cpu("neurons are matched")?,
    }
    let folder = Folder::open(&args.out, &args.common, "summary.json", &["aligned.safetensors"])?;
    let Some(folder) = folder else { return Ok(()) };
    let matching = if args.method == Method::Weights { Matching::Weights } else { Matching::Activations };
    let align = Align { matching, seed: args.common.seed, ..Align::default() };
    let dtype = match args.common.dtype {
        Some(Dtype::F64) => DType::F64,
        Some(Dtype::F32) => DType::F32,
        None => b.theta.dtype(),
    };
    let theta = cast::parameters(&b.theta, dtype, &b.arch, &files[1])?;
    let start = Instant::now();
    let aligned = align.align(&a.arch, &a.theta, &theta, task.as_ref().map(|t| &t.data.train.inputs))?;
    let seconds = start.elapsed().as_secs_f64();
    let moved = b.buffers.as_ref().map(|row| aligned.symmetry.apply_to_buffers(row)).transpose()?;
    let mut summary = Summary { alignment: Alignment::new(&aligned, seconds), risks: None };
    if let Some(task) = &task {
        let end = |theta: &Tensor, buffers: &Option<Tensor>, i: usize| -> Result<End, Failure> {
            Ok(End { theta: task.place(theta, &files[i])?, buffers: buffers.clone() })
        };
        let [a, b] = [end(&a.theta, &a.buffers, 0)?, end(&b.theta, &b.buffers, 1)?];
        let near = end(&aligned.theta, &moved, 1)?;
        let (risk, barrier_above_ends) = (risks(task, &b, &near)?, barriers(task, &a, &b, &near)?);
        summary.risks = Some(Risks { risk, barrier_above_ends });
    }
    let to = folder.join("aligned.safetensors");
    write([(&files[0], &a), (&files[1], &b)], task.as_ref(), (&aligned, moved), &to)?;
    let described = folder.finish(&args.common, &summary, false)?;
    args.common.show(&described, || summary.print(POINTS, folder.path()));
    Ok(())
}

/// Writes the aligned B, with the names and hashes of the files that it was made from.
fn write(
    [a, b]: [(&Path, &Checkpoint); 2],
    task: Option<&Task>,
    (aligned, buffers): (&Aligned, Option<Tensor>),
    to: &Path,
) -> Result<(), Failure> {
    let mut provenance = b.1.provenance.clone();
    provenance.command = record::words();
    // What B does not state itself is what it was judged by here.
    if let Some(here) = task.map(Task::provenance) {
        if provenance.data.is_none() {
            (provenance.data, provenance.data_hash) = (here.data, here.data_hash);
        }
        provenance.loss = provenance.loss.or(here.loss);
        provenance.kappa = provenance.kappa.or(here.kappa);
        provenance.regularizer = provenance.regularizer.or(here.regularizer);
    }
    let file = |(path, c): (&Path, &Checkpoint)| json::value(&Input::new(path, c.hash.as_deref()));
    provenance.extra.insert("aligned".into(), file(b));
    provenance.extra.insert("aligned_to".into(), file(a));
    let (arch, theta) = (b.1.arch.clone(), aligned.theta.clone());
    Ok(Checkpoint::new(arch, theta, provenance).with_buffers(buffers).named(a.1.names.clone()).write(to)?)
}

/// A network, with the running statistics that its file has.
struct End {
    theta: Tensor,
    buffers: Option<Tensor>,
}

fn risks(task: &Task, b: &End, near: &End) -> Result<RiskOfB, Failure> {
    let span = Span::stack(&Tensor::stack(&[&b.theta, &near.theta], 0)?)?;
    let span = match (&b.buffers, &near.buffers) {
        (Some(b), Some(near)) => span.with_buffers(&Tensor::stack(&[b, near], 0)?)?,
        _ => span,
    };
    let risks = task.train.risks(&span)?;
    Ok(RiskOfB { b: risks[0], aligned: risks[1] })
}

fn barriers(task: &Task, a: &End, b: &End, near: &End) -> Result<Barriers, Failure> {
    let repair = Repair { arch: &task.arch, data: &task.data.train.inputs, rows: 10_000, knots: POINTS };
    let find = |method: &dyn Connect, b: &End| {
        let mut search = Search { objective: &task.train, seed: 0, progress: &mut () };
        Ok(method.find(&a.theta, &b.theta, &mut search)?.path)
    };
    let complete =
        |path, b: &End| task.with_running_statistics(path, &[a.buffers.clone(), b.buffers.clone()]);
    let height = |path: &RiskPath, risk: &EmpiricalRisk| -> Result<f64, Failure> {
        Ok(profile(path, POINTS, risk, None)?.barrier().above_ends)
    };
    let aligned = complete(find(&Linear, near)?, near)?;
    let aligned_line = height(&aligned, &task.train)?;
    let under = |rule| match task.statistics() {
        None => Ok(None),
        Some(own) if own == rule => Ok(Some(aligned_line)),
        Some(_) => height(&aligned, &task.train.clone().with_statistics(rule)).map(Some),
    };
    Ok(Barriers {
        line: height(&complete(find(&Linear, b)?, b)?, &task.train)?,
        aligned_line,
        aligned_repaired: match task.arch.network().norms().next() {
            None => match find(&repair, near) {
                Ok(path) => Some(height(&complete(path, near)?, &task.train)?),
                // REPAIR has a rule for some activations only.
                Err(Error::Models(collado_models::Error::NoRule { .. })) => None,
                Err(error) => return Err(error.into()),
            },
            Some(_) => None,
        },
        aligned_averaged: under(Statistics::Interpolate)?,
        aligned_reset: under(Statistics::Population)?,
    })
}
