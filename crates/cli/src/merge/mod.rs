//! `collado merge`: the aligned average of many networks as one checkpoint, judged beside the best single one.

mod args;
mod average;
mod summary;

use std::time::Instant;

use candle_core::{Device, Tensor};
use collado_dynamics::{Align, Matching, Merge, line_maxima, pairs};
use collado_files::Checkpoint;
use collado_risk::{Evaluation, Objective, Rows, Span};

pub(crate) use self::args::MergeArgs;
use self::{
    average::Average,
    summary::{Lines, Network, PairRecord, Summary, Values},
};
use crate::{
    failure::Failure,
    files, json, place, progress,
    record::{Input, RunStatus},
    search::AlignBy,
    task::{self, Precision, Task},
};

/// Averages networks.
pub(crate) fn run(args: &MergeArgs) -> Result<(), Failure> {
    let start = Instant::now();
    args.check_out()?;
    let places = place::all(&args.checkpoints)?;
    if places.len() < 2 {
        return Err(Failure::usage(format!("expected two checkpoints or more, found {}", places.len())));
    }
    files::refuse_existing(&args.out, args.force)?;
    if places.iter().any(|file| same_file(file, &args.out)) {
        return Err(Failure::usage(format!("--out: {} is one of the networks", args.out.display())));
    }
    let (checkpoints, task) =
        task::open(&places, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    progress::catch_interrupt();
    let points = checkpoints.iter().zip(&places).map(|(c, file)| task.place(&c.theta, file));
    let points = points.collect::<Result<Vec<Tensor>, Failure>>()?;
    let names: Vec<String> =
        places.iter().map(|f| f.file_stem().unwrap_or_default().to_string_lossy().into_owned()).collect();
    let singles = singles(&task, &checkpoints, &points)?;
    let best = (0..singles.len())
        .min_by(|&i, &j| singles[i].train.risk.total_cmp(&singles[j].train.risk))
        .unwrap_or(0);
    let aligned = align(args, &task, &points, best)?;
    let risks: Vec<f64> = singles.iter().map(|values| values.train.risk).collect();
    let average = Average::of(args, &task, &aligned, &risks)?;
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; nothing is written"));
    }
    let equal = vec![1. / points.len() as f64; points.len()];
    let as_they_are = Span::new(&Tensor::stack(&points, 0)?, equal)?.materialize()?.squeeze(0)?;
    let (merged, plain) = (of_point(&task, &average.theta)?, of_point(&task, &as_they_are)?);
    let lines = lines(args, &task, &aligned, &names)?;
    let inputs: Vec<Input> =
        places.iter().zip(&checkpoints).map(|(file, c)| Input::new(file, c.hash.as_deref())).collect();
    write(args, &task, &average, &inputs, &checkpoints[best])?;
    let record = |i: usize| Network { name: names[i].clone(), share: average.shares[i], values: singles[i] };
    let summary = Summary {
        checkpoint: args.out.display().to_string(),
        align: args.align.name(),
        greedy: args.greedy,
        repair: args.repair,
        weights: args.weights.name(),
        merged,
        without_alignment: plain,
        best: record(best),
        is_worse: merged.is_worse_than(&singles[best]),
        networks: (0..names.len()).map(record).collect(),
        lines,
        seconds: start.elapsed().as_secs_f64(),
    };
    if let Some(warning) = summary.warning() {
        args.common.note(warning);
    }
    args.common.show(&args.common.run.describe(&summary, RunStatus::Finished), || summary.print());
    Ok(())
}

fn same_file(a: &std::path::Path, b: &std::path::Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The values of each network by itself, with its own running statistics where the risk depends on them.
fn singles(task: &Task, checkpoints: &[Checkpoint], points: &[Tensor]) -> Result<Vec<Values>, Failure> {
    let span = Span::stack(&Tensor::stack(points, 0)?)?;
    let rows: Option<Vec<&Tensor>> = checkpoints.iter().map(|c| c.buffers.as_ref()).collect();
    let span = match rows {
        Some(rows) => span.with_buffers(&Tensor::stack(&rows, 0)?)?,
        None => span,
    };
    values(task, &span)
}

/// The values of a point that no file has: its running statistics are those of the training rows.
fn of_point(task: &Task, theta: &Tensor) -> Result<Values, Failure> {
    let span = Span::stack(&theta.unsqueeze(0)?)?;
    let span = match task.running_statistics(theta)? {
        Some(row) => span.with_buffers(&row.unsqueeze(0)?)?,
        None => span,
    };
    Ok(values(task, &span)?[0])
}

fn values(task: &Task, span: &Span) -> Result<Vec<Values>, Failure> {
    let train = task.train.evaluate(span, Rows::All, None)?;
    let test = task.test.as_ref().map(|t| t.evaluate(span, Rows::All, None)).transpose()?;
    let of = |(i, train): (usize, Evaluation)| Values { train, test: test.as_ref().map(|t| t[i]) };
    Ok(train.into_iter().enumerate().map(of).collect())
}

/// All networks aligned to each other, the best one as it is.
fn align(args: &MergeArgs, task: &Task, points: &[Tensor], best: usize) -> Result<Vec<Tensor>, Failure> {
    let matching = match args.align {
        AlignBy::None => return Ok(points.to_vec()),
        AlignBy::Weights => Matching::Weights,
        AlignBy::Activations => Matching::Activations,
    };
    let clock = progress::clock("alignment", args.common.quiet);
    let merge =
        Merge { align: Align { matching, seed: args.common.seed, ..Align::default() }, ..Merge::default() };
    let host = points.iter().map(|p| p.to_device(&Device::Cpu)).collect::<candle_core::Result<Vec<_>>>()?;
    let found = merge.align(&task.arch, &host, best, Some(&task.data.train.inputs));
    clock.finish_and_clear();
    let found = found?.into_iter().map(|theta| theta.to_device(&task.device));
    Ok(found.collect::<candle_core::Result<_>>()?)
}

/// The straight lines between all pairs of aligned networks.
fn lines(args: &MergeArgs, task: &Task, aligned: &[Tensor], names: &[String]) -> Result<Lines, Failure> {
    let (stack, all) = (Tensor::stack(aligned, 0)?, pairs(aligned.len()));
    let buffers = task.train.running_statistics(&stack)?;
    let of =
        |risk: &collado_risk::EmpiricalRisk| line_maxima(risk, (&stack, buffers.as_ref()), &all, args.points);
    let (train, test) = (of(&task.train)?, task.test.as_ref().map(of).transpose()?);
    let ends = {
        let span = Span::stack(&stack)?;
        let span = match &buffers {
            Some(rows) => span.with_buffers(rows)?,
            None => span,
        };
        task.train.risks(&span)?
    };
    let record = |(k, &(a, b)): (usize, &(usize, usize))| PairRecord {
        a: names[a].clone(),
        b: names[b].clone(),
        train_risk_max: train[k].risk,
        above_ends: train[k].risk - ends[a].max(ends[b]),
        test_loss_max: test.as_ref().map(|t| t[k].loss),
        test_error_max: test.as_ref().map(|t| t[k].error),
    };
    Ok(Lines::new(args.points, all.iter().enumerate().map(record).collect()))
}

/// Writes the average, with what it was made of.
fn write(
    args: &MergeArgs,
    task: &Task,
    average: &Average,
    inputs: &[Input],
    best: &Checkpoint,
) -> Result<(), Failure> {
    let mut provenance = task.provenance();
    provenance.extra.insert("merged".into(), json::value(inputs));
    provenance.extra.insert("shares".into(), json::value(&average.shares));
    provenance.extra.insert("align".into(), args.align.name().into());
    let buffers = task.running_statistics(&average.theta)?;
    let checkpoint = Checkpoint::new(task.arch.clone(), average.theta.clone(), provenance);
    Ok(checkpoint.with_buffers(buffers).named(best.names.clone()).write(&args.out)?)
}
