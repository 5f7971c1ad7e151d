//! CSV files: columns of numbers, one or more of them the target.

mod options;
mod table;

use std::path::Path;

pub(crate) use options::CsvOptions;
pub(crate) use table::{Table, read_table};

use crate::array::matrix;
use crate::bytes::open;
use crate::targets::labels;
use crate::{Dataset, Error, Result, Split, Targets};
use options::Task;

/// The last integer below which every integer is an f64.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads the rows of a CSV file: inputs F64, targets and test rows as the options say.
pub(crate) fn load(spec: &str, path: &Path, options: &CsvOptions) -> Result<Dataset> {
    let (file, _) = open(path)?;
    let name = path.display().to_string();
    let table = read_table(&name, file)?;
    let split = split(&name, &table, options)?;
    match options.test_every {
        None => Dataset::new(spec, split, None),
        Some(_) if split.len() < 2 => Err(Error::format(name, "at least 2 rows to split", "1")),
        Some(k) => {
            let (train, test) = split.every(k)?;
            Dataset::new(spec, train, Some(test))
        }
    }
}

fn split(name: &str, table: &Table, options: &CsvOptions) -> Result<Split> {
    let targets = options.columns(name, table)?;
    let inputs: Vec<usize> = (0..table.width).filter(|column| !targets.contains(column)).collect();
    if inputs.is_empty() {
        let found = format!("{} columns, {} of them targets", table.width, targets.len());
        return Err(Error::format(name, "at least 1 column besides the targets", found));
    }
    let classes = match (options.task, targets.as_slice()) {
        (Task::Classes, _) => true,
        (Task::Regress, _) => false,
        (Task::Guess, &[column]) => table.integers[column],
        (Task::Guess, _) => false,
    };
    let targets = match targets.as_slice() {
        &[column] if classes => class_labels(name, table, column)?,
        _ => Targets::Values(matrix(table.columns(&targets), targets.len())?),
    };
    let inputs = matrix(table.columns(&inputs), inputs.len())?;
    Split::at(name, name, inputs, targets)
}

fn class_labels(name: &str, table: &Table, column: usize) -> Result<Targets> {
    let place = format!("{name}: column '{}'", table.name(column));
    let values = table.columns(&[column]);
    if let Some(row) = values.iter().position(|value| value.fract() != 0.0 || value.abs() > EXACT) {
        let found = values[row].to_string();
        return Err(Error::format(format!("{place}: row {row}"), "an integer class label", found));
    }
    let integers: Vec<i64> = values.iter().map(|&value| value as i64).collect();
    Ok(Targets::classes(labels(&place, &integers)?))
}
