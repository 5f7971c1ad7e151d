//! `collado landscape trajectory`: the risk on the principal plane of a training run.

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use clap::Args as ClapArgs;
use collado_dynamics::{Epoch, TrainSettings, train};
use collado_files::PathFile;
use collado_landscape::{Principal, Projection, Section, principal};
use collado_plots::{Figure, Mark, Panel, Role, Scale, Series};
use collado_risk::{Objective, Path, Span};
use serde::Serialize;

use super::{
    grid::Grid,
    output::{FILES, draw, map, save_grid, save_section},
    sampled::sample,
    shared::{SharedArgs, at_least, open},
    vtk,
};
use crate::{
    failure::Failure,
    files,
    folder::Folder,
    json::{self, print},
    numbers, place, progress,
    table::{text, write_table},
    task::Task,
};

#[derive(Debug, ClapArgs)]
pub(super) struct TrajectoryArgs {
    /// Checkpoints of one run, in order; without them, the network --arch is trained and recorded after each epoch.
    checkpoints: Vec<PathBuf>,
    /// Number of epochs of training, for --arch.
    #[arg(long, default_value_t = 30, conflicts_with = "checkpoints", value_parser = numbers::whole::<u64>(2..=numbers::MANY))]
    epochs: u64,
    /// Number of examples in a minibatch, for --arch; 0 = all.
    #[arg(long, default_value_t = 64, conflicts_with = "checkpoints", value_parser = numbers::any::<usize>())]
    batch: usize,
    /// Step size of SGD with momentum 0.9, for --arch.
    #[arg(long, default_value_t = 0.05, conflicts_with = "checkpoints", value_parser = numbers::positive)]
    lr: f64,
    /// Margin around the trajectory, as a share of the longer side.
    #[arg(long, default_value_t = 0.25, value_parser = numbers::margin)]
    margin: f64,
    /// Number of points along the longer side.
    #[arg(long, default_value_t = 51, value_parser = numbers::whole::<usize>(2..=10000))]
    points: usize,
    #[command(flatten)]
    pub(super) shared: SharedArgs,
}

/// The result of `landscape trajectory`.
#[derive(Serialize)]
struct Summary {
    section: &'static str,
    checkpoints: usize,
    /// The share of the variance along each of the two principal components.
    explained: Vec<f64>,
    /// The same shares for a long random walk.
    random_walk: [f64; 2],
    /// The share of the risk's variation that the plane shows.
    risk_shown: f64,
    risk_differs: f64,
}

pub(super) fn run(args: &TrajectoryArgs) -> Result<(), Failure> {
    let shared = &args.shared;
    let (task, points) = trajectory(args)?;
    let folder = Folder::open(&shared.out, &shared.common, "summary.json", &FILES)?;
    let Some(folder) = folder else { return Ok(()) };
    let steps = points.dims()[0];
    let found = principal(&points, 2)?;
    let section = Section::along(&points.get(steps - 1)?, &found.directions)?;
    let shadows = section.project(&points)?;
    let line: Vec<(f64, f64)> = shadows.iter().map(|s| (s.at[0], s.at[1])).collect();
    let grid = Grid::around(&line, args.margin, args.points);
    let values = sample(&folder, shared, &task, &section, &grid.points())?;
    save_grid(folder.path(), "grid", &grid, &values)?;
    save_section(folder.path(), &task, &section)?;
    let path = Path::polychain(points.to_device(&Device::Cpu)?)?;
    let mut provenance = task.provenance();
    provenance.extra.insert("what".into(), "training trajectory".into());
    let path = task.with_running_statistics(path, &[None, None])?;
    PathFile::new(task.arch.clone(), path, json::value(&provenance))
        .write(&folder.join("trajectory.safetensors"))?;
    let summary = compare(&task, &section, &points, &shadows, &found, folder.path())?;
    let percent = |k: usize| 100. * found.explained[k];
    let title = "Training trajectory on the plane of its two principal components";
    let subtitle = format!(
        "{} on {}: {:.0} % and {:.0} % of the variance (a random walk has 61 % and 15 %)",
        task.arch,
        task.data.spec,
        percent(0),
        percent(1)
    );
    let picture = map("risk on the training rows", &grid, &values.risk)?.path(&line, true);
    let mark = |i: usize, label: &str| Mark { x: line[i].0, y: line[i].1, label: label.to_owned() };
    let picture = picture.mark(mark(0, "start")).mark(mark(steps - 1, "end"));
    draw(
        folder.path(),
        [title, &subtitle],
        ("first principal component, distance from the end", "second"),
        picture,
    )?;
    let described = folder.finish(&shared.common, &summary, false)?;
    shared.common.show(&described, || {
        print(&format!("variance explained   {:.1} %, {:.1} %", percent(0), percent(1)));
        let shown = 100. * summary.risk_shown;
        print(&format!("risk explained       {shown:.1} % of its variation along the trajectory"));
        print(&format!("written to           {}", folder.path().display()));
    });
    Ok(())
}

/// The points `[T, S]` of the trajectory, from files or from training.
fn trajectory(args: &TrajectoryArgs) -> Result<(Task, Tensor), Failure> {
    let shared = &args.shared;
    let files = place::all(&args.checkpoints)?;
    if !files.is_empty() {
        at_least("checkpoints of a trajectory", files.len(), 3)?;
        let (points, _, task) = open(shared, &files)?;
        progress::catch_interrupt();
        return Ok((task, points));
    }
    let spec = shared.network.spec(&shared.common)?;
    let spec = spec.ok_or_else(|| Failure::usage("expected checkpoints, or --arch to train"))?;
    let task = Task::for_training(&shared.data, &shared.common, &spec, None)?;
    progress::catch_interrupt();
    let settings =
        TrainSettings { epochs: args.epochs, batch: args.batch, lr: args.lr, ..TrainSettings::default() };
    let seed = shared.common.seed;
    let theta = collado_models::Init::Pytorch.stack(&task.arch, &[seed], task.dtype, &task.device)?;
    let bar = progress::bar("training", shared.common.quiet);
    let mut points = Vec::new();
    let mut watch = |epoch: &Epoch<'_>| -> collado_dynamics::Result<()> {
        bar.set_length(epoch.epochs);
        bar.set_position(epoch.epoch);
        points.push(epoch.theta.copy()?);
        Ok(())
    };
    train(&task.train, &theta.to_device(&task.device)?, &[seed], &settings, &mut watch)?;
    bar.finish_and_clear();
    let points = Tensor::cat(&points, 0)?;
    Ok((task, points))
}

/// The risk along the trajectory against what the plane shows of it, as table, picture and numbers.
fn compare(
    task: &Task,
    section: &Section,
    points: &Tensor,
    shadows: &[Projection],
    found: &Principal,
    folder: &std::path::Path,
) -> Result<Summary, Failure> {
    let own = task.train.risks(&Span::stack(points)?)?;
    let at: Vec<f64> = shadows.iter().flat_map(|s| s.at.iter().copied()).collect();
    let shown = task.train.risks(&section.span(&at)?)?;
    let steps: Vec<f64> = (0..own.len()).map(|i| i as f64).collect();
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["step", "x", "y", "distance_from_plane", "risk", "risk_on_plane"])?;
    for (i, s) in shadows.iter().enumerate() {
        table.write_record([steps[i], s.at[0], s.at[1], s.distance, own[i], shown[i]].map(text))?;
    }
    write_table(&folder.join("trajectory.csv"), table)?;
    let line: Vec<(f64, f64)> = shadows.iter().map(|s| (s.at[0], s.at[1])).collect();
    collado_files::atomically(&folder.join("trajectory.vtk"), |f| vtk::write_path(f, &line, &own))?;
    let panel = Panel::new("Risk (log scale)")
        .scale(Scale::Log)
        .series(Series::line("of its projection on the plane", &steps, &shown).role(Role::Test).markers())
        .series(Series::line("of the trajectory", &steps, &own).markers());
    let figure = Figure::new("How much of the risk along the trajectory the plane shows")
        .subtitle(format!("{} on {}", task.arch, task.data.spec))
        .x_label("checkpoint")
        .caption("Where the two differ, the plane of the picture is not where training went.")
        .panel(panel);
    files::picture(folder, "trajectory", &figure)?;
    let mean = own.iter().sum::<f64>() / own.len() as f64;
    let spread: f64 = own.iter().map(|r| (r - mean) * (r - mean)).sum();
    let missed: f64 = own.iter().zip(&shown).map(|(a, b)| (a - b) * (a - b)).sum();
    let differs = own.iter().zip(&shown).map(|(a, b)| (a - b).abs()).fold(0., f64::max);
    Ok(Summary {
        section: "trajectory",
        checkpoints: own.len(),
        explained: found.explained.clone(),
        random_walk: [0.608, 0.152],
        risk_shown: 1. - missed / spread,
        risk_differs: differs,
    })
}
