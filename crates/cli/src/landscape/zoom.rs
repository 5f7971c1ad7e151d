//! `collado landscape zoom`: the risk around a minimum at several scales.

use std::path::PathBuf;

use candle_core::Tensor;
use clap::Args as ClapArgs;
use collado_dynamics::{Decay, Epoch, Rule, Schedule, TrainSettings, train};
use collado_landscape::{Section, filter_normalized};
use collado_models::{ArchSpec, Init};
use collado_plots::ZoomFigure;
use serde::Serialize;

use super::{
    basins::local_minima,
    grid::Grid,
    output::{map, save_grid, save_section},
    sampled::sample,
    shared::{Range, SharedArgs, open, short},
};
use crate::{
    failure::Failure, files, folder::Folder, json::print, numbers, place, progress, table::text, task::Task,
};

/// The network that is trained where no checkpoint is named: four layers, and data with several bends, so that the risk has
/// several minima around the one that training ends at.
const NETWORK: &str = "relu:1-10-10-10-1";
const DATA: &str = "synthetic:sine?n=64";

#[derive(Debug, ClapArgs)]
pub(super) struct ZoomArgs {
    /// Checkpoint at the centre; without it, a network is trained: --arch on --data, or four layers of ReLU on a sine.
    checkpoint: Option<PathBuf>,
    /// Half sides of the squares, in units of the directions (1 = the filters' own norms).
    #[arg(long, value_delimiter = ',', default_value = "4,1,0.25,0.0625", value_parser = numbers::reach)]
    scales: Vec<f64>,
    /// Number of points along a side.
    #[arg(long, default_value_t = 51, value_parser = numbers::whole::<usize>(2..=10000))]
    points: usize,
    /// Number of steps of training (Adam, all examples) where no checkpoint is named.
    #[arg(long, default_value_t = 2000, conflicts_with = "checkpoint", value_parser = numbers::whole::<u64>(1..=numbers::MANY))]
    epochs: u64,
    #[command(flatten)]
    pub(super) shared: SharedArgs,
}

/// The result of `landscape zoom`.
#[derive(Serialize)]
struct Summary {
    section: &'static str,
    points: usize,
    seed: u64,
    scales: Vec<Scale>,
    /// The cosine of the angle between the two directions.
    cosine: f64,
}

/// One map.
#[derive(Serialize)]
struct Scale {
    scale: f64,
    file: String,
    risk: Range,
    /// The number of inner grid points lower than all eight around them.
    local_minima: usize,
    not_finite: usize,
}

pub(super) fn run(args: &ZoomArgs) -> Result<(), Failure> {
    let shared = &args.shared;
    let (origin, task, name) = centre(args)?;
    let folder = Folder::open(&shared.out, &shared.common, "summary.json", &["zoom.svg"])?;
    let Some(folder) = folder else { return Ok(()) };
    progress::catch_interrupt();
    let section = Section::along(&origin, &filter_normalized(&task.arch, &origin, shared.common.seed, 2)?)?;
    let grids: Vec<Grid> = args.scales.iter().map(|&s| Grid::square(s, args.points)).collect();
    let points: Vec<f64> = grids.iter().flat_map(Grid::points).collect();
    let values = sample(&folder, shared, &task, &section, &points)?;
    let each = args.points * args.points;
    let (mut maps, mut scales) = (Vec::new(), Vec::new());
    for (k, (grid, &scale)) in grids.iter().zip(&args.scales).enumerate() {
        let values = values.slice(k * each, (k + 1) * each);
        save_grid(folder.path(), &format!("grid-{}", k + 1), grid, &values)?;
        let map = map(&format!("half side {}", text(scale)), grid, &values.risk)?;
        // The frame of what comes next, where it fits.
        let next = args.scales.get(k + 1).filter(|next| **next < scale);
        maps.push(next.iter().fold(map, |map, &&next| map.frame((-next, -next), (next, next))));
        let (risk, not_finite) = Range::of(&values.risk);
        let local_minima = local_minima(grid, &values.risk);
        scales.push(Scale { scale, file: format!("grid-{}.npz", k + 1), risk, local_minima, not_finite });
    }
    save_section(folder.path(), &task, &section)?;
    let counts: Vec<String> = scales.iter().map(|s| s.local_minima.to_string()).collect();
    let figure = figure(args, &task, &name, maps, &counts.join(", "));
    files::map(folder.path(), "zoom", (&figure.to_svg()?, &figure.to_png()?), || figure.print())?;
    let (points, seed) = (args.points, shared.common.seed);
    let summary = Summary { section: "zoom", points, seed, scales, cosine: section.cosine() };
    let described = folder.finish(&shared.common, &summary, false)?;
    shared.common.show(&described, || {
        print(&format!("local minima of the grids   {}", counts.join(", ")));
        print(&format!("{} maps written to {}", grids.len(), folder.path().display()));
    });
    Ok(())
}

fn figure(
    args: &ZoomArgs,
    task: &Task,
    name: &str,
    maps: Vec<collado_plots::Map>,
    minima: &str,
) -> ZoomFigure {
    let subtitle =
        format!("{} on {}, {} x {} points a map", task.arch, task.data.spec, args.points, args.points);
    ZoomFigure::new(format!("Zooming into {name}"), subtitle, maps)
        .axes("two random filter-normalised directions, in units of the filters' norms; colours: risk")
        .caption(format!("Each frame is the next region, the last one around the minimum. Local minima of the grids: {minima}."))
}

/// The point at the centre, with its task and its name: of the checkpoint, or of a network trained here.
fn centre(args: &ZoomArgs) -> Result<(Tensor, Task, String), Failure> {
    let shared = &args.shared;
    if let Some(file) = &args.checkpoint {
        let (stack, _, task) = open(shared, &[place::checkpoint(file)?])?;
        return Ok((stack.get(0)?, task, short(file)));
    }
    let (spec, data) = match shared.network.spec(&shared.common)? {
        Some(spec) => (spec, None),
        None => (NETWORK.parse::<ArchSpec>()?, Some(DATA)),
    };
    let task = Task::for_training(&shared.data, &shared.common, &spec, data)?;
    let settings = TrainSettings {
        epochs: args.epochs,
        batch: 0,
        rule: Rule::Adam { weight_decay: 0., decoupled: false },
        lr: 0.01,
        schedule: Schedule { decay: Decay::Cosine, ..Schedule::default() },
        ..TrainSettings::default()
    };
    let seed = shared.common.seed;
    let theta =
        Init::Pytorch.stack(&task.arch, &[seed], task.dtype, &task.device)?.to_device(&task.device)?;
    let bar = progress::bar("training", shared.common.quiet);
    let mut last = None;
    let mut watch = |epoch: &Epoch<'_>| -> collado_dynamics::Result<()> {
        bar.set_length(epoch.epochs);
        bar.set_position(epoch.epoch);
        if epoch.epoch == epoch.epochs {
            last = Some(epoch.theta.copy()?);
        }
        Ok(())
    };
    train(&task.train, &theta, &[seed], &settings, &mut watch)?;
    bar.finish_and_clear();
    let theta = last.ok_or_else(|| Failure::interrupted("interrupted while the network was trained"))?;
    Ok((theta.get(0)?, task, "the minimum that training ends at".to_owned()))
}
