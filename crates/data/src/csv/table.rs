//! A CSV file as a matrix.

use std::io::{BufRead, BufReader, Read};

use csv::{ReaderBuilder, StringRecord};

use crate::bytes::io_error;
use crate::{Error, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The numbers of a CSV file, all finite.
pub(crate) struct Table {
    /// Names of the columns, if the first line had any text that is no number.
    pub(crate) header: Option<Vec<String>>,
    /// The number of columns.
    pub(crate) width: usize,
    /// Row after row.
    pub(crate) values: Vec<f64>,
    /// Per column, whether all its texts are integers without `.` and exponent.
    pub(crate) integers: Vec<bool>,
}

impl Table {
    /// The name of a column, or its index where there is no header.
    pub(crate) fn name(&self, column: usize) -> String {
        let name = self.header.as_ref().and_then(|names| names.get(column));
        name.cloned().unwrap_or_else(|| column.to_string())
    }

    /// The given columns, row after row.
    pub(crate) fn columns(&self, columns: &[usize]) -> Vec<f64> {
        self.values
            .chunks_exact(self.width)
            .flat_map(|row| columns.iter().map(|&column| row[column]))
            .collect()
    }

    fn push(&mut self, file: &str, record: &StringRecord) -> Result<()> {
        let line = record.position().map_or(0, |position| position.line());
        if record.len() != self.width {
            let (expected, found) = (format!("{} fields", self.width), record.len().to_string());
            return Err(Error::format(format!("{file}: line {line}"), expected, found));
        }
        for (column, text) in record.iter().map(str::trim).enumerate() {
            let Some(value) = text.parse().ok().filter(|value: &f64| value.is_finite()) else {
                let (place, found) = (file.to_owned(), text.chars().take(40).collect());
                return Err(Error::Field { place, line, column: self.name(column), found });
            };
            self.integers[column] &= is_integer(text);
            self.values.push(value);
        }
        Ok(())
    }
}

/// Reads a table; `file` goes into errors.
pub(crate) fn read_table(file: &str, reader: impl Read) -> Result<Table> {
    let mut reader = BufReader::new(reader);
    let delimiter = delimiter(&mut reader).map_err(|source| io_error(file, source))?;
    let mut builder = ReaderBuilder::new();
    let mut records = builder.has_headers(false).flexible(true).delimiter(delimiter).from_reader(reader);
    let mut record = StringRecord::new();
    let mut table: Option<Table> = None;
    while records.read_record(&mut record).map_err(|error| csv_error(file, error))? {
        match &mut table {
            Some(table) => table.push(file, &record)?,
            None => table = Some(first_line(file, &record)?),
        }
    }
    match table {
        Some(table) if !table.values.is_empty() => Ok(table),
        Some(_) => Err(Error::format(file, "at least 1 row", "a header only")),
        None => Err(Error::format(file, "at least 1 row", "an empty file")),
    }
}

/// A table with the first line as header or as row.
fn first_line(file: &str, record: &StringRecord) -> Result<Table> {
    let mut fields = record.iter().map(str::trim);
    let width = record.len();
    let is_header = fields.any(|text| !text.is_empty() && text.parse::<f64>().is_err());
    let header = is_header.then(|| record.iter().map(|name| name.trim().to_owned()).collect());
    let mut table = Table { header, width, values: Vec::new(), integers: vec![true; width] };
    if !is_header {
        table.push(file, record)?;
    }
    Ok(table)
}

/// The most frequent of the three separators on the first line, `,` if in doubt; skips a byte order mark.
fn delimiter(reader: &mut BufReader<impl Read>) -> std::io::Result<u8> {
    if reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    let start = reader.fill_buf()?;
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    // Every other piece between quotes is quoted text.
    let unquoted = || line.split(|&byte| byte == b'"').step_by(2).flatten();
    let count = |separator: u8| unquoted().filter(|&&byte| byte == separator).count();
    // `max_by_key` keeps the last of equals.
    Ok([b'\t', b';', b','].into_iter().max_by_key(|&separator| count(separator)).unwrap_or(b','))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn csv_error(file: &str, error: csv::Error) -> Error {
    let line = error.position().map_or_else(String::new, |position| format!(": line {}", position.line()));
    match error.into_kind() {
        csv::ErrorKind::Io(source) => io_error(file, source),
        csv::ErrorKind::Utf8 { .. } => Error::format(format!("{file}{line}"), "UTF-8 text", "other bytes"),
        other => Error::format(format!("{file}{line}"), "CSV", format!("{other:?}")),
    }
}
