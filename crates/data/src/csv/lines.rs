//! Reads the lines of a CSV file and splits them into fields.

use std::io::{BufRead, BufReader, Read};

use csv::{Reader, ReaderBuilder, StringRecord};

use crate::bytes::io_error;
use crate::{Error, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The number of lines that are examined to recognise a header.
const WINDOW: usize = 1000;
/// The examined lines end earlier when they reach this many bytes.
const WINDOW_BYTES: usize = 1 << 20;

/// The fields of a line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) fields: StringRecord,
    /// Whether each of its fields is quoted; looked up for the first two lines only.
    pub(crate) quoted: bool,
}

impl Line {
    /// The fields without spaces around them.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(str::trim)
    }

    /// One field without spaces around it.
    pub(crate) fn text(&self, column: usize) -> Option<&str> {
        self.fields.get(column).map(str::trim)
    }

    /// The number of the line, counted from 1.
    pub(crate) fn number(&self) -> u64 {
        self.fields.position().expect("the line was read from a file").line()
    }
}

/// Reads a file line by line.
pub(crate) struct Lines<'a, R> {
    file: &'a str,
    reader: Reader<BufReader<R>>,
    /// For the first and the second line, whether all their fields are quoted.
    quoted: [bool; 2],
    line: Line,
}

impl<'a, R: Read> Lines<'a, R> {
    /// Finds the separator, and skips a byte order mark.
    pub(crate) fn new(file: &'a str, reader: R) -> Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, reader);
        let (separator, quoted) = start(&mut reader).map_err(|source| io_error(file, source))?;
        let mut builder = ReaderBuilder::new();
        let reader = builder.has_headers(false).flexible(true).delimiter(separator).from_reader(reader);
        Ok(Self { file, reader, quoted, line: Line::default() })
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Result<Option<&Line>> {
        let more =
            self.reader.read_record(&mut self.line.fields).map_err(|error| csv_error(self.file, error))?;
        Ok(more.then_some(&self.line))
    }

    /// The first lines of the file, which are examined together to recognise a header.
    pub(crate) fn window(&mut self) -> Result<Vec<Line>> {
        let (mut lines, mut bytes) = (Vec::<Line>::new(), 0);
        while lines.len() < 2 || (lines.len() < WINDOW && bytes < WINDOW_BYTES) {
            let Some(line) = self.next()? else { break };
            bytes += line.fields.as_slice().len() + 32 * line.fields.len();
            let line = line.clone();
            let quoted = self.quoted.get(lines.len()).copied().unwrap_or(false);
            lines.push(Line { quoted, ..line });
        }
        Ok(lines)
    }
}

/// The most frequent of the three separators on the first line, `,` if in doubt; and of the first two lines, whether
/// all their fields are quoted.
fn start(reader: &mut BufReader<impl Read>) -> std::io::Result<(u8, [bool; 2])> {
    if reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    let start = reader.fill_buf()?;
    let mut lines = start.split(|&byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty());
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    // Every other piece between quotes is quoted text.
    let unquoted = || first.split(|&byte| byte == b'"').step_by(2).flatten();
    let count = |separator: u8| unquoted().filter(|&&byte| byte == separator).count();
    // `max_by_key` keeps the last of equals.
    let separator =
        [b'\t', b';', b','].into_iter().max_by_key(|&separator| count(separator)).expect("three separators");
    let quoted = |line: &[u8]| {
        line.split(|&byte| byte == separator).all(|field| field.trim_ascii().starts_with(b"\""))
    };
    Ok((separator, [quoted(first), quoted(second)]))
}

fn csv_error(file: &str, error: csv::Error) -> Error {
    let line = error.position().map_or_else(String::new, |position| format!(": line {}", position.line()));
    match error.into_kind() {
        csv::ErrorKind::Io(source) => io_error(file, source),
        csv::ErrorKind::Utf8 { .. } => Error::format(format!("{file}{line}"), "UTF-8 text", "other bytes"),
        other => Error::format(format!("{file}{line}"), "CSV", format!("{other:?}")),
    }
}
