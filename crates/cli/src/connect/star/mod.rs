//! `collado connect --method star`: one centre that is joined straight to A and to one or several B.

mod summary;

use std::{path::PathBuf, time::Instant};

use candle_core::{DType, Tensor};
use collado_risk::{Path, profile};

use self::summary::Summary;
use super::{args::ConnectArgs, examine::examine, output};
use crate::{
    certify,
    certify::CertifyMode,
    failure::Failure,
    folder::Folder,
    progress,
    record::Input,
    search::{AlignBy, Ends, Target},
    shown::risk,
    star::{self, Segment},
    task::{self, Precision, Task},
};

/// Joins all ends to a centre.
pub(super) fn run(args: &ConnectArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let files = args.ends.all()?;
    if files.len() < 2 {
        return Err(Failure::usage(format!(
            "--method star: expected two ends or more, found {}",
            files.len()
        ))
        .hint("--a FILE --b FILE --b FILE, or the files by themselves"));
    }
    let (checkpoints, task) =
        task::open(&files, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    if task.rounds && args.certify == CertifyMode::Always {
        return Err(certify::rounded());
    }
    let ends = ends(args, &task, &files, &checkpoints)?;
    let results = ["center.safetensors", "path.safetensors", "path-1.safetensors"];
    let Some(folder) = Folder::open(&args.out, &args.common, "summary.json", &results)? else {
        return Ok(());
    };
    progress::catch_interrupt();
    let stack = Tensor::stack(&ends.iter().map(|(_, theta, _)| theta).collect::<Vec<_>>(), 0)?;
    let centre = star::centre(&task, &stack, &args.search, &args.common)?;
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; nothing is saved of a centre that is not found"));
    }
    let (mut segments, profile_seconds) =
        star::segments(&task, &ends, &centre.theta, args.points, &args.common)?;
    star::prove(&task, &mut segments, args.certify, (centre.seconds, profile_seconds), &args.common)?;
    let inputs: Vec<Input> =
        files.iter().zip(&checkpoints).map(|(file, c)| Input::new(file, c.hash.as_deref())).collect();
    let names = &checkpoints[0].names;
    star::save_centre(&task, folder.path(), &centre.theta, &inputs, names)?;
    star::table(folder.path(), &segments)?;
    star::draw(&task, folder.path(), &segments)?;
    let whole = match &ends[..] {
        [a, b] => Some(whole(args, &task, &folder, (a, b), &centre.theta, [&inputs[0], &inputs[1]], names)?),
        _ => {
            let to = Input::new(&folder.join("center.safetensors"), None);
            for (i, segment) in segments.iter().enumerate() {
                let file = folder.join(Segment::file(i));
                star::save_path(&task, &file, &segment.path, [&inputs[i], &to], names)?;
            }
            None
        }
    };
    let length = norm(&centre.theta)?
        / ends.iter().map(|(_, t, _)| norm(t)).try_fold(0., |m: f64, n| n.map(|n| m.max(n)))?;
    let times = (start.elapsed().as_secs_f64(), profile_seconds);
    let summary = Summary::new(args, &centre, &segments, (whole.as_ref(), length), times);
    let described = folder.finish(&args.common, &summary, progress::interrupted())?;
    if args.report {
        crate::report::write(&[folder.path()], &folder.join("report.html"))?;
    }
    args.common.show(&described, || summary.print(&folder));
    let highest = segments.iter().map(Segment::risk).fold(f64::NEG_INFINITY, f64::max);
    match args.search.target.map(|target: Target| target.bound(highest)) {
        Some(bound) if summary.barrier.above_ends().is_nan() || summary.barrier.above_ends() > bound => {
            let height = risk(summary.barrier.above_ends());
            Err(Failure::new(format!("barrier above the ends: {height}, the target is {}", risk(bound)))
                .hint("the star is saved; more --epochs, --align weights, or another --target"))
        }
        _ => Ok(()),
    }
}

/// The ends in the type of the task, every B aligned to A if that is asked for.
fn ends(
    args: &ConnectArgs,
    task: &Task,
    files: &[PathBuf],
    checkpoints: &[collado_files::Checkpoint],
) -> Result<Vec<star::End>, Failure> {
    let place = |i: usize| task.place(&checkpoints[i].theta, &files[i]);
    let name = |file: &PathBuf| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let a = place(0)?;
    let mut found = vec![(name(&files[0]), a.clone(), checkpoints[0].buffers.clone())];
    for i in 1..files.len() {
        let buffers = [checkpoints[0].buffers.clone(), checkpoints[i].buffers.clone()];
        let ends = Ends { a: a.clone(), b: place(i)?, buffers, alignment: None };
        examine(task, &ends, &[files[0].clone(), files[i].clone()], &args.common)?;
        let near = ends.align(args.align.unwrap_or(AlignBy::None), task, &args.common)?;
        let [_, buffers] = near.buffers;
        found.push((name(&files[i]), near.b, buffers));
    }
    Ok(found)
}

/// The path from A through the centre to B, with its profile, for two ends.
fn whole(
    args: &ConnectArgs,
    task: &Task,
    folder: &Folder,
    (a, b): (&star::End, &star::End),
    centre: &Tensor,
    inputs: [&Input; 2],
    names: &collado_files::Names,
) -> Result<collado_risk::Profile, Failure> {
    let path = Path::polychain(Tensor::stack(&[&a.1, centre, &b.1], 0)?)?;
    let path = task.with_running_statistics(path, &[a.2.clone(), b.2.clone()])?;
    star::save_path(task, &folder.join("path.safetensors"), &path, inputs, names)?;
    let test = task.test.as_ref().map(|test| test as &dyn collado_risk::Objective);
    let profile = profile(&path, args.points, &task.train, test)?;
    output::table(folder.path(), &profile)?;
    Ok(profile)
}

fn norm(theta: &Tensor) -> Result<f64, Failure> {
    Ok(theta.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt())
}
