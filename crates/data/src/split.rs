//! The rows of one split: inputs with their targets, checked once.

use candle_core::{DType, Device, Tensor};

use crate::array::{NotFinite, first_not_finite, vector};
use crate::{Error, Result, Targets};

/// Rows of inputs and their targets.
#[derive(Debug, Clone)]
pub struct Split {
    /// The inputs `[N, n0]`, in F32 or F64, on the CPU, contiguous and finite.
    pub inputs: Tensor,
    /// The targets of the N rows.
    pub targets: Targets,
}

impl Split {
    /// Checks and joins `inputs` `[N, n0]` (F32 or F64) and `targets` of N rows (values F64 `[N, q]`).
    ///
    /// # Errors
    /// When there is no row or no column, the number type or the number of dimensions is not as above, the numbers of
    /// rows differ, a value is not finite, or a label is not below the class count.
    pub fn new(inputs: Tensor, targets: Targets) -> Result<Self> {
        Self::at("inputs", "targets", inputs, targets)
    }

    /// [`Split::new`] whose errors name the places the two came from.
    pub(crate) fn at(inputs_at: &str, targets_at: &str, inputs: Tensor, targets: Targets) -> Result<Self> {
        let inputs = check_matrix(inputs_at, inputs, &[DType::F32, DType::F64])?;
        let targets = match targets {
            Targets::Values(values) => Targets::Values(check_matrix(targets_at, values, &[DType::F64])?),
            classes => classes,
        };
        let rows = inputs.dim(0)?;
        if targets.len() != rows {
            return Err(row_error(inputs_at, targets_at, rows, targets.len()));
        }
        check_labels(targets_at, &targets)?;
        Ok(Self { inputs, targets })
    }

    /// The number of rows N, at least 1.
    pub fn len(&self) -> usize {
        self.inputs.dims2().expect("inputs are a matrix").0
    }

    /// Whether there is no row; never so for a checked split.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of inputs n0.
    pub fn features(&self) -> usize {
        self.inputs.dims2().expect("inputs are a matrix").1
    }

    /// The given rows, in that order, with the same class count.
    ///
    /// # Errors
    /// When `rows` is empty, or one of them is not below N.
    pub fn select(&self, rows: &[u32]) -> Result<Self> {
        if rows.is_empty() {
            return Err(Error::format("selection of rows", "at least 1 row", "none"));
        }
        let inputs = self.inputs.index_select(&vector(rows.to_vec())?, 0)?;
        Ok(Self { inputs, targets: self.targets.select(rows)? })
    }

    /// Divides the rows into those to train and those to test on, which the function picks by their index.
    pub(crate) fn divide(&self, is_test: impl Fn(usize) -> bool) -> Result<(Self, Self)> {
        let rows = u32::try_from(self.len())
            .map_err(|_| Error::format("rows", format!("at most {}", u32::MAX), self.len().to_string()))?;
        let (test, train): (Vec<u32>, Vec<u32>) = (0..rows).partition(|&row| is_test(row as usize));
        Ok((self.select(&train)?, self.select(&test)?))
    }
}

/// The error that the targets do not have as many rows as the inputs.
pub(crate) fn row_error(inputs_at: &str, targets_at: &str, expected: usize, found: usize) -> Error {
    let like = inputs_at.rsplit(": ").next().unwrap_or(inputs_at).trim_start_matches("array ");
    Error::Rows { place: targets_at.to_owned(), like: like.to_owned(), expected, found }
}

/// Checks that a matrix is finite, not empty and of one of the number types, and makes it contiguous on the CPU.
fn check_matrix(place: &str, matrix: Tensor, dtypes: &[DType]) -> Result<Tensor> {
    let shape_ok = matches!(matrix.dims(), [rows, columns] if *rows > 0 && *columns > 0);
    if !shape_ok {
        let expected = "a shape [rows, columns] with at least 1 of each";
        return Err(Error::format(place, expected, format!("{:?}", matrix.dims())));
    }
    if !dtypes.contains(&matrix.dtype()) {
        let names: Vec<_> = dtypes.iter().map(|dtype| dtype.as_str()).collect();
        return Err(Error::format(place, names.join(" or "), matrix.dtype().as_str()));
    }
    let matrix = matrix.to_device(&Device::Cpu)?.contiguous()?;
    match first_not_finite(&matrix)? {
        None => Ok(matrix),
        Some(NotFinite { row, column, value }) => {
            Err(Error::NotFinite { place: place.to_owned(), row, column, value })
        }
    }
}

fn check_labels(place: &str, targets: &Targets) -> Result<()> {
    let (labels, count, positions) = match targets {
        Targets::Classes { labels, count, names } => {
            if !names.is_empty() && names.len() != *count {
                return Err(Error::format(
                    place,
                    format!("{count} names of classes"),
                    names.len().to_string(),
                ));
            }
            (labels, *count, 1)
        }
        Targets::Tokens { labels, count, positions } => {
            if *positions == 0 || !labels.len().is_multiple_of(*positions) {
                let found = format!("{} classes", labels.len());
                return Err(Error::format(place, format!("{positions} classes a row"), found));
            }
            (labels, *count, *positions)
        }
        Targets::Values(_) => return Ok(()),
    };
    match labels.iter().position(|&label| label as usize >= count) {
        None => Ok(()),
        Some(at) => Err(Error::Label {
            place: place.to_owned(),
            row: at / positions,
            min: 0,
            max: count.saturating_sub(1) as i64,
            found: i64::from(labels[at]),
        }),
    }
}
