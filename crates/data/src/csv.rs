//! CSV files: tables whose target is one or more columns of numbers, or one column of class labels in words.

mod columns;
mod field;
mod header;
mod lines;
mod options;
mod table;
mod target;

use std::io::Read;
use std::path::Path;

pub(crate) use field::is_gap;
pub(crate) use options::CsvOptions;
pub(crate) use table::Table;
pub(crate) use target::WORD;

use crate::array::matrix;
use crate::bytes::unpacked;
use crate::files::Files;
use crate::text::Notes;
use crate::{Dataset, Error, Result, Split};
use columns::Columns;
use lines::Lines;

/// Reads the rows of a CSV file: inputs F64, targets and test rows as the options say.
pub(crate) fn load(spec: &str, path: &Path, options: &CsvOptions, files: Files<'_>) -> Result<Dataset> {
    let (file, length) = files.open(path)?;
    let name = path.display().to_string();
    let (reader, room) = unpacked(file, length, &name)?;
    // One byte more than there may be shows whether there are more.
    let mut reader = reader.take(room.saturating_add(1));
    let table = read(&name, &mut reader, options);
    if reader.limit() == 0 {
        let expected = format!("at most {room} bytes in a gzipped file of {length}");
        return Err(Error::format(name, expected, "more (gunzip it first if they are sound)"));
    }
    let table = table?;
    let split = Split::at(&name, &name, matrix(table.inputs, table.width)?, table.targets)?;
    let (train, test) = match options.test_every {
        None => (split, None),
        Some(_) if split.len() < 2 => return Err(Error::format(name, "at least 2 rows to split", "1")),
        Some(k) => split.every(k).map(|(train, test)| (train, Some(test)))?,
    };
    Ok(Dataset::new(spec, train, test)?.with_notes(table.notes))
}

/// Reads a table; `file` goes into errors and notes.
pub(crate) fn read(file: &str, reader: impl Read, options: &CsvOptions) -> Result<Table> {
    let mut lines = Lines::new(file, reader)?;
    let first = lines.window()?;
    let mut notes = Notes::default();
    let header = header::decide(file, &first, options, &mut notes)?;
    let skipped = usize::from(header.is_some());
    let width = first[0].fields.len();
    let columns = Columns::new(file, header, width, options, &mut notes)?;
    let mut table = table::Builder::new(file, columns, options);
    for line in first.iter().skip(skipped) {
        table.push(line)?;
    }
    drop(first);
    while let Some(line) = lines.next()? {
        table.push(line)?;
    }
    table.finish(notes)
}
