//! Converts the rows of a table to numbers.

use std::io::Read;

use super::columns::{Columns, Role};
use super::field::number;
use super::lines::{Line, Lines};
use super::options::CsvOptions;
use super::target::Column;
use crate::array::matrix;
use crate::labels::{Labels, Task, tokens, whole};
use crate::text::{Notes, clip};
use crate::{Error, Result, Targets};

/// The rows of a CSV file.
pub(crate) struct Table {
    /// The inputs, all finite, row after row.
    pub(crate) inputs: Vec<f64>,
    /// The number of inputs in a row.
    pub(crate) width: usize,
    pub(crate) targets: Targets,
    pub(crate) notes: Notes,
}

/// A table that is being read.
pub(super) struct Builder<'a> {
    file: &'a str,
    columns: Columns,
    options: &'a CsvOptions,
    rows: usize,
    inputs: Vec<f64>,
    /// Real targets, where there are several columns of them.
    values: Vec<f64>,
    /// The target column, where there is exactly one.
    target: Option<Column>,
    /// Columns without a name that have counted up so far, each with its first number: they may be an index.
    counting: Vec<(usize, f64)>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: &'a str, columns: Columns, options: &'a CsvOptions) -> Self {
        let target = (columns.targets.len() == 1).then(|| Column::new(options.task));
        let unnamed = (0..columns.roles.len())
            .filter(|&column| columns.is_unnamed(column) && columns.roles[column] == Role::Input);
        let counting = unnamed.map(|column| (column, f64::NAN)).collect();
        let (inputs, values) = (Vec::new(), Vec::new());
        Self { file, columns, options, rows: 0, inputs, values, target, counting }
    }

    /// Number of rows so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Makes the rows that follow those of another file, whose columns have to have the same names if it has a header.
    pub(super) fn next_file(&mut self, file: &'a str, header: Option<&[String]>) -> Result<()> {
        if let Some(wrong) = header.and_then(|header| self.columns.unlike(header)) {
            return Err(Error::format(file, format!("the columns of {}", self.file), wrong));
        }
        self.file = file;
        self.counting.clear();
        Ok(())
    }

    /// Adds the first lines but for a header, and those after them.
    pub(super) fn push_all<R: Read>(
        &mut self,
        first: Vec<Line>,
        skip: usize,
        mut more: Lines<'_, R>,
    ) -> Result<()> {
        let before = self.rows;
        for line in first.iter().skip(skip) {
            self.push(line)?;
        }
        drop(first);
        while let Some(line) = more.next()? {
            self.push(line)?;
        }
        match self.rows > before {
            true => Ok(()),
            false => Err(Error::format(self.file, "at least 1 row", "a header only")),
        }
    }

    fn push(&mut self, line: &Line) -> Result<()> {
        let (expected, found) = (self.columns.roles.len(), line.fields.len());
        if found != expected {
            let place = format!("{}: line {}", self.file, line.number());
            return Err(Error::format(place, format!("{expected} fields"), found.to_string()));
        }
        for (column, text) in line.texts().enumerate() {
            let wrong = |expected| Error::Field {
                place: self.file.to_owned(),
                line: line.number(),
                column: self.columns.name(column),
                expected,
                found: clip(text, 40),
            };
            let finite = |text| number(text).ok_or_else(|| wrong("a finite number"));
            match (self.columns.roles[column], &mut self.target) {
                (Role::Dropped, _) => {}
                (Role::Input, _) => self.inputs.push(finite(text)?),
                (Role::Target, Some(target)) => target.push(text).map_err(wrong)?,
                (Role::Target, None) => self.values.push(finite(text)?),
            }
        }
        self.count(line);
        self.rows += 1;
        Ok(())
    }

    /// Checks whether the columns that may be an index go on counting.
    fn count(&mut self, line: &Line) {
        let row = self.rows as f64;
        self.counting.retain_mut(|(column, first)| {
            let value = line.text(*column).and_then(number).unwrap_or(f64::NAN);
            if row == 0. {
                *first = value;
            }
            value == *first + row && (*first == 0. || *first == 1.)
        });
    }

    /// The finished table; `file` is where its first row came from.
    pub(super) fn finish(self, file: &str, mut notes: Notes) -> Result<Table> {
        let width = self.columns.inputs();
        // Two rows at least, or any 0 would count.
        for (column, first) in self.counting.iter().take(1).filter(|_| self.rows > 1) {
            notes.push(format!(
                "{}: column {column} has no name and counts {first}, {}, …: an index? drop=unnamed leaves it out",
                file,
                first + 1.
            ));
        }
        let targets = match self.target {
            Some(target) => {
                let place = format!("{file}: column '{}'", self.columns.name(self.columns.targets[0]));
                target.finish(&place, self.options, &mut notes)?
            }
            None if self.options.task == Task::Tokens => {
                let (values, positions) = (self.ordered_targets(), self.columns.targets.len());
                let labels = Labels { place: file.to_owned(), values: whole(file, &values)? };
                tokens(&[labels], positions)?.remove(0)
            }
            None => Targets::Values(matrix(self.ordered_targets(), self.columns.targets.len())?),
        };
        Ok(Table { inputs: self.inputs, width, targets, notes })
    }

    /// The target columns in the order in which they were asked for, which may differ from that of the file.
    fn ordered_targets(&self) -> Vec<f64> {
        let mut order = self.columns.targets.clone();
        order.sort_unstable();
        let place = |column| order.binary_search(column).expect("the same columns in another order");
        let places: Vec<usize> = self.columns.targets.iter().map(place).collect();
        let rows = self.values.chunks_exact(order.len());
        rows.flat_map(|row| places.iter().map(|&place| row[place])).collect()
    }
}
