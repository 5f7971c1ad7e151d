//! Columns of a table and what stands in them.

use serde_json::Value as Json;

/// What stands in one row of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Empty,
    Whole(i64),
    Number(f64),
    Text(String),
}

impl Cell {
    /// A value of a summary; `None` where it is an object or a list.
    pub(super) fn new(value: &Json) -> Option<Self> {
        Some(match value {
            Json::Null => Self::Empty,
            Json::Bool(yes) => Self::Text(yes.to_string()),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Whole(whole),
                None => Self::Number(number.as_f64()?),
            },
            // Numbers that JSON has no way to write.
            Json::String(text) => match text.as_str() {
                "nan" => Self::Number(f64::NAN),
                "inf" => Self::Number(f64::INFINITY),
                "-inf" => Self::Number(f64::NEG_INFINITY),
                _ => Self::Text(text.clone()),
            },
            Json::Array(_) | Json::Object(_) => return None,
        })
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(*whole as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// As it stands in a file; numbers read back exactly.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Whole(whole) => whole.to_string(),
            Self::Number(number) => crate::table::text(*number),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The kind of a column: the narrowest that holds all its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Number,
    Text,
}

/// A named column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
}

impl Column {
    pub(super) fn kind(&self) -> Kind {
        let of = |cell: &Cell| match cell {
            Cell::Empty | Cell::Whole(_) => Kind::Whole,
            Cell::Number(_) => Kind::Number,
            Cell::Text(_) => Kind::Text,
        };
        self.cells.iter().map(of).max_by_key(|kind| *kind as u8).unwrap_or(Kind::Text)
    }
}

/// Columns of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: usize,
}

impl Table {
    /// Adds a row. Columns that are new are added, and what the row has no value for stays empty.
    pub(super) fn push(&mut self, row: Vec<(String, Cell)>) {
        for (name, cell) in row {
            let place = self.columns.iter().position(|column| column.name == name);
            let column = match place {
                Some(place) => &mut self.columns[place],
                None => {
                    self.columns.push(Column { name, cells: Vec::new() });
                    self.columns.last_mut().expect("a column was added just now")
                }
            };
            column.cells.resize(self.rows, Cell::Empty);
            column.cells.push(cell);
        }
        self.rows += 1;
        self.columns.iter_mut().for_each(|column| column.cells.resize(self.rows, Cell::Empty));
    }

    /// Moves the columns that `first` chooses before all others.
    pub(super) fn first(&mut self, first: impl Fn(&str) -> bool) {
        self.columns.sort_by_key(|column| !first(&column.name));
    }

    pub(super) fn csv(&self) -> Result<csv::Writer<Vec<u8>>, csv::Error> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(self.columns.iter().map(|column| &column.name))?;
        for row in 0..self.rows {
            table.write_record(self.columns.iter().map(|column| column.cells[row].text()))?;
        }
        Ok(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_may_have_other_columns() {
        let mut table = Table::default();
        table.push(vec![("a".into(), Cell::Whole(1)), ("b".into(), Cell::Number(0.5))]);
        table.push(vec![("c".into(), Cell::Text("x".into())), ("a".into(), Cell::Number(f64::NAN))]);
        let text = String::from_utf8(table.csv().unwrap().into_inner().unwrap()).unwrap();
        assert_eq!(text, "a,b,c\n1,0.5,\nnan,,x\n");
        let kinds: Vec<_> = table.columns.iter().map(Column::kind).collect();
        assert_eq!(kinds, [Kind::Number, Kind::Number, Kind::Text]);
        table.first(|name| name == "c");
        assert_eq!(table.columns[0].name, "c");
    }

    #[test]
    fn words_for_numbers_are_numbers() {
        assert_eq!(Cell::new(&"inf".into()).and_then(|c| c.number()), Some(f64::INFINITY));
        assert_eq!(Cell::new(&"infinite".into()), Some(Cell::Text("infinite".into())));
        assert_eq!(Cell::new(&3.into()), Some(Cell::Whole(3)));
        assert_eq!(Cell::new(&Json::Array(vec![])), None);
    }
}
