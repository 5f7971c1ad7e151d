//! The options `key=value&key=value` after the `?` in the name of a data set.

use std::cell::RefCell;
use std::str::FromStr;

use crate::{Error, Result};

/// The options of one string. Every lookup is remembered, so that [`Options::finish`] can refuse unknown options and
/// name the known ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    spec: String,
    pairs: Vec<(String, String)>,
    known: RefCell<Vec<&'static str>>,
}

impl Options {
    /// Splits `text` (without the `?`) of the string `spec`.
    pub(crate) fn parse(spec: &str, text: &str) -> Result<Self> {
        let mut options = Self { spec: spec.to_owned(), ..Self::default() };
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=') else {
                return Err(options.error("option", "key=value", part));
            };
            if options.pairs.iter().any(|(known, _)| known == key) {
                return Err(options.error(key, "one value", "several"));
            }
            options.pairs.push((key.to_owned(), value.to_owned()));
        }
        Ok(options)
    }

    /// The text of an option, if given.
    pub(crate) fn text(&self, key: &'static str) -> Option<&str> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Whether an option is given, without saying that it is known.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == key)
    }

    /// The value of an option, for which `accept` must hold, or the default.
    pub(crate) fn value<T: FromStr>(
        &self,
        key: &'static str,
        default: T,
        expected: &str,
        accept: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let Some(text) = self.text(key) else { return Ok(default) };
        text.parse().ok().filter(accept).ok_or_else(|| self.error(key, expected, text))
    }

    /// An option that is an integer from 1 to 2^24: enough for any row count, and small enough to be multiplied.
    pub(crate) fn count(&self, key: &'static str, default: usize) -> Result<usize> {
        self.value(key, default, "an integer from 1 to 16777216", |n| (1..=1 << 24).contains(n))
    }

    /// An option that is a finite number and not negative.
    pub(crate) fn size(&self, key: &'static str, default: f64) -> Result<f64> {
        self.value(key, default, "a finite number >= 0", |x: &f64| x.is_finite() && *x >= 0.0)
    }

    /// Refuses options that no lookup asked for.
    pub(crate) fn finish(&self) -> Result<()> {
        let known = self.known.borrow();
        match self.pairs.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, _)) => Err(self.error("option", known.join(", "), key)),
        }
    }

    /// An error about one part of the string.
    pub(crate) fn error(&self, what: &str, expected: impl Into<String>, found: &str) -> Error {
        spec_error(&self.spec, what, expected, found)
    }
}

/// Makes an [`Error::Spec`].
pub(crate) fn spec_error(spec: &str, what: &str, expected: impl Into<String>, found: &str) -> Error {
    let (spec, found) = (spec.to_owned(), format!("'{found}'"));
    Error::Spec { spec, what: what.to_owned(), expected: expected.into(), found }
}
