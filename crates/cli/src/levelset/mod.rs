//! `collado levelset`: the risks at which the level sets of many minima join.

mod args;
mod edges;
mod enclose;
mod minima;
mod pairs;
mod part;
mod proof;
mod saved;
mod star;
mod summary;
mod tree;

use std::{ops::ControlFlow, path::Path as FilePath};

use collado_dynamics::{Connect, EdgeValues, MergeTree, spanning_tree};

pub(crate) use self::args::LevelsetArgs;
use self::{minima::Minima, proof::Paths, saved::Saved, summary::Summary, tree::LevelsetResult};
use crate::{
    certify,
    failure::Failure,
    files,
    folder::Folder,
    place, progress,
    search::{self, AlignBy, AttemptRunner, AutoConnector, Method, Named},
    task::{self, Precision, Task},
};

/// Joins minima by paths.
pub(crate) fn run(args: &LevelsetArgs) -> Result<(), Failure> {
    let files = place::all(&args.checkpoints)?;
    if !(2..=200).contains(&files.len()) {
        return Err(Failure::usage(format!("expected 2 to 200 checkpoints, found {}", files.len())));
    }
    let (checkpoints, task) =
        task::open(&files, &args.network, &args.data, &args.common, Precision::OfFiles)?;
    if task.rounds && args.certify {
        return Err(certify::rounded());
    }
    let runner = AttemptRunner {
        common: &args.common,
        search: &args.search,
        // A path has to end in the minimum itself.
        align: Some(AlignBy::None),
        points: args.points.into(),
        task: &task,
        target: Some(args.target()),
        kept: None,
    };
    let method: Option<Named<'_>> = match args.method {
        Method::Auto => Some(("auto".into(), Box::new(AutoConnector(runner)))),
        method => search::named(method, &args.search, &task)?,
    };
    if args.method == Method::Star && args.part.is_some() {
        return Err(Failure::usage(
            "--part: --method star looks for one centre of all minima, which has no parts",
        ));
    }
    if args.method == Method::Star && args.points.is_multiple_of(2) {
        return Err(Failure::usage(format!(
            "--points: expected an odd number for --method star, found {}",
            args.points
        ))
        .hint("so that the centre is one of the points"));
    }
    search::note_unused(&args.search, args.method, &args.common);
    if args.method == Method::Linear && args.search.target.is_some() {
        args.common.note("--target changes nothing: --method linear searches for no paths");
    }
    let Some(folder) = Folder::open(&args.out, &args.common, "tree.json", &[])? else { return Ok(()) };
    progress::catch_interrupt();
    let minima = minima::read(args, &task, &files, &checkpoints)?;
    if let Some(part) = args.part {
        let named =
            method.as_ref().map_or(("linear", None), |(name, method)| (name.as_str(), Some(&**method)));
        return part::run(args, &task, &minima, named, &folder, part);
    }
    let (saved, mut known) = Saved::open(&folder, &minima)?;
    if known.lines.is_empty() {
        known = part::known(args, &minima, &folder)?;
    }
    let star = match args.method {
        Method::Star => Some(star::find(args, &task, &minima, &folder)?),
        _ => None,
    };
    let method = star.as_ref().map(star::Star::method).or(method);
    let searched = method.as_ref().map(|(_, method)| &**method);
    let [tree, lines] = trees(args, &task, &minima, searched, folder.path(), &saved, &mut known)?;
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; what is known of the pairs is saved")
            .hint("--resume goes on with the pairs that are left"));
    }
    let method = method.as_ref().map_or("linear", |(name, _)| name);
    let star = star.map(|star| star.record);
    let found =
        LevelsetResult { args, task: &task, minima: &minima, known: &known, method, tree, lines, star };
    found.save(folder.path())?;
    // Last: with it the run counts as finished.
    let summary = Summary::new(&found);
    let described = folder.finish(&args.common, &summary, false)?;
    args.common.show(&described, || found.print(folder.path()));
    Ok(())
}

/// Finds the tree of all paths, and the tree of the straight lines alone.
fn trees(
    args: &LevelsetArgs,
    task: &Task,
    minima: &Minima,
    method: Option<&dyn Connect>,
    folder: &FilePath,
    saved: &Saved,
    known: &mut EdgeValues,
) -> Result<[MergeTree; 2], Failure> {
    let paths = Paths { args, task, minima, folder: files::make(&folder.join("paths"))? };
    let bar = progress::bar("pairs", args.common.quiet);
    let (risks, target) = (minima.upper(), args.target());
    let tree = paths.sampled(method, args.certify, |edges| {
        let tree = spanning_tree(&risks, &|f| target.bound(f), edges, known, &mut |known| {
            bar.set_length(known.lines.len() as u64);
            bar.set_position(known.searched.len() as u64);
            saved.write(known)?;
            Ok(progress::flow())
        });
        Ok(tree?)
    })?;
    // Where everything is allowed, nothing is searched: the tree of the straight lines, as they were sampled.
    let mut lines = EdgeValues { lines: known.lines.clone(), ..EdgeValues::default() };
    let lines = paths.sampled(None, false, |edges| {
        let go_on = &mut |_: &EdgeValues| Ok(ControlFlow::Continue(()));
        Ok(spanning_tree(&risks, &|_| f64::INFINITY, edges, &mut lines, go_on)?)
    })?;
    bar.finish_and_clear();
    Ok([tree, lines].map(|edges| MergeTree::new(&risks, &edges)))
}
