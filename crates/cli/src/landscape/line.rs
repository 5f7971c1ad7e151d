//! `collado landscape line`: the risk along a line through parameter space.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use collado_data::NpzWriter;
use collado_landscape::{Section, filter_normalized};
use collado_plots::{Figure, Panel, Role, Scale, Series};
use serde::Serialize;

use super::{
    grid::uniform,
    output::save_section,
    sampled::{Sampled, sample},
    shared::{Range, SharedArgs, open, short, with_buffers},
};
use crate::{
    failure::Failure,
    files,
    folder::Folder,
    json::print,
    numbers, place, progress,
    shown::risk,
    table::{text, write_table},
};

#[derive(Debug, ClapArgs)]
pub(super) struct LineArgs {
    /// Checkpoint that the line goes through, at 0.
    checkpoint: PathBuf,
    /// Second checkpoint that the line goes through, at 1; without it, the direction is random and filter-normalised.
    #[arg(long)]
    to: Option<PathBuf>,
    /// Extent of the line beyond the checkpoint on both sides, in units of the direction; with --to, beyond both ends
    /// [default: 1; with --to 0.25].
    #[arg(long, value_parser = numbers::reach)]
    radius: Option<f64>,
    /// Number of points on the line.
    #[arg(long, default_value_t = 101, value_parser = numbers::whole::<usize>(2..=1_000_000))]
    points: usize,
    #[command(flatten)]
    pub(super) shared: SharedArgs,
}

/// The result of `landscape line`.
#[derive(Serialize)]
struct Summary {
    section: &'static str,
    points: usize,
    from: f64,
    until: f64,
    seed: u64,
    risk: Range,
    not_finite: usize,
}

pub(super) fn run(args: &LineArgs) -> Result<(), Failure> {
    let shared = &args.shared;
    let radius = args.radius.unwrap_or(if args.to.is_some() { 0.25 } else { 1. });
    let files = std::iter::once(&args.checkpoint).chain(&args.to).map(|f| place::checkpoint(f));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let (ends, rows, task) = open(shared, &files)?;
    let folder = Folder::open(&shared.out, &shared.common, "summary.json", &["grid.npz", "line.svg"])?;
    let Some(folder) = folder else { return Ok(()) };
    progress::catch_interrupt();
    let origin = ends.get(0)?;
    let (section, until, label, what) = if args.to.is_some() {
        let section = with_buffers(Section::segment(&origin, &ends.get(1)?)?, rows.as_ref());
        let what = format!("from {} to {}", short(&files[0]), short(&files[1]));
        (section, 1. + radius, "t: 0 at the first checkpoint, 1 at the second", what)
    } else {
        let direction = filter_normalized(&task.arch, &origin, shared.common.seed, 1)?;
        let what = format!("along a random direction at {}", short(&files[0]));
        (Section::along(&origin, &direction)?, radius, "distance, in units of the filters' norms", what)
    };
    let xs = uniform(-radius, until, args.points);
    let values = sample(&folder, shared, &task, &section, &xs)?;
    save(folder.path(), &xs, &values)?;
    save_section(folder.path(), &task, &section)?;
    let subtitle = format!("{} on {}, {} points sampled", task.arch, task.data.spec, xs.len());
    let panel = panel(&xs, &values, args.to.is_some());
    let figure = Figure::new(format!("Risk {what}")).subtitle(subtitle).x_label(label).panel(panel);
    let figure = figure
        .caption("One line through parameter space: what it shows of the risk holds on this line alone.");
    files::picture(folder.path(), "line", &figure)?;
    let (range, not_finite) = Range::of(&values.risk);
    let (from, until) = (xs[0], xs[xs.len() - 1]);
    let (points, seed) = (xs.len(), shared.common.seed);
    let summary = Summary { section: "line", points, from, until, seed, risk: range, not_finite };
    let described = folder.finish(&shared.common, &summary, false)?;
    shared.common.show(&described, || {
        let Range { min, max } = range;
        print(&format!("risk from {} to {}, written to {}", risk(min), risk(max), folder.path().display()));
    });
    Ok(())
}

fn panel(xs: &[f64], values: &Sampled, ends: bool) -> Panel {
    let finite = || values.risk.iter().copied().filter(|r| r.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(0., f64::max));
    let scale = if low > 0. && high / low > 30. { Scale::Log } else { Scale::Linear };
    let mut panel = Panel::new(if scale == Scale::Log { "Risk (log scale)" } else { "Risk" }).scale(scale);
    if values.test_loss.iter().any(|v| !v.is_nan()) {
        panel = panel.series(Series::line("test loss", xs, &values.test_loss).role(Role::Test));
    }
    panel = panel.series(Series::line("training risk", xs, &values.risk).width(2.2));
    panel = panel.upright(0., if ends { "A" } else { "checkpoint" });
    if ends { panel.upright(1., "B") } else { panel }
}

fn save(folder: &std::path::Path, xs: &[f64], values: &Sampled) -> Result<(), Failure> {
    collado_files::atomically(&folder.join("grid.npz"), |file| {
        let mut npz = NpzWriter::new(file);
        npz.array("x", &[xs.len()], xs)?;
        for (name, column) in Sampled::NAMES.into_iter().zip(values.columns()) {
            npz.array(name, &[xs.len()], column)?;
        }
        npz.finish().map(|_| ())
    })?;
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(std::iter::once("x").chain(Sampled::NAMES))?;
    for (i, &x) in xs.iter().enumerate() {
        table.write_record(std::iter::once(x).chain(values.columns().map(|c| c[i])).map(text))?;
    }
    write_table(&folder.join("grid.csv"), table)
}
