//! A text with its name, of which a place can be shown.

use std::{fmt, ops::Range};

use crate::failure::Failure;

pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    /// The failure that names the file and the line, and underlines the place.
    pub(super) fn refuse(&self, span: &Range<usize>, message: impl fmt::Display) -> Failure {
        let (line, excerpt) = self.show(span);
        Failure::usage(message).at(format!("{}:{line}", self.name)).excerpt(excerpt)
    }

    /// The number of the line where the span begins, and the line with the place underlined.
    pub(super) fn show(&self, span: &Range<usize>) -> (usize, String) {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or(&self.text);
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let text = self.text[begin..].lines().next().unwrap_or_default();
        let characters = |range: Range<usize>| self.text.get(range).map_or(0, |part| part.chars().count());
        let column = characters(begin..start);
        let end = span.end.min(begin + text.len()).max(start);
        let (column, text) = around(text, column);
        let marks =
            "^".repeat(characters(start..end).min(text.chars().count().saturating_sub(column)).max(1));
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        (line, format!(" {number} | {text}\n {margin} | {}{marks}", " ".repeat(column)))
    }
}

/// The largest number of characters of a line that are shown.
const WIDTH: usize = 100;

/// The part of a line around a column, and the column there.
fn around(line: &str, column: usize) -> (usize, String) {
    // A tab is as wide as it likes.
    let line: Vec<char> = line.chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    let from = column.saturating_sub(WIDTH / 2).min(line.len().saturating_sub(WIDTH));
    let to = line.len().min(from + WIDTH);
    let cut = |cut| if cut { "…" } else { "" };
    let text: String = line[from..to].iter().collect();
    (column - from + usize::from(from > 0), format!("{}{text}{}", cut(from > 0), cut(to < line.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_shown_around_the_place() {
        let source = Source { name: "f".into(), text: format!("{}here{}", "a".repeat(300), "b".repeat(300)) };
        let (line, shown) = source.show(&(300..304));
        let rows: Vec<Vec<char>> = shown.lines().map(|row| row.chars().collect()).collect();
        assert_eq!((line, rows[0].len()), (1, WIDTH + 7));
        let marked: String =
            rows[0].iter().zip(&rows[1]).filter(|(_, mark)| **mark == '^').map(|(c, _)| c).collect();
        assert_eq!(marked, "here");
        let (_, all) = source.show(&(0..604));
        assert!(all.lines().all(|row| row.chars().count() <= WIDTH + 7), "{all}");
    }

    #[test]
    fn places_are_underlined_by_characters() {
        let source = Source { name: "f".into(), text: "a = 1\nné = \"x\"\n\tb".into() };
        assert_eq!(source.show(&(0..1)), (1, " 1 | a = 1\n   | ^".into()));
        let at = source.text.find("\"x\"").unwrap();
        assert_eq!(source.show(&(at..at + 3)), (2, " 2 | né = \"x\"\n   |      ^^^".into()));
        // To the end of the line at most, and never outside of the text.
        assert_eq!(source.show(&(at..at + 5)).1, source.show(&(at..at + 3)).1);
        let end = source.text.len();
        assert_eq!(source.show(&(end..end + 9)), (3, " 3 |  b\n   |   ^".into()));
    }
}
