//! `collado landscape zoom`: the risk around a minimum at several scales.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use collado_landscape::{Section, filter_normalized};
use collado_plots::MapFigure;
use serde::Serialize;

use super::{
    grid::Grid,
    output::{map, picture, save_grid, save_section},
    sampled::sample,
    shared::{Range, SharedArgs, open, short},
};
use crate::{failure::Failure, folder::Folder, json::print, numbers, place, progress, table::text};

#[derive(Debug, ClapArgs)]
pub(super) struct ZoomArgs {
    /// Checkpoint at the centre.
    checkpoint: PathBuf,
    /// Half sides of the squares, in units of the directions (1 = the filters' own norms).
    #[arg(long, value_delimiter = ',', default_value = "4,1,0.25,0.0625", value_parser = numbers::reach)]
    scales: Vec<f64>,
    /// Number of points along a side.
    #[arg(long, default_value_t = 51, value_parser = numbers::whole::<usize>(2..=10000))]
    points: usize,
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
    not_finite: usize,
}

pub(super) fn run(args: &ZoomArgs) -> Result<(), Failure> {
    let shared = &args.shared;
    let (stack, task) = open(shared, &[place::checkpoint(&args.checkpoint)?])?;
    let folder = Folder::open(&shared.out, &shared.common, "summary.json", &["zoom.svg"])?;
    let Some(folder) = folder else { return Ok(()) };
    progress::catch_interrupt();
    let origin = stack.get(0)?;
    let section = Section::along(&origin, &filter_normalized(&task.arch, &origin, shared.common.seed, 2)?)?;
    let grids: Vec<Grid> = args.scales.iter().map(|&s| Grid::square(s, args.points)).collect();
    let points: Vec<f64> = grids.iter().flat_map(Grid::points).collect();
    let values = sample(&folder, shared, &task, &section, &points)?;
    let title = format!("Risk around {}", short(&args.checkpoint));
    let subtitle =
        format!("{} on {}, {} x {} points a map", task.arch, task.data.spec, args.points, args.points);
    let axes = "two random filter-normalised directions, in units of the filters' norms";
    let mut figure = MapFigure::new(title).subtitle(subtitle).labels(axes, "");
    let mut scales = Vec::new();
    let each = args.points * args.points;
    for (k, (grid, &scale)) in grids.iter().zip(&args.scales).enumerate() {
        let values = values.slice(k * each, (k + 1) * each);
        save_grid(folder.path(), &format!("grid-{}", k + 1), grid, &values)?;
        figure = figure.map(map(&format!("risk, half side {}", text(scale)), grid, &values.risk)?);
        let (risk, not_finite) = Range::of(&values.risk);
        scales.push(Scale { scale, file: format!("grid-{}.npz", k + 1), risk, not_finite });
    }
    save_section(folder.path(), &task, &section)?;
    picture(folder.path(), "zoom", &figure.to_svg()?, &figure.to_png()?)?;
    let (points, seed) = (args.points, shared.common.seed);
    let summary = Summary { section: "zoom", points, seed, scales, cosine: section.cosine() };
    let described = folder.finish(&shared.common, &summary, false)?;
    shared.common.show(&described, || {
        print(&format!("{} maps written to {}", grids.len(), folder.path().display()));
    });
    Ok(())
}
