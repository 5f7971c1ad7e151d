//! `collado levelset`: at which risk do the level sets of many minima join?

mod saved;
mod tree;

use std::path::{Path as FilePath, PathBuf};

use candle_core::Tensor;
use clap::Args as ClapArgs;
use collado_dynamics::{Connect, Known, MergeTree, Path, SampledEdges, distinct, spanning_tree};
use collado_models::{ArchSpec, Checkpoint, Objective, PathFile, Span};
use serde_json::json;

use self::saved::Saved;
use crate::{
    args::{AlignBy, Common, DataArgs, Method, Out, SearchArgs, Target},
    ends::Ends,
    failure::Failure,
    folder,
    json::print,
    methods, progress,
    task::{Task, read_like},
};

#[derive(Debug, ClapArgs)]
pub(crate) struct LevelsetArgs {
    /// 2 to 200 checkpoints of one architecture.
    #[arg(required = true, num_args = 2..=200)]
    checkpoints: Vec<PathBuf>,
    /// Network, for files that do not say.
    #[arg(long)]
    arch: Option<ArchSpec>,
    /// How paths are searched for where the straight line is too high: linear, bezier, polychain, neb, dss, ...
    #[arg(long, default_value = "bezier")]
    method: Method,
    /// Permute and rescale all minima onto the lowest one first: level sets up to symmetry.
    #[arg(long, default_value = "none")]
    align: AlignBy,
    /// Levels to list the components at, besides those where two join.
    #[arg(long, value_delimiter = ',')]
    levels: Vec<f64>,
    /// Points of a path that the risk is looked at, both ends among them.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(2..))]
    points: u16,
    #[command(flatten)]
    pub(crate) search: SearchArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) out: Out,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The minima of one tree.
struct Minima {
    names: Vec<String>,
    hashes: Vec<Option<String>>,
    risks: Vec<f64>,
    /// Of each minimum that is another up to symmetry: that other's name.
    copies: Vec<(String, String)>,
    stack: Tensor,
}

/// Joins minima by paths.
pub(crate) fn run(args: &LevelsetArgs) -> Result<(), Failure> {
    if folder::is_finished(&args.out, "tree.json", &args.common)? {
        return Ok(());
    }
    let first = Checkpoint::read(&args.checkpoints[0], args.arch.as_ref())?;
    let task = Task::for_arch(&args.data, &args.common, &first.arch, &first.provenance)?;
    let method = match args.method {
        Method::Auto => return Err(Failure::usage("--method auto: expected the name of one method")),
        method => methods::named(method, &args.search, &args.common, &task)?,
    };
    let minima = minima(args, &task, &first)?;
    let folder = folder::create(&args.out, &["tree.json"])?;
    progress::catch_interrupt();
    let (saved, mut known) = Saved::open(args, &task, &minima, &folder)?;
    let searched = method.as_ref().map(|(_, method)| &**method);
    let [tree, lines] = search(args, &task, &minima, searched, &folder, &saved, &mut known)?;
    if progress::interrupted() {
        return Err(Failure::interrupted("interrupted; --resume goes on with the pairs that are left"));
    }
    let method = method.as_ref().map_or("linear", |(name, _)| name);
    let found = tree::Found { args, task: &task, minima: &minima, known: &known, method, tree, lines };
    let summary = found.write(&folder)?;
    saved.remove()?;
    if args.common.json {
        print(&summary.to_string());
    } else if !args.common.quiet {
        found.report(&folder);
    }
    Ok(())
}

/// The tree of all paths, and that of the straight lines alone.
fn search(
    args: &LevelsetArgs,
    task: &Task,
    minima: &Minima,
    method: Option<&dyn Connect>,
    folder: &FilePath,
    saved: &Saved,
    known: &mut Known,
) -> Result<[MergeTree; 2], Failure> {
    let paths = folder::make(&folder.join("paths"))?;
    let bar = progress::bar("pairs", args.common.quiet);
    let mut keep = |(i, j): (usize, usize), path: Path| {
        let provenance = json!({"a": minima.names[i], "b": minima.names[j], "align": args.align.name()});
        let (kind, vertices) = (path.kind().clone(), path.vertices().clone());
        let file = PathFile { arch: task.arch.clone(), kind, vertices, provenance };
        Ok(file.write(&paths.join(format!("{i}-{j}.safetensors")))?)
    };
    let mut edges = SampledEdges {
        objective: &task.train,
        minima: &minima.stack,
        method,
        points: args.points.into(),
        seed: args.common.seed,
        progress: &mut |_, _| !progress::interrupted(),
        keep: &mut keep,
    };
    let target = args.search.target.unwrap_or(Target::Share(0.05));
    let tree = spanning_tree(&minima.risks, &|f| target.bound(f), &mut edges, known, &mut |known| {
        bar.set_length(known.lines.len() as u64);
        bar.set_position(known.searched.len() as u64);
        saved.write(known)?;
        Ok(!progress::interrupted())
    })?;
    // Where everything is allowed, nothing is searched: the tree of the straight lines.
    let mut lines = Known { lines: known.lines.clone(), ..Known::default() };
    let lines = spanning_tree(&minima.risks, &|_| f64::INFINITY, &mut edges, &mut lines, &mut |_| Ok(true))?;
    bar.finish_and_clear();
    Ok([tree, lines].map(|edges| MergeTree::new(&minima.risks, &edges)))
}

/// Reads, aligns and compares the minima.
fn minima(args: &LevelsetArgs, task: &Task, first: &Checkpoint) -> Result<Minima, Failure> {
    let mut checkpoints = vec![first.clone()];
    for file in &args.checkpoints[1..] {
        checkpoints.push(read_like(file, args.arch.as_ref(), first)?);
    }
    let place = |c: &Checkpoint| Ok(c.theta.to_dtype(task.dtype)?.to_device(&task.device)?);
    let mut points = checkpoints.iter().map(place).collect::<Result<Vec<Tensor>, Failure>>()?;
    let risks = task.train.risks(&Span::stack(&Tensor::stack(&points, 0)?)?)?;
    let lowest = (0..risks.len()).min_by(|&i, &j| risks[i].total_cmp(&risks[j])).unwrap_or(0);
    let a = points[lowest].clone();
    for b in points.iter_mut() {
        let ends = Ends { a: a.clone(), b: b.clone(), alignment: None };
        *b = ends.align(args.align, task, &args.common)?.b;
    }
    let stack = Tensor::stack(&points, 0)?;
    // Scales may have changed the regulariser.
    let risks = task.train.risks(&Span::stack(&stack)?)?;
    let names = names(&args.checkpoints);
    let firsts =
        distinct(&task.arch, &stack.to_device(&candle_core::Device::Cpu)?, &risks, args.common.seed)?;
    let kept: Vec<usize> = (0..risks.len()).filter(|&i| firsts[i] == i).collect();
    let rows: Vec<u32> = kept.iter().map(|&i| i as u32).collect();
    let copies = (0..risks.len()).filter(|&i| firsts[i] != i);
    Ok(Minima {
        copies: copies.map(|i| (names[i].clone(), names[firsts[i]].clone())).collect(),
        names: kept.iter().map(|&i| names[i].clone()).collect(),
        hashes: kept.iter().map(|&i| checkpoints[i].hash.clone()).collect(),
        risks: kept.iter().map(|&i| risks[i]).collect(),
        stack: stack.index_select(&Tensor::new(rows, stack.device())?, 0)?,
    })
}

/// File names without extension; whole paths where these are not unlike each other.
fn names(files: &[PathBuf]) -> Vec<String> {
    let stems: Vec<String> =
        files.iter().map(|f| f.file_stem().unwrap_or_default().to_string_lossy().into_owned()).collect();
    let mut unlike = stems.clone();
    unlike.sort();
    unlike.dedup();
    if unlike.len() == files.len() {
        return stems;
    }
    files.iter().map(|f| f.display().to_string()).collect()
}
