//! `collado levelset`: the risks at which the level sets of many minima join.

mod minima;
mod proof;
mod saved;
mod tree;

use std::path::{Path as FilePath, PathBuf};

use clap::Args as ClapArgs;
use collado_dynamics::{Connect, EdgeKind, EdgeValues, MergeTree, SampledEdges, spanning_tree};
use collado_risk::Path;

use self::{minima::Minima, proof::Paths, saved::Saved};
use crate::{
    args::{Common, DataArgs, NetworkArgs, Out},
    attempt::AttemptRunner,
    auto::AutoConnector,
    certify,
    failure::Failure,
    folder::{self, Folder},
    methods, numbers, place, progress,
    search::{AlignBy, Method, SearchArgs, Target},
    task::{self, Precision, Task},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct LevelsetArgs {
    /// 2 to 200 checkpoints of one architecture, or folders of runs.
    #[arg(required = true)]
    checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Method to search paths where the straight line is too high: linear, bezier, polychain, neb, dss, ...
    #[arg(long, default_value = "bezier")]
    method: Method,
    /// Permute and rescale all minima onto the lowest one first: level sets up to symmetry.
    #[arg(long, default_value = "none")]
    align: AlignBy,
    /// Further levels to list the components at, besides those where two components join.
    #[arg(long, value_delimiter = ',', value_parser = numbers::not_negative)]
    levels: Vec<f64>,
    /// Number of points of a path at which the risk is evaluated, including both ends.
    #[arg(long, default_value_t = 25, value_parser = numbers::whole::<u16>(2..=65535))]
    points: u16,
    /// Prove the edges of the tree: enclose the risk of the minima and of the paths that join them, for every t.
    #[arg(long)]
    certify: bool,
    /// With --certify: stop a proof when hi - lo is at most this share of hi.
    #[arg(long, default_value_t = 1e-3, requires = "certify", value_parser = numbers::not_negative)]
    tolerance: f64,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

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
    let method: Option<methods::Named<'_>> = match args.method {
        Method::Auto => Some(("auto".into(), Box::new(AutoConnector(runner)))),
        method => methods::named(method, &args.search, &task)?,
    };
    methods::note_unused(&args.search, args.method, &args.common);
    if args.method == Method::Linear && args.search.target.is_some() {
        args.common.note("--target changes nothing: --method linear searches for no paths");
    }
    let Some(folder) = Folder::open(&args.out, &args.common, "tree.json", &[])? else { return Ok(()) };
    progress::catch_interrupt();
    let minima = minima::read(args, &task, &files, &checkpoints)?;
    let (saved, mut known) = Saved::open(folder.path(), &minima)?;
    let searched = method.as_ref().map(|(_, method)| &**method);
    let [tree, lines] = search(args, &task, &minima, searched, folder.path(), &saved, &mut known)?;
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; what is known of the pairs is saved")
            .hint("--resume goes on with the pairs that are left"));
    }
    let method = method.as_ref().map_or("linear", |(name, _)| name);
    let found =
        tree::LevelsetResult { args, task: &task, minima: &minima, known: &known, method, tree, lines };
    let mut summary = found.write(folder.path())?;
    // Last: with it the run counts as finished.
    folder.finish(&args.common, &mut summary, false)?;
    args.common.show(&summary, || found.report(folder.path()));
    Ok(())
}

impl LevelsetArgs {
    fn target(&self) -> Target {
        self.search.target.unwrap_or(Target::Share(0.05))
    }
}

/// Finds the tree of all paths, and the tree of the straight lines alone.
fn search(
    args: &LevelsetArgs,
    task: &Task,
    minima: &Minima,
    method: Option<&dyn Connect>,
    folder: &FilePath,
    saved: &Saved,
    known: &mut EdgeValues,
) -> Result<[MergeTree; 2], Failure> {
    let paths = Paths { args, task, minima, folder: folder::make(&folder.join("paths"))? };
    let bar = progress::bar("pairs", args.common.quiet);
    let mut sampled = |_, _| Ok(None);
    let mut edges = SampledEdges {
        objective: &task.train,
        minima: &minima.stack,
        method,
        points: args.points.into(),
        seed: args.common.seed,
        progress: &mut |_, _| !progress::interrupted(),
        keep: &mut |pair, path: Path| paths.write(pair, EdgeKind::Searched, &path),
        prove: &mut |pair, way| if args.certify { paths.prove(pair, way) } else { Ok(None) },
    };
    let (risks, target) = (minima.upper(), args.target());
    let tree = spanning_tree(&risks, &|f| target.bound(f), &mut edges, known, &mut |known| {
        bar.set_length(known.lines.len() as u64);
        bar.set_position(known.searched.len() as u64);
        saved.write(known)?;
        Ok(!progress::interrupted())
    })?;
    // Where everything is allowed, nothing is searched: the tree of the straight lines, as they were sampled.
    let mut lines = EdgeValues { lines: known.lines.clone(), ..EdgeValues::default() };
    edges.prove = &mut sampled;
    let lines = spanning_tree(&risks, &|_| f64::INFINITY, &mut edges, &mut lines, &mut |_| Ok(true))?;
    bar.finish_and_clear();
    Ok([tree, lines].map(|edges| MergeTree::new(&risks, &edges)))
}
