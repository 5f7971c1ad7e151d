//! The pairs of networks that were connected: their columns in `pairs.csv`, and a picture for each place in the grid.

use std::path::Path;

use collado_plots::MatrixFigure;

use super::{cell::Cell, rows::Row};
use crate::{
    failure::Failure,
    files,
    sweep::{
        stage::Stage,
        task::{Labels, Task},
    },
};

/// The figures of a pair: their columns, and where they stand in the summary.
const FIGURES: [(&str, &str); 9] = [
    ("method", "method"),
    ("train_max", "barrier.max"),
    ("train_above_ends", "barrier.above_ends"),
    ("train_above_chord", "barrier.above_chord"),
    ("test_loss_max", "test.loss.max"),
    ("test_loss_above_ends", "test.loss.above_ends"),
    ("test_loss_above_chord", "test.loss.above_chord"),
    ("test_error_max", "test.error.max"),
    ("normalized_length", "normalized_length"),
];
/// The largest number of pictures.
const MOST: usize = 12;

/// What was drawn.
pub(super) struct Maps {
    pub(super) files: Vec<String>,
    pub(super) note: Option<String>,
}

/// The names of both networks, and the figures of their path.
pub(super) fn of_pair(task: &Task, figures: &[(String, Cell)]) -> Vec<(String, Cell)> {
    let ends = ["a", "b"].into_iter().zip(&task.inputs);
    let ends = ends.map(|(name, (_, file))| (name.to_owned(), Cell::Text(stem(file).to_owned())));
    let found = FIGURES.into_iter().map(|(column, name)| {
        let cell = figures.iter().find(|(of, _)| of == name).map(|(_, cell)| cell.clone());
        (column.to_owned(), cell.unwrap_or(Cell::Empty))
    });
    ends.chain(found).collect()
}

/// Draws the figure of each pair at each place of the grid: `pairs.svg`, or `pairs-1.svg` and so on.
pub(super) fn draw(rows: &[Row], figure: Option<&str>, out: &Path) -> Result<Maps, Failure> {
    let figure = figure.unwrap_or(Stage::Connect.figure());
    let mut cells: Vec<(&Labels, Vec<&Row>)> = Vec::new();
    for row in rows.iter().filter(|row| row.stage == Stage::Connect && value(row, figure).is_some()) {
        match cells.iter_mut().find(|(cell, _)| **cell == row.cell) {
            Some((_, rows)) => rows.push(row),
            None => cells.push((&row.cell, vec![row])),
        }
    }
    let mut maps = Maps { files: vec![], note: None };
    for (i, (cell, rows)) in cells.iter().take(MOST).enumerate() {
        let name = if cells.len() == 1 { "pairs".to_owned() } else { format!("pairs-{}", i + 1) };
        let picture = matrix(cell, rows, figure)?;
        files::map(out, &name, (&picture.to_svg()?, &picture.to_png()?), || picture.print())?;
        maps.files.extend(["svg", "png"].map(|kind| format!("{name}.{kind}")));
    }
    if cells.len() > MOST {
        maps.note =
            Some(format!("pictures of pairs show the first {MOST} of {} places in the grid", cells.len()));
    }
    Ok(maps)
}

/// The figure of each pair at one place of the grid.
fn matrix(cell: &Labels, rows: &[&Row], figure: &str) -> Result<MatrixFigure, Failure> {
    let mut networks: Vec<&String> = Vec::new();
    for network in rows.iter().flat_map(|row| &row.networks) {
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    let place = |network: &String| networks.iter().position(|known| *known == network);
    let count = networks.len();
    let mut values = vec![f64::NAN; count * count];
    for row in rows {
        if let [Some(a), Some(b)] = [&row.networks[0], &row.networks[1]].map(place) {
            let value = value(row, figure).unwrap_or(f64::NAN);
            (values[a * count + b], values[b * count + a]) = (value, value);
        }
    }
    let names: Vec<String> = networks.iter().map(|network| stem(network).to_owned()).collect();
    let picture = MatrixFigure::new(format!("{figure} of each pair"), &names, &values)?;
    let absent = (0..count * count).any(|i| i / count != i % count && !values[i].is_finite());
    let caption = if absent { "Grey: pairs without a number, and a network with itself." } else { "" };
    Ok(picture.subtitle(cell.text()).caption(caption))
}

fn value(row: &Row, figure: &str) -> Option<f64> {
    row.figures.iter().find(|(name, _)| name == figure)?.1.number()
}

/// The name of a file `ID/NAME.safetensors` among the results.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".safetensors").unwrap_or(name)
}
