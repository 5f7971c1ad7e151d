//! Means over the repetitions at each place of the grid.

use std::collections::HashMap;

use serde::Serialize;

use super::{
    cell::{Cell, Table},
    mean::Mean,
    rows::Row,
};
use crate::sweep::{stage::Stage, task::Labels};

/// The mean of one figure at one place of the grid.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CellMean {
    pub(super) stage: Stage,
    pub(super) cell: Labels,
    pub(super) figure: String,
    #[serde(flatten)]
    pub(super) mean: Mean,
}

/// The means of all figures in numbers, in the order of the rows.
pub(super) fn means(rows: &[Row]) -> Vec<CellMean> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut cells: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let place = format!("{} {}", row.stage.name(), row.cell.text());
        let at = *places.entry(place).or_insert(cells.len());
        if at == cells.len() {
            cells.push(Vec::new());
        }
        cells[at].push(row);
    }
    cells.iter().flat_map(|rows| of_cell(rows)).collect()
}

fn of_cell(rows: &[&Row]) -> Vec<CellMean> {
    let mut names: Vec<&str> = Vec::new();
    for (name, cell) in rows.iter().flat_map(|row| &row.figures) {
        if cell.number().is_some() && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.iter().map(|name| of_figure(rows, name)).collect()
}

fn of_figure(rows: &[&Row], name: &str) -> CellMean {
    let (mut values, mut networks) = (Vec::new(), Vec::new());
    for row in rows {
        let cell = row.figures.iter().find(|(of, _)| of == name).map(|(_, cell)| cell);
        if let Some(value) = cell.and_then(Cell::number) {
            values.push(value);
            networks.push(row.networks.iter().map(String::as_str).collect());
        }
    }
    let (stage, cell) = (rows[0].stage, rows[0].cell.clone());
    CellMean { stage, cell, figure: name.to_owned(), mean: Mean::new(&values, &networks) }
}

/// The means as a table in long form.
pub(super) fn table(means: &[CellMean]) -> Table {
    let mut table = Table::default();
    for CellMean { stage, cell, figure, mean } in means {
        let mut row = vec![("stage".to_owned(), Cell::Text(stage.name().into()))];
        row.extend(cell.0.iter().filter_map(|(name, value)| Some((name.clone(), Cell::new(value)?))));
        row.push(("figure".to_owned(), Cell::Text(figure.clone())));
        row.push(("n".to_owned(), Cell::Whole(mean.n as i64)));
        let Mean { mean: center, sd, lo, hi, median, min, max, .. } = *mean;
        let numbers = [("mean", center), ("sd", sd), ("lo", lo), ("hi", hi)];
        row.extend(numbers.map(|(name, x)| (name.to_owned(), Cell::Number(x))));
        row.push(("interval".to_owned(), Cell::Text(mean.interval.name().into())));
        let numbers = [("median", median), ("min", min), ("max", max)];
        row.extend(numbers.map(|(name, x)| (name.to_owned(), Cell::Number(x))));
        table.push(row);
    }
    const LAST: [&str; 10] = ["figure", "n", "mean", "sd", "lo", "hi", "interval", "median", "min", "max"];
    table.first(|name| !LAST.contains(&name));
    table
}
