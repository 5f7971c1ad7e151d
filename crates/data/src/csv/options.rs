//! Which columns of a CSV file are targets, and of what kind.

use std::str::FromStr;

use crate::csv::Table;
use crate::options::Options;
use crate::{Error, Result};

/// `target`, `task` and `test-every` of a `csv:` string.
#[derive(Debug, Clone)]
pub(crate) struct CsvOptions {
    targets: Vec<String>,
    pub(crate) task: Task,
    pub(crate) test_every: Option<usize>,
}

/// What the targets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Class labels if the text of the one target column is integers.
    Guess,
    Classes,
    Regress,
}

impl FromStr for Task {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        match text {
            "classes" => Ok(Self::Classes),
            "regress" => Ok(Self::Regress),
            _ => Err(()),
        }
    }
}

impl CsvOptions {
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        let targets: Vec<String> =
            options.text("target").unwrap_or("-1").split(',').map(str::to_owned).collect();
        let task = options.value("task", Task::Guess, "classes or regress", |_| true)?;
        if task == Task::Classes && targets.len() > 1 {
            return Err(options.error("target", "one column of class labels", &targets.join(",")));
        }
        let test_every = options.value("test-every", 0, "an integer of at least 2", |&k: &usize| k >= 2)?;
        options.finish()?;
        Ok(Self { targets, task, test_every: (test_every > 0).then_some(test_every) })
    }

    /// The target columns of a table, each once.
    pub(crate) fn columns(&self, file: &str, table: &Table) -> Result<Vec<usize>> {
        let mut columns = Vec::with_capacity(self.targets.len());
        for name in &self.targets {
            let column = column(file, table, name)?;
            if columns.contains(&column) {
                return Err(Error::format(file, "different target columns", format!("'{name}' twice")));
            }
            columns.push(column);
        }
        Ok(columns)
    }
}

/// A column by its name or, where no column is called so, by its index.
fn column(file: &str, table: &Table, name: &str) -> Result<usize> {
    if let Some(column) = table.header.iter().flatten().position(|column| column == name) {
        return Ok(column);
    }
    let index = name.parse::<isize>().ok().and_then(|index| match index {
        0.. => usize::try_from(index).ok(),
        _ => table.width.checked_sub(index.unsigned_abs()),
    });
    index.filter(|&index| index < table.width).ok_or_else(|| {
        let names =
            table.header.as_ref().map_or_else(|| "no header".to_owned(), |names| clip(&names.join(", ")));
        let expected = format!("a target column '{name}'");
        Error::format(file, expected, format!("{} columns ({names})", table.width))
    })
}

/// Column names short enough for a message.
fn clip(names: &str) -> String {
    const LENGTH: usize = 100;
    let mut text: String = names.chars().take(LENGTH).collect();
    if text.len() < names.len() {
        text.push('…');
    }
    text
}
