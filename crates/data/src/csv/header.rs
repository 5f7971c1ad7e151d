//! Decides whether the first line of a table is a header, by the rules that are documented at [`Spec`](crate::Spec).

use super::field::{Kind, is_integer};
use super::lines::Line;
use super::options::CsvOptions;
use crate::text::{Notes, clip, listed};
use crate::{Error, Result};

/// This many fields that count 0, 1, 2, … are not taken for a row of data.
const MANY: usize = 4;

/// The kind of the first line and the reason for it, or the reason why it cannot be decided.
type Verdict = std::result::Result<(FirstLine, &'static str), &'static str>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstLine {
    Header,
    Row,
}

/// The names of the columns, if the first line is a header by what the options say, or else by the rule.
pub(crate) fn decide(
    file: &str,
    lines: &[Line],
    options: &CsvOptions,
    notes: &mut Notes,
) -> Result<Option<Vec<String>>> {
    let Some((first, below)) = lines.split_first() else {
        return Err(Error::format(file, "at least 1 row", "an empty file"));
    };
    let names = || first.texts().map(str::to_owned).collect::<Vec<_>>();
    if let Some(header) = options.header {
        return Ok(header.then(names));
    }
    let (is, why) = infer(first, below, options).map_err(|why| Error::Header {
        file: file.to_owned(),
        why,
        found: clip(&listed(first.texts()), 100),
    })?;
    let what = if is == FirstLine::Header { "header" } else { "row" };
    notes.push(format!("{file}: the first line is taken as a {what}: {why} (header=true|false says it)"));
    Ok((is == FirstLine::Header).then(names))
}

fn infer(first: &Line, below: &[Line], options: &CsvOptions) -> Verdict {
    let asked =
        |text: &str| options.names().any(|name| name == text && !options.is_index(name, first.fields.len()));
    if first.texts().any(|text| !text.is_empty() && asked(text)) {
        return Ok((FirstLine::Header, "it has a name that is asked for"));
    }
    let has = |kind| first.texts().any(|text| Kind::of(text) == kind);
    match (has(Kind::Word), has(Kind::Number)) {
        (true, true) => mixed(first, below),
        (true, false) if has(Kind::Gap) && recurs(first, below) => {
            Err("a row with gaps, or names and empty ones")
        }
        (true, false) => Ok((FirstLine::Header, "it has no numbers")),
        (false, _) => numbers(first, below),
    }
}

/// Decides on a first line of numbers, perhaps with missing values.
fn numbers(first: &Line, below: &[Line]) -> Verdict {
    let index = first.text(0) == Some("");
    let counts =
        |texts: &mut dyn Iterator<Item = &str>| texts.enumerate().all(|(i, text)| text == i.to_string());
    let skip = usize::from(index);
    let count = first.fields.len() - skip;
    if count > 0 && counts(&mut first.texts().skip(skip)) {
        if index || count >= MANY || points(below, first.fields.len()) {
            return Ok((FirstLine::Header, "it counts 0, 1, 2, …"));
        }
        return Err("a row, or names that count 0, 1, 2, …");
    }
    if first.texts().any(|text| Kind::of(text) == Kind::Gap) {
        return Ok((FirstLine::Row, "it has gaps and no words"));
    }
    if first.quoted && below.first().is_some_and(|line| !line.quoted) {
        return Ok((FirstLine::Header, "its numbers are quoted, those below are not"));
    }
    Ok((FirstLine::Row, "its fields are numbers"))
}

/// Decides on a first line of words and numbers, perhaps with missing values.
fn mixed(first: &Line, below: &[Line]) -> Verdict {
    let falls = (0..first.fields.len()).any(|column| {
        let kind = |line: &Line| line.text(column).map(Kind::of);
        let mut kinds = below.iter().filter_map(kind).filter(|&kind| kind != Kind::Gap).peekable();
        kind(first) == Some(Kind::Word) && kinds.peek().is_some() && kinds.all(|kind| kind == Kind::Number)
    });
    let mut numbers: Vec<&str> = first.texts().filter(|text| Kind::of(text) == Kind::Number).collect();
    let whole = numbers.iter().all(|text| is_integer(text));
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    match (falls, recurs(first, below)) {
        (true, false) if whole && numbers.len() == count => {
            Ok((FirstLine::Header, "a column has a word in it and numbers below"))
        }
        (false, true) => Ok((FirstLine::Row, "its words stand among the values below")),
        _ => Err("words and numbers"),
    }
}

/// Whether a word of the first line occurs again below it in its column.
fn recurs(first: &Line, below: &[Line]) -> bool {
    first
        .texts()
        .enumerate()
        .filter(|(_, text)| Kind::of(text) == Kind::Word)
        .any(|(column, word)| below.iter().any(|line| line.text(column) == Some(word)))
}

/// Whether some column has numbers below, all of them with a decimal point or an exponent.
fn points(below: &[Line], width: usize) -> bool {
    let pointed = |line: &Line, column| {
        line.text(column).is_some_and(|text| Kind::of(text) == Kind::Number && !is_integer(text))
    };
    !below.is_empty() && (0..width).any(|column| below.iter().all(|line| pointed(line, column)))
}
