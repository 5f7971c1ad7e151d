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
        let marks = "^".repeat(characters(start..end).max(1));
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        // A tab is as wide as it likes.
        let text = text.replace('\t', " ");
        (line, format!(" {number} | {text}\n {margin} | {}{marks}", " ".repeat(column)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
