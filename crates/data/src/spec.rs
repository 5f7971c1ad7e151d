//! `--data` strings.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::csv::CsvOptions;
use crate::options::{Options, spec_error};
use crate::synthetic::Synthetic;
use crate::{Dataset, Error, Result};

/// What may stand before the first `:`.
const SCHEMES: &str =
    "digits, mnist:DIR, csv:FILE?target=COL, npz:FILE, safetensors:FILE or synthetic:NAME?key=value";

/// A `--data` string whose scheme, names and options are understood; its files have not been looked at.
///
/// * `digits`
/// * `mnist:DIR`
/// * `csv:FILE`, `csv:FILE?target=COL[,COL…]&task=classes|regress&test-every=K`: COL is a column name or an
///   index from 0 (negative: from the end), by default the last column. Without `task`, one target column of
///   integers without `.` or exponent is class labels and everything else is regression. Rows whose index is
///   a multiple of K become the test split.
/// * `npz:FILE`, `safetensors:FILE`
/// * `synthetic:NAME?key=value&…`: see [`synthetic_tasks`](crate::synthetic_tasks).
#[derive(Debug, Clone)]
pub struct Spec {
    text: String,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Digits,
    Mnist(PathBuf),
    Csv(PathBuf, CsvOptions),
    Npz(PathBuf),
    Safetensors(PathBuf),
    Synthetic(Synthetic),
}

impl Spec {
    /// Reads the data set.
    ///
    /// # Errors
    /// Whatever is wrong with its files.
    pub fn load(&self) -> Result<Dataset> {
        match &self.source {
            Source::Digits => crate::digits(),
            Source::Mnist(folder) => crate::idx::mnist(&self.text, folder),
            Source::Csv(file, options) => crate::csv::load(&self.text, file, options),
            Source::Npz(file) => crate::npz::load(&self.text, file),
            Source::Safetensors(file) => crate::safetensors::load(&self.text, file),
            Source::Synthetic(synthetic) => synthetic.load(&self.text),
        }
    }
}

impl FromStr for Spec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let path = |path: &str, what: &str| match path {
            "" => Err(spec_error(text, scheme, what, "")),
            path => Ok(PathBuf::from(path)),
        };
        let source = match scheme {
            "digits" if text == scheme => Source::Digits,
            "digits" => return Err(spec_error(text, scheme, "nothing after it", rest)),
            "mnist" => Source::Mnist(path(rest, "a folder with the four IDX files")?),
            "npz" => Source::Npz(path(rest, "a file")?),
            "safetensors" => Source::Safetensors(path(rest, "a file")?),
            "csv" => {
                let (file, options) = split_options(rest);
                Source::Csv(path(file, "a file")?, CsvOptions::parse(&Options::parse(text, options)?)?)
            }
            "synthetic" => {
                let (name, options) = rest.split_once('?').unwrap_or((rest, ""));
                Source::Synthetic(Synthetic::parse(name, &Options::parse(text, options)?)?)
            }
            _ => return Err(spec_error(text, "scheme", SCHEMES, scheme)),
        };
        Ok(Self { text: text.to_owned(), source })
    }
}

/// File and options; a `?` that no `=` follows belongs to the file's name.
fn split_options(rest: &str) -> (&str, &str) {
    match rest.rsplit_once('?') {
        Some((file, options)) if options.contains('=') => (file, options),
        _ => (rest, ""),
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads the data set named by a `--data` string.
///
/// # Errors
/// A string that [`Spec`] does not know, or whatever is wrong with the files it names.
pub fn load(spec: &str) -> Result<Dataset> {
    spec.parse::<Spec>()?.load()
}
