//! `collado connect`: finds a low-risk path between two minima.

mod args;
mod conventions;
mod examine;
mod output;
mod report;
mod star;
mod summary;

use std::time::Instant;

use candle_core::{DType, Tensor};
use collado_certify::{Certificate, CertifySettings};
use collado_dynamics::Linear;

pub(crate) use self::args::ConnectArgs;
use self::{conventions::Conventions, examine::examine, summary::Summary};
use tracing::info;

use crate::{
    certify::{self, CertifyMode},
    failure::Failure,
    folder::Folder,
    progress,
    search::{
        self, AlignBy, Attempt, AttemptRunner, Attempts, Ends, Method, Named, Outcome, SavedAttempts, Target,
    },
    shown::risk,
    state,
    task::{self, Precision, Task},
};

/// Connects two minima.
pub(crate) fn run(args: &ConnectArgs) -> Result<(), Failure> {
    if args.method == Method::Star {
        return star::run(args);
    }
    let start = Instant::now();
    let files = args.ends.files()?;
    let (checkpoints, task) =
        task::open(&files, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    if task.rounds && args.certify == CertifyMode::Always {
        return Err(certify::rounded());
    }
    let place = |i: usize| task.place(&checkpoints[i].theta, &files[i]);
    let buffers = [0, 1].map(|i| checkpoints[i].buffers.clone());
    let ends = Ends { a: place(0)?, b: place(1)?, buffers, alignment: None };
    let method = search::named(args.method, &args.search, &task)?;
    if let Some((_, method)) = &method {
        method.check().map_err(Failure::usage)?;
    }
    examine(&task, &ends, &files, &args.common)?;
    let results: &[&str] =
        if args.report { &["path.safetensors", "report.html"] } else { &["path.safetensors"] };
    let folder = Folder::open(&args.out, &args.common, "summary.json", results)?;
    let Some(folder) = folder else { return Ok(()) };
    let kept = SavedAttempts::new(&folder);
    progress::catch_interrupt();
    search::note_unused(&args.search, args.method, &args.common);
    let target = args.search.target.or((args.method == Method::Auto).then_some(Target::Share(0.05)));
    let runner = AttemptRunner {
        common: &args.common,
        search: &args.search,
        align: args.align,
        points: args.points,
        task: &task,
        target,
        kept: Some(&kept),
    };
    let mut tried = match args.method {
        Method::Auto => search::attempts(&runner, &ends)?,
        _ => {
            let near = ends.align(args.align.unwrap_or(AlignBy::None), &task, &args.common)?;
            let tried = named(method, &runner, &near);
            if tried.is_err() {
                // Only the straight line was found: nothing to go on with.
                state::remove(folder.path())?;
            }
            tried?
        }
    };
    // A named method answers with its own path, even where the straight line is lower.
    let best = match args.method {
        Method::Auto => runner.best(&mut tried.found)?,
        _ => tried.found.len() - 1,
    };
    let best = &tried.found[best];
    info!(name = best.name, end = best.end().name(), above_ends = best.above_ends(), "path chosen");
    let named: [_; 2] = std::array::from_fn(|i| (files[i].as_path(), &checkpoints[i]));
    output::save(&task, folder.path(), named, &tried.found, best)?;
    let proof = proof(args, &task, start, best);
    let shown = proof.as_ref().ok().and_then(Option::as_ref);
    output::draw(&task, folder.path(), &tried.found, best, shown)?;
    if let Some(proof) = shown {
        certify::pieces(folder.path(), proof)?;
    }
    let moved = distance(&task, &ends.b, best)?;
    let barriers = Conventions::of(&runner, best)?;
    let seconds = start.elapsed().as_secs_f64();
    let summary = Summary::new(&tried, best, moved, (proof?.as_ref(), barriers), seconds);
    let described = folder.finish(&args.common, &summary, progress::interrupted())?;
    if args.report {
        crate::report::write(&[folder.path()], &folder.join("report.html"))?;
    }
    args.common.show(&described, || summary.print(folder.path()));
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; the best path so far is saved")
            .hint("--resume goes on after the attempts that are finished"));
    }
    match target.map(|t| t.bound(best.higher_end())) {
        Some(bound) if !runner.met(best) => {
            let message =
                format!("barrier above the ends: {}, the target is {}", risk(best.above_ends()), risk(bound));
            Err(Failure::new(message)
                .hint("the best path is saved; more --bends or --epochs, or another --target"))
        }
        _ => Ok(()),
    }
}

/// The distance of the path's end from B.
fn distance(task: &Task, b: &Tensor, best: &Attempt) -> Result<f64, Failure> {
    let vertices = best.path.vertices();
    let end = vertices.get(vertices.dim(0)? - 1)?.to_device(&task.device)?.to_dtype(DType::F64)?;
    Ok((end - b.to_dtype(DType::F64)?)?.sqr()?.sum_all()?.sqrt()?.to_scalar()?)
}

/// Tries the straight line, for comparison, and the method that was asked for.
fn named(method: Option<Named<'_>>, runner: &AttemptRunner<'_>, ends: &Ends) -> Result<Attempts, Failure> {
    let line: Named<'_> = ("linear".into(), Box::new(Linear));
    let few = if method.is_some() { runner.line_points() } else { runner.points };
    let mut tried = Attempts::default();
    for ((name, method), few) in std::iter::once((line, few)).chain(method.map(|m| (m, runner.points))) {
        match runner.attempt(&name, ends, few, |p| method.find(&ends.a, &ends.b, p))? {
            Outcome::Connected(attempt) => tried.found.push(*attempt),
            Outcome::Diverged(search) => {
                return Err(Failure::new(search.reason)
                    .hint("a smaller --lr, or --dtype f64, which reaches farther than f32"));
            }
        }
        if progress::interrupted() {
            break;
        }
    }
    if let Some(own) = tried.found.last_mut() {
        runner.complete(own)?;
    }
    Ok(tried)
}

/// The relative gap of proofs that nobody asked for.
const QUICK: f64 = 5e-3;

/// Encloses the risk of the best path if that is asked for, or if an enclosure, whose time is estimated from the speed
/// of the profile, is likely to end within the time that [`certify::automatic_limit`] grants; it is then stopped after that.
fn proof(
    args: &ConnectArgs,
    task: &Task,
    start: Instant,
    best: &Attempt,
) -> Result<Option<Certificate>, Failure> {
    let find = |settings: &CertifySettings, limit| {
        certify::certificate(task, &args.common, &best.path, settings, limit).map(Some)
    };
    let finding = start.elapsed().as_secs_f64();
    let point = best.profile_seconds / args.points as f64;
    let estimate = certify::likely_seconds(best.path.knots().len() - 1, point);
    let why = match args.certify {
        CertifyMode::Never => return Ok(None),
        CertifyMode::Always => return find(&CertifySettings::default(), f64::INFINITY),
        CertifyMode::Auto if task.rounds => {
            "--dtype f32 rounds the numbers of the files, which are F64".into()
        }
        CertifyMode::Auto if task.train.network().norms().next().is_some() => {
            "networks with normalisation take very many pieces; --certify always tries".into()
        }
        CertifyMode::Auto => match certify::automatic_limit(estimate, finding) {
            // What has no rule, or no finite bound, is no failure of a search.
            Ok(limit) => {
                match find(&CertifySettings { tolerance: QUICK, ..CertifySettings::default() }, limit) {
                    Ok(proof) => return Ok(proof),
                    Err(failure) => failure.message().to_owned(),
                }
            }
            Err(why) => why,
        },
    };
    args.common.note(format!("nothing is proved: {why}"));
    Ok(None)
}
