//! The kinds of fields that a table may hold: numbers, missing values and words.

/// Texts that stand for a missing value, in lower case: those of pandas, and a few of other programs.
const GAPS: [&str; 10] = ["", "?", "-", ".", "na", "n/a", "<na>", "nan", "null", "none"];

/// The kind of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number, finite or not.
    Number,
    /// A missing value.
    Gap,
    /// Anything else.
    Word,
}

impl Kind {
    /// The kind of a field without spaces around it.
    pub(crate) fn of(text: &str) -> Self {
        if is_gap(text) {
            Self::Gap
        } else if text.parse::<f64>().is_ok() {
            Self::Number
        } else {
            Self::Word
        }
    }
}

/// Whether a field stands for a missing value.
pub(crate) fn is_gap(text: &str) -> bool {
    text.len() <= 4 && GAPS.contains(&text.to_ascii_lowercase().as_str())
}

/// The number that a field holds, if it is finite.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Whether a number is written without `.` and exponent.
pub(crate) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
