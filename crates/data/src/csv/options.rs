//! The options of a `csv:` string: target columns, columns to leave out, and the way in which the file is read.

use crate::Result;
use crate::labels::{LabelsFrom, Task};
use crate::options::Options;
use crate::test_rows::TestRows;

/// The options that may follow the `?` of a `csv:` string.
#[derive(Debug, Clone)]
pub(crate) struct CsvOptions {
    /// Names or indices of the target columns.
    pub(super) targets: Vec<String>,
    /// Names or indices of columns that are left out.
    pub(super) drop: Vec<String>,
    /// Whether the first line is a header, where the option states it.
    pub(super) header: Option<bool>,
    pub(super) task: Task,
    pub(super) labels_from: LabelsFrom,
    pub(super) test: TestRows,
}

impl CsvOptions {
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let targets = list(options.text("target").unwrap_or("-1"));
        let drop = options.text("drop").map(list).unwrap_or_default();
        let header = match options.text("header") {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(other) => return Err(options.error("header", "true or false", other)),
        };
        let (task, labels_from) = (Task::parse(options)?, LabelsFrom::parse(options)?);
        if task == Task::Classes && targets.len() > 1 {
            return Err(options.error("target", "one column of class labels", &targets.join(",")));
        }
        if task == Task::Tokens && targets.len() < 2 {
            return Err(options.error(
                "target",
                "several columns, one for each position",
                &targets.join(","),
            ));
        }
        let test = TestRows::parse(options, true)?;
        options.finish()?;
        Ok(Self { targets, drop, header, task, labels_from, test })
    }

    /// Rows without a header, the last column of each a class label.
    pub(crate) fn rows_of_labels() -> Self {
        Self {
            targets: vec!["-1".to_owned()],
            drop: Vec::new(),
            header: Some(false),
            task: Task::Classes,
            labels_from: LabelsFrom::Zero,
            test: TestRows::AsStored,
        }
    }

    /// All columns that are asked for.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().chain(&self.drop).map(String::as_str)
    }

    /// Whether `name` is the index of a column in a table of `width` columns.
    pub(super) fn is_index(&self, name: &str, width: usize) -> bool {
        index(name, width).is_some()
    }
}

/// The column that an index refers to, counted from 0, or from the end where it is negative.
pub(super) fn index(name: &str, width: usize) -> Option<usize> {
    let index: isize = name.parse().ok()?;
    let column = if index < 0 { width.checked_sub(index.unsigned_abs())? } else { index.unsigned_abs() };
    (column < width).then_some(column)
}
