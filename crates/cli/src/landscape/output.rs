//! Writes the files of a plane: grid.npz, grid.csv, grid.vtk, section.safetensors and pictures.

use std::{collections::HashMap, path::Path};

use collado_data::NpzWriter;
use collado_landscape::Section;
use collado_plots::{Field, Map, MapFigure, SurfaceFigure};

use super::{basins::Pass, grid::Grid, sampled::Sampled, vtk};
use crate::{
    failure::Failure,
    files, shown,
    table::{text, write_table},
    task::Task,
};

/// The files of a finished plane, which are not overwritten without `--force`.
pub(super) const FILES: [&str; 4] = ["summary.json", "grid.npz", "grid.csv", "contour.svg"];

/// Writes the grid as NPZ, CSV and VTK under `name`, which is `grid` unless there are several.
pub(super) fn save_grid(folder: &Path, name: &str, grid: &Grid, values: &Sampled) -> Result<(), Failure> {
    collado_files::atomically(&folder.join(format!("{name}.npz")), |file| {
        let mut npz = NpzWriter::new(file);
        npz.array("x", &[grid.xs.len()], &grid.xs)?;
        npz.array("y", &[grid.ys.len()], &grid.ys)?;
        for (name, column) in Sampled::NAMES.into_iter().zip(values.columns()) {
            npz.array(name, &[grid.ys.len(), grid.xs.len()], column)?;
        }
        npz.finish().map(|_| ())
    })?;
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["x", "y"].into_iter().chain(Sampled::NAMES))?;
    for (i, at) in grid.points().chunks_exact(2).enumerate() {
        let numbers = at.iter().copied().chain(values.columns().map(|c| c[i]));
        table.write_record(numbers.map(text))?;
    }
    write_table(&folder.join(format!("{name}.csv")), table)?;
    Ok(collado_files::atomically(&folder.join(format!("{name}.vtk")), |f| vtk::write_grid(f, grid, values))?)
}

/// Writes the section's vertices under the network's names, stacked along a new first axis.
pub(super) fn save_section(folder: &Path, task: &Task, section: &Section) -> Result<(), Failure> {
    let vertices = section.vertices().to_device(&candle_core::Device::Cpu)?;
    let count = vertices.dims()[0];
    let mut tensors = HashMap::new();
    for entry in task.arch.layout().entries() {
        let shape: Vec<usize> = std::iter::once(count).chain(entry.shape.iter().copied()).collect();
        let part = vertices.narrow(1, entry.offset, entry.len())?.contiguous()?.reshape(shape)?;
        tensors.insert(entry.name.clone(), part);
    }
    let kind = if section.coefficients(&vec![0.; section.dims()])[1..].iter().all(|c| *c == 0.)
        && section.coefficients(&vec![1.; section.dims()])[0] == 1.
    {
        "origin and directions: the point at (x, y) is vertex 0 + x vertex 1 + y vertex 2"
    } else {
        "points: coordinates are lengths, vertex 0 is the origin, vertex 1 lies on the x axis"
    };
    let metadata =
        [("collado.arch".to_owned(), task.arch.to_string()), ("collado.section".to_owned(), kind.to_owned())];
    Ok(files::tensors(&folder.join("section.safetensors"), tensors, metadata)?)
}

/// The caption of a plane.
const PLANE: &str = "A plane through parameter space: what it shows of the risk holds on this plane alone.";

/// Draws the pictures `contour` and `surface`.
pub(super) fn draw(
    folder: &Path,
    [title, subtitle]: [&str; 2],
    labels: (&str, &str),
    map: Map,
) -> Result<(), Failure> {
    let surface = SurfaceFigure::new(title, subtitle, labels, map.clone()).caption(PLANE);
    let contour = MapFigure::new(title).subtitle(subtitle).labels(labels.0, labels.1).map(map).caption(PLANE);
    files::map(folder, "contour", (&contour.to_svg()?, &contour.to_png()?), || contour.print())?;
    files::map(folder, "surface", (&surface.to_svg()?, &surface.to_png()?), || surface.print())
}

/// Draws the picture `levels`: the level set {F ≤ λ} just below and just above the pass between two points, or at the level of the
/// higher end where no pass separates them.
pub(super) fn draw_levels(
    folder: &Path,
    [a, b, subtitle]: [&str; 3],
    labels: (&str, &str),
    map: &Map,
    pass: &Pass,
) -> Result<(), Failure> {
    let Pass { level, higher } = *pass;
    let figure = MapFigure::new(format!("Level sets {{F ≤ λ}}: are {a} and {b} in one piece?"));
    let figure = figure.subtitle(subtitle).labels(labels.0, labels.1);
    let at = |level: f64, words: &str| {
        map.clone().titled(format!("λ = {}, {words}", shown::significant(level, 3))).level_set(level)
    };
    let figure = if pass.separates() {
        let (below, above) = (level - 0.15 * (level - higher), level + 0.15 * (level - higher));
        figure
            .map(at(below, "below the pass"))
            .map(at(above, "above the pass"))
            .caption("Full colours: F ≤ λ. Below the pass the two lie in separate pieces; above it a path inside the level set joins them.")
    } else {
        let words = "the level of the higher end";
        figure.map(at(level, words)).caption(
            "Full colours: F ≤ λ. Already at the level of the higher end the two lie in one piece: no pass separates them.",
        )
    };
    files::map(folder, "levels", (&figure.to_svg()?, &figure.to_png()?), || figure.print())
}

/// The risk of a grid as a map.
pub(super) fn map(title: &str, grid: &Grid, risk: &[f64]) -> Result<Map, Failure> {
    Ok(Map::new(title, Field::new(&grid.xs, &grid.ys, risk)?))
}
