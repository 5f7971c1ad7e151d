//! Every pair of minima that was looked at: `pairs.csv`, and its picture.

use std::path::Path as FilePath;

use collado_dynamics::{EdgeKind, line_maxima, maxima, pairs};
use collado_files::PathFile;
use collado_plots::MatrixFigure;
use collado_risk::{EmpiricalRisk, Evaluation, profile};

use super::tree::LevelsetResult;
use crate::{
    failure::Failure,
    files,
    table::{text, write_table},
};

/// The columns: the largest values on the straight line and on the path that was searched for, the lower of the two risks, the
/// level at which the tree joins the pair, and whether the pair is an edge of the tree.
const COLUMNS: [&str; 12] = [
    "a",
    "b",
    "line_train_risk",
    "line_test_loss",
    "line_test_error",
    "searched_train_risk",
    "searched_test_loss",
    "searched_test_error",
    "lowest_train_risk",
    "joined_at",
    "in_tree",
    "path",
];

impl LevelsetResult<'_> {
    /// Writes the table and the picture; `heights` are the levels at which the tree joins the pairs.
    pub(super) fn save_pairs(&self, folder: &FilePath) -> Result<(), Failure> {
        let (minima, heights) = (self.minima, self.tree.heights());
        let all = pairs(minima.names.len());
        let of_lines = self.test_of_lines(&all)?;
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(COLUMNS)?;
        for (k, &(a, b)) in all.iter().enumerate() {
            let line = self.known.lines[k];
            let searched = self.known.searched.get(&(a, b)).copied();
            let file = minima.path((a, b), EdgeKind::Searched);
            let place = folder.join("paths").join(&file);
            let on_path = match (&self.task.test, searched) {
                (Some(test), Some(_)) if place.exists() => self.test_of_path(test, &place)?,
                _ => UNKNOWN,
            };
            let on_line = of_lines.get(k).copied().unwrap_or(UNKNOWN);
            let path = searched.unwrap_or(f64::NAN);
            let numbers = [
                line,
                on_line.loss,
                on_line.error,
                path,
                on_path.loss,
                on_path.error,
                if path < line || line.is_nan() { path } else { line },
                heights[a][b],
            ];
            let in_tree = self.tree.edges().iter().any(|e| (e.a, e.b) == (a, b));
            let ends = [minima.names[a].clone(), minima.names[b].clone()];
            let last =
                [in_tree.to_string(), if place.exists() { format!("paths/{file}") } else { String::new() }];
            table.write_record(ends.into_iter().chain(numbers.map(text)).chain(last))?;
        }
        write_table(&folder.join("pairs.csv"), table)?;
        let figure = self.heat_map(&heights)?;
        files::map(folder, "pairs", (&figure.to_svg()?, &figure.to_png()?), || figure.print())
    }

    /// The largest test values on all straight lines; none where there are no test rows.
    fn test_of_lines(&self, all: &[(usize, usize)]) -> Result<Vec<Evaluation>, Failure> {
        let Some(test) = &self.task.test else { return Ok(vec![]) };
        let minima = (&self.minima.stack, self.minima.buffers.as_ref());
        Ok(line_maxima(test, minima, all, self.args.points.into())?)
    }

    /// The largest test values on a path that was kept.
    fn test_of_path(&self, test: &EmpiricalRisk, file: &FilePath) -> Result<Evaluation, Failure> {
        let path = PathFile::read(file)?.path;
        Ok(maxima(&profile(&path, self.args.points.into(), test, None)?.train))
    }

    /// The minima in the order of the tree's picture; below the diagonal the straight lines, above it the levels of the joins.
    fn heat_map(&self, heights: &[Vec<f64>]) -> Result<MatrixFigure, Failure> {
        let (minima, tree) = (self.minima, &self.tree);
        let order: Vec<usize> = tree.roots().iter().flat_map(|&root| tree.leaves(root)).collect();
        let count = minima.names.len();
        // The place of a pair among all of them.
        let line = |a: usize, b: usize| {
            let (a, b) = (a.min(b), a.max(b));
            self.known.lines[a * (2 * count - a - 1) / 2 + b - a - 1]
        };
        let value = |row: usize, column: usize| match (order[row], order[column]) {
            (i, j) if row > column => line(i, j),
            (i, j) => heights[i][j],
        };
        let values: Vec<f64> = (0..count)
            .flat_map(|row| (0..count).map(move |column| (row, column)))
            .map(|(r, c)| value(r, c))
            .collect();
        let names: Vec<String> = order.iter().map(|&i| minima.names[i].clone()).collect();
        let subtitle = format!(
            "{} on {}: highest risk between the minima of row and column",
            self.task.arch, self.task.data.spec
        );
        let figure = MatrixFigure::new("How high is the way between two minima?", &names, &values)?;
        Ok(figure.subtitle(subtitle).caption(
            "Below the diagonal: straight lines. Above: the levels at which known paths join the two.",
        ))
    }
}

/// What is not known.
const UNKNOWN: Evaluation = Evaluation { risk: f64::NAN, loss: f64::NAN, error: f64::NAN };
