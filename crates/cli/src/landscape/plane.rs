//! `collado landscape plane`: the risk on a plane through parameter space.

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use clap::Args as ClapArgs;
use collado_landscape::{Projection, Section, filter_normalized};
use collado_plots::Mark;
use collado_risk::{Objective, Path, Span};
use serde::Serialize;

use super::{
    basins::pass,
    grid::Grid,
    output::{FILES, draw, draw_levels, map, save_grid, save_section},
    sampled::sample,
    shared::{SharedArgs, open, short, stem, with_buffers},
    vtk,
};
use crate::{
    failure::Failure,
    folder::Folder,
    json::print,
    numbers, place, progress,
    table::{text, write_table},
    task::{self, Precision, Task},
};

/// Number of points of a path that are drawn.
const DRAWN: usize = 121;

#[derive(Debug, ClapArgs)]
pub(super) struct PlaneArgs {
    /// One checkpoint, for two random directions at it, or three, for the plane through them.
    #[arg(required_unless_present = "path")]
    checkpoints: Vec<PathBuf>,
    /// Path file, for the plane through the path's ends and the vertex farthest from the line between them.
    #[arg(long, conflicts_with = "checkpoints")]
    path: Option<PathBuf>,
    /// Half side of the square, in units of the directions, for one checkpoint.
    #[arg(long, default_value_t = 1., value_parser = numbers::reach)]
    radius: f64,
    /// Margin around the checkpoints or the path, as a share of the longer side.
    #[arg(long, default_value_t = 0.25, value_parser = numbers::margin)]
    margin: f64,
    /// Number of points along the longer side.
    #[arg(long, default_value_t = 51, value_parser = numbers::whole::<usize>(2..=10000))]
    points: usize,
    #[command(flatten)]
    pub(super) shared: SharedArgs,
}

/// The result of `landscape plane`.
#[derive(Serialize)]
struct Summary {
    section: &'static str,
    points: [usize; 2],
    seed: u64,
    /// The cosine of the angle between the two directions.
    cosine: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<OffPlane>,
    /// The lowest level on the grid at which both ends of the path, or the first two checkpoints, lie in one component of the level set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<f64>,
    not_finite: usize,
}

/// The distance of a path from its plane.
#[derive(Serialize)]
struct OffPlane {
    off_plane: f64,
    risk_differs: f64,
    in_plane: bool,
}

/// A plane with the marks and the path that are drawn on it.
struct PlanePlot {
    section: Section,
    grid: Grid,
    title: String,
    labels: (&'static str, &'static str),
    marks: Vec<(String, (f64, f64))>,
    /// The path as it is drawn: its points `[P, S]` and their projections onto the plane.
    path: Option<(Span, Vec<Projection>)>,
}

pub(super) fn run(args: &PlaneArgs) -> Result<(), Failure> {
    let shared = &args.shared;
    let (task, scene) = match &args.path {
        Some(file) => of_path(args, file)?,
        None => of_checkpoints(args)?,
    };
    let folder = Folder::open(&shared.out, &shared.common, "summary.json", &FILES)?;
    let Some(folder) = folder else { return Ok(()) };
    progress::catch_interrupt();
    let values = sample(&folder, shared, &task, &scene.section, &scene.grid.points())?;
    save_grid(folder.path(), "grid", &scene.grid, &values)?;
    save_section(folder.path(), &task, &scene.section)?;
    let mut picture = map("risk on the training rows", &scene.grid, &values.risk)?;
    let mut off = None;
    let mut subtitle = format!("{} on {}", task.arch, task.data.spec);
    if let Some((span, shadows)) = &scene.path {
        let line: Vec<(f64, f64)> = shadows.iter().map(|s| (s.at[0], s.at[1])).collect();
        let (path, note) = compare(&task, &scene.section, span, shadows, folder.path())?;
        subtitle = format!("{subtitle}; {note}");
        off = Some(path);
        picture = picture.path(&line, false);
    }
    for (label, (x, y)) in &scene.marks {
        picture = picture.mark(Mark { x: *x, y: *y, label: label.clone() });
    }
    let mut found = None;
    if let [(a, from), (b, to), ..] = &scene.marks[..]
        && let Some(pass) = pass(&scene.grid, &values.risk, *from, *to)
    {
        found = Some(pass.level);
        draw_levels(folder.path(), [a, b, &subtitle], scene.labels, &picture, &pass)?;
    }
    draw(folder.path(), [&scene.title, &subtitle], scene.labels, picture)?;
    let summary = Summary {
        section: "plane",
        points: [scene.grid.xs.len(), scene.grid.ys.len()],
        seed: shared.common.seed,
        cosine: scene.section.cosine(),
        path: off,
        pass: found,
        not_finite: values.risk.iter().filter(|r| !r.is_finite()).count(),
    };
    let described = folder.finish(&shared.common, &summary, false)?;
    shared.common.show(&described, || {
        print(&format!("{} points, written to {}", values.len(), folder.path().display()));
    });
    Ok(())
}

fn of_checkpoints(args: &PlaneArgs) -> Result<(Task, PlanePlot), Failure> {
    let files = &place::all(&args.checkpoints)?;
    if files.len() != 1 && files.len() != 3 {
        return Err(Failure::usage(format!("expected 1 or 3 checkpoints, found {}", files.len())));
    }
    let (stack, rows, task) = open(&args.shared, files)?;
    if files.len() == 1 {
        let origin = stack.get(0)?;
        let directions = filter_normalized(&task.arch, &origin, args.shared.common.seed, 2)?;
        let section = Section::along(&origin, &directions)?;
        let labels = ("first random direction, in units of the filters' norms", "second");
        let (grid, marks) = (Grid::square(args.radius, args.points), vec![(stem(&files[0]), (0., 0.))]);
        let title = "Risk on a plane of two random directions".to_owned();
        return Ok((task, PlanePlot { section, grid, title, labels, marks, path: None }));
    }
    let section = with_buffers(Section::through(&stack)?, rows.as_ref());
    let corners: Vec<(f64, f64)> = section.project(&stack)?.iter().map(|s| (s.at[0], s.at[1])).collect();
    let grid = Grid::around(&corners, args.margin, args.points);
    let marks = files.iter().map(|f| stem(f)).zip(corners).collect();
    let labels = ("distance in parameter space", "the same, at right angles");
    let title = "Risk on the plane through three checkpoints".to_owned();
    Ok((task, PlanePlot { section, grid, title, labels, marks, path: None }))
}

fn of_path(args: &PlaneArgs, file: &std::path::Path) -> Result<(Task, PlanePlot), Failure> {
    let file = &place::path(file);
    let (found, task) = task::open_path(file, &args.shared.data, &args.shared.common, Precision::OfFiles)?;
    let vertices = task.place(found.path.vertices(), file)?;
    let mut path = Path::new(found.path.kind().clone(), vertices.clone())?;
    if let Some(rows) = found.path.buffers() {
        path = path.with_buffers(rows.clone())?;
    }
    let ts: Vec<f64> = (0..DRAWN).map(|i| i as f64 / (DRAWN - 1) as f64).collect();
    let span = path.span(&ts)?;
    let corners = corners(&vertices)?;
    let rows = found.path.buffers().map(|rows| rows.index_select(&corners, 0)).transpose()?;
    let corners = vertices.index_select(&corners.to_device(vertices.device())?, 0)?;
    let section = with_buffers(Section::through(&corners)?, rows.as_ref());
    let shadows = section.project(&span.materialize()?)?;
    let line: Vec<(f64, f64)> = shadows.iter().map(|s| (s.at[0], s.at[1])).collect();
    // The path says itself whether it ends at B or at a permuted and rescaled copy.
    let end = if found.provenance["end"] == "b-up-to-symmetry" { "B′" } else { "B" };
    let marks = vec![("A".to_owned(), line[0]), (end.to_owned(), line[DRAWN - 1])];
    let grid = Grid::around(&line, args.margin, args.points);
    let labels = ("distance in parameter space, from A towards the other end", "the same, at right angles");
    let title = format!("Risk on the plane of {}", short(file));
    Ok((task, PlanePlot { section, grid, title, labels, marks, path: Some((span, shadows)) }))
}

/// The numbers of the first and the last vertex, and of the vertex farthest from the line between them.
fn corners(vertices: &Tensor) -> Result<Tensor, Failure> {
    let last = vertices.dims()[0] - 1;
    let (a, b) = (vertices.get(0)?, vertices.get(last)?);
    let rests = Section::segment(&a, &b)?.project(vertices)?;
    let far = (1..last).max_by(|&i, &j| rests[i].distance.total_cmp(&rests[j].distance));
    let far = far.ok_or_else(|| {
        Failure::new("the path is a straight line: it has no plane").hint("'collado landscape line' draws it")
    })?;
    Ok(Tensor::new(&[0, last as u32, far as u32], &Device::Cpu)?)
}

/// The risk on the path against the risk where it falls on the plane, as table, numbers and words.
fn compare(
    task: &Task,
    section: &Section,
    span: &Span,
    shadows: &[Projection],
    folder: &std::path::Path,
) -> Result<(OffPlane, String), Failure> {
    let own = task.train.risks(span)?;
    let at: Vec<f64> = shadows.iter().flat_map(|s| s.at.iter().copied()).collect();
    let shown = task.train.risks(&section.span(&at)?)?;
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["t", "x", "y", "distance_from_plane", "risk", "risk_on_plane"])?;
    for (i, s) in shadows.iter().enumerate() {
        let t = i as f64 / (shadows.len() - 1) as f64;
        table.write_record([t, s.at[0], s.at[1], s.distance, own[i], shown[i]].map(text))?;
    }
    write_table(&folder.join("path.csv"), table)?;
    let line: Vec<(f64, f64)> = shadows.iter().map(|s| (s.at[0], s.at[1])).collect();
    collado_files::atomically(&folder.join("path.vtk"), |f| vtk::write_path(f, &line, &own))?;
    let off = shadows.iter().map(|s| s.distance).fold(0., f64::max);
    let differs = own.iter().zip(&shown).map(|(a, b)| (a - b).abs()).fold(0., f64::max);
    let length = (line[0].0 - line[line.len() - 1].0).hypot(line[0].1 - line[line.len() - 1].1);
    let in_plane = off <= 1e-9 * length;
    let note = if in_plane {
        "the path lies in the plane".to_owned()
    } else {
        format!(
            "the path leaves the plane by up to {:.0} % of |AB|, its risk differs by up to {differs:.3}",
            100. * off / length
        )
    };
    Ok((OffPlane { off_plane: off, risk_differs: differs, in_plane }, note))
}
