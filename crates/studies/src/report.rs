//! What a study hands over: verdict, sentences, numbers, a table and pictures.

use collado_files::to_json;
use collado_plots::Figure;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Claim, Condition, Verdict};

/// What every study hands over: the claim, what was measured, and what it says about the claim.
///
/// Its JSON is the object that `result.json` holds; table and pictures are files of their own.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The claim that was tested.
    #[serde(flatten)]
    pub claim: Claim,
    /// The verdict on the claim: [`Verdict::of`] its conditions.
    pub verdict: Verdict,
    /// The conditions of the claim, each with its verdict and the numbers that decide.
    pub conditions: Vec<Condition>,
    /// A sentence on the size of the effects that this sample would have detected.
    pub power: String,
    /// A sentence on what the numbers show.
    pub shown: String,
    /// A sentence on what the numbers do not show.
    pub not_shown: String,
    /// The study's own numbers, its settings among them.
    #[serde(flatten)]
    pub numbers: Map<String, Value>,
    /// Everything that was measured, so that it can be drawn again.
    #[serde(skip)]
    pub table: Table,
    /// The pictures, each with the name of its file.
    #[serde(skip)]
    pub pictures: Vec<(&'static str, Figure)>,
}

impl Report {
    /// The conditions that keep the claim from being supported: those that contradict it, or else those left open.
    pub fn decisive(&self) -> impl Iterator<Item = &Condition> {
        let (verdict, supported) = (self.verdict, self.verdict == Verdict::Supported);
        self.conditions.iter().filter(move |c| !supported && c.verdict == verdict)
    }
}

/// The fields of a struct as JSON.
pub(crate) fn fields(of: &impl Serialize) -> Map<String, Value> {
    match to_json(of) {
        Ok(Value::Object(fields)) => fields,
        other => unreachable!("a struct with named fields is an object in JSON, not {other:?}"),
    }
}

/// The shortest text that reads back as the same number; `nan` and `inf` in small letters.
fn text(x: f64) -> String {
    x.to_string().to_lowercase()
}

/// The rows of `rows.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// A cell of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(f64),
    /// A count.
    Count(usize),
}

impl From<f64> for Cell<'_> {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl From<usize> for Cell<'_> {
    fn from(x: usize) -> Self {
        Self::Count(x)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(x: &'a str) -> Self {
        Self::Text(x)
    }
}

impl Table {
    pub(crate) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row, a cell for each column.
    pub(crate) fn push(&mut self, cells: &[Cell<'_>]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        let of = |cell: &Cell<'_>| match *cell {
            Cell::Text(text) => text.to_owned(),
            Cell::Number(x) => text(x),
            Cell::Count(n) => n.to_string(),
        };
        self.rows.push(cells.iter().map(of).collect());
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[&'static str] {
        self.columns
    }

    /// The cells, row by row.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The table as CSV.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, file: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(self.columns)?;
        self.rows.iter().try_for_each(|row| csv.write_record(row))?;
        csv.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_written_as_csv() {
        let mut table = Table::new(&["name", "x", "n"]);
        table.push(&["a, b".into(), f64::NAN.into(), 3.into()]);
        let mut bytes = Vec::new();
        table.write(&mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "name,x,n\n\"a, b\",nan,3\n");
    }
}
