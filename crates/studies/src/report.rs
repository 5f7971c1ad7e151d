use collado_plots::Figure;
use serde_json::{Map, Value};

/// What an experiment says about its claim, by the rule that its report states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The numbers are what the claim says.
    Supported,
    /// They are not.
    Contradicted,
    /// They do not decide.
    Inconclusive,
}

impl Verdict {
    /// As `result.json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Contradicted => "contradicted",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What every study hands over: the claim, what was measured, and what it says about the claim.
#[derive(Debug, Clone)]
pub struct Report {
    /// What is tested.
    pub claim: &'static str,
    /// Who says so, and where.
    pub source: &'static str,
    /// How numbers become a verdict.
    pub rule: &'static str,
    /// By that rule.
    pub verdict: Verdict,
    /// A sentence on what the numbers show.
    pub shown: String,
    /// A sentence on what they do not.
    pub not_shown: String,
    /// The study's own fields of `result.json`, its settings among them.
    pub numbers: Map<String, Value>,
    /// Everything measured, to be drawn again.
    pub table: Table,
    /// Pictures, each with the name of its file.
    pub pictures: Vec<(&'static str, Figure)>,
}

impl Report {
    /// The object that `result.json` holds.
    pub fn json(&self) -> Value {
        let head = [
            ("claim", self.claim),
            ("source", self.source),
            ("rule", self.rule),
            ("verdict", self.verdict.name()),
            ("shown", &self.shown),
            ("not_shown", &self.not_shown),
        ];
        let head = head.into_iter().map(|(name, text)| (name.to_owned(), text.into()));
        Value::Object(head.chain(self.numbers.clone()).collect())
    }
}

/// A number; one that is not finite becomes a string, as JSON has none.
pub fn number(x: f64) -> Value {
    match serde_json::Number::from_f64(x) {
        Some(x) => Value::Number(x),
        None => text(x).into(),
    }
}

/// Several of them.
pub(crate) fn numbers(xs: &[f64]) -> Value {
    xs.iter().map(|&x| number(x)).collect()
}

/// The object's fields; nothing for another value.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The shortest text that reads back as the same number; `nan` and `inf` in small letters.
fn text(x: f64) -> String {
    x.to_string().to_lowercase()
}

/// Rows of `rows.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

/// A cell of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// A word.
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
    fn numbers_that_json_lacks_are_words() {
        assert_eq!(numbers(&[1.5, f64::NAN, f64::NEG_INFINITY]).to_string(), r#"[1.5,"nan","-inf"]"#);
        let mut table = Table::new(&["name", "x", "n"]);
        table.push(&["a, b".into(), f64::NAN.into(), 3.into()]);
        let mut bytes = Vec::new();
        table.write(&mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "name,x,n\n\"a, b\",nan,3\n");
    }
}
