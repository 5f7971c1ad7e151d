//! Preparation of text from files for display.

use std::borrow::Cow;

/// Text with its control characters, and those that turn the direction of writing, escaped: a name in a file must not
/// reach the terminal as a command.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_unfit(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The notes about a data set that are shown to the user.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) lines: Vec<String>,
    /// Whether the labels that are there decide which class is which.
    pub(crate) classes_inferred: bool,
}

impl Notes {
    pub(crate) fn push(&mut self, line: String) {
        self.lines.push(line);
    }
}

/// The beginning of a text, short enough for a message.
pub(crate) fn clip(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The first few of many names, for a message.
pub(crate) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    const LISTED: usize = 8;
    let mut names = names.into_iter();
    let first: Vec<String> = names.by_ref().take(LISTED).map(|name| clip(name.as_ref(), 40)).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    if first.is_empty() { "none".to_owned() } else { format!("{}{more}", first.join(", ")) }
}
