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
use crate::test_rows::TestRows;
use crate::text::Notes;
use crate::{Dataset, Error, Result, Split};
use columns::Columns;
use lines::Lines;
use table::Builder;

/// Reads the rows of a CSV file: inputs F64, targets and test rows as the options say.
pub(crate) fn load(spec: &str, path: &Path, options: &CsvOptions, files: Files<'_>) -> Result<Dataset> {
    let name = path.display().to_string();
    let mut notes = Notes::default();
    let mut table = open(path, files, |reader| start(&name, reader, options, &mut notes))?;
    let rows = table.rows();
    let other = options.test.file().map_or_else(String::new, |path| path.display().to_string());
    // Rows of both files are one table, so that a label is the same class in both.
    if let Some(path) = options.test.file() {
        open(path, files, |reader| go_on(&mut table, &other, reader, options))?;
    }
    let table = table.finish(&name, notes)?;
    let split = Split::at(&name, &name, matrix(table.inputs, table.width)?, table.targets)?;
    let (train, test) = match &options.test {
        TestRows::File(_) => split.divide(|row| row >= rows).map(|(train, test)| (train, Some(test)))?,
        test => test.divide(&name, split)?,
    };
    Ok(Dataset::new(spec, train, test)?.with_notes(table.notes))
}

/// Calls `read` with the content of a file, gunzipped if it is gzipped.
fn open<T>(path: &Path, files: Files<'_>, read: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
    let (file, length) = files.open(path)?;
    let name = path.display().to_string();
    let (reader, room) = unpacked(file, length, &name)?;
    // One byte more than there may be shows whether there are more.
    let mut reader = reader.take(room.saturating_add(1));
    let found = read(&mut reader);
    if reader.limit() == 0 {
        let expected = format!("at most {room} bytes in a gzipped file of {length}");
        return Err(Error::format(name, expected, "more (gunzip it first if they are sound)"));
    }
    found
}

/// Reads a table; `file` goes into errors and notes.
pub(crate) fn read(file: &str, mut reader: impl Read, options: &CsvOptions) -> Result<Table> {
    let mut notes = Notes::default();
    start(file, &mut reader, options, &mut notes)?.finish(file, notes)
}

/// Reads the rows of the file that says what the columns are.
fn start<'a>(
    file: &'a str,
    reader: &mut dyn Read,
    options: &'a CsvOptions,
    notes: &mut Notes,
) -> Result<Builder<'a>> {
    let mut lines = Lines::new(file, reader)?;
    let first = lines.window()?;
    let header = header::decide(file, &first, options, notes)?;
    let skipped = usize::from(header.is_some());
    let width = first[0].fields.len();
    let columns = Columns::new(file, header, width, options, notes)?;
    let mut table = Builder::new(file, columns, options);
    table.push_all(first, skipped, lines)?;
    Ok(table)
}

/// Reads the rows of a further file, whose columns have to be the same.
fn go_on<'a>(
    table: &mut Builder<'a>,
    file: &'a str,
    reader: &mut dyn Read,
    options: &CsvOptions,
) -> Result<()> {
    let mut lines = Lines::new(file, reader)?;
    let first = lines.window()?;
    let header = header::decide(file, &first, options, &mut Notes::default())?;
    let skipped = usize::from(header.is_some());
    table.next_file(file, header.as_deref())?;
    table.push_all(first, skipped, lines)
}
