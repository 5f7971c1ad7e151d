//! Rows from arrays called `x`, `y`, `x_test` and `y_test`: the rules `.npz` and `.safetensors` share.
//!
//! `x` `[N, …]` is flattened to `[N, n0]`: F32 from floats of up to 32 bits, F64 from 64-bit floats and
//! integers. Integer `y` `[N]` is class labels, floating-point `y` `[N]` or `[N, q]` real targets. Other
//! arrays are not read.

use candle_core::{DType, Tensor};

use crate::targets::labels;
use crate::{Dataset, Error, Result, Split, Targets};

/// A file of named arrays.
pub(crate) trait Arrays {
    /// The file, for messages.
    fn file(&self) -> &str;
    /// The names in it, for messages.
    fn names(&self) -> Vec<String>;
    /// An array as I64, F32 or F64 without empty dimensions; `place` goes into errors.
    fn array(&mut self, name: &str, place: &str) -> Result<Option<Tensor>>;
}

/// The data set in a file of arrays.
pub(crate) fn load(spec: &str, arrays: &mut impl Arrays) -> Result<Dataset> {
    let train = split(arrays, "x", "y")?;
    let test = split(arrays, "x_test", "y_test")?;
    let Some(mut train) = train else { return Err(missing(arrays, "x")) };
    let Some(mut test) = test else { return Dataset::new(spec, train, None) };
    train.targets.unite(&mut test.targets);
    Dataset::new(spec, train, Some(test))
}

/// One split, or none if the file has neither of its arrays.
fn split(arrays: &mut impl Arrays, x: &str, y: &str) -> Result<Option<Split>> {
    let place = |name: &str| format!("{}: array '{name}'", arrays.file());
    let (x_at, y_at) = (place(x), place(y));
    match (arrays.array(x, &x_at)?, arrays.array(y, &y_at)?) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing(arrays, x)),
        (Some(_), None) => Err(missing(arrays, y)),
        (Some(inputs), Some(values)) => {
            Split::at(&x_at, &y_at, rows(&x_at, inputs)?, targets(&y_at, values)?).map(Some)
        }
    }
}

fn missing(arrays: &impl Arrays, name: &str) -> Error {
    const LISTED: usize = 8;
    let mut names = arrays.names();
    names.sort();
    let more = if names.len() > LISTED { ", …" } else { "" };
    names.truncate(LISTED);
    let found = if names.is_empty() { "none".to_owned() } else { format!("{}{more}", names.join(", ")) };
    Error::MissingArray { file: arrays.file().to_owned(), expected: name.to_owned(), found }
}

/// `[N, …]` as floats `[N, n0]`.
fn rows(place: &str, array: Tensor) -> Result<Tensor> {
    let array = if array.dtype() == DType::I64 { array.to_dtype(DType::F64)? } else { array };
    match array.rank() {
        0 => Err(Error::format(place, "a shape [N, …]", "a single number")),
        1 => Ok(array.unsqueeze(1)?),
        _ => Ok(array.flatten_from(1)?),
    }
}

fn targets(place: &str, array: Tensor) -> Result<Targets> {
    match (array.dtype(), array.rank()) {
        (DType::I64, 1) => Ok(Targets::classes(labels(place, &array.to_vec1()?)?)),
        (DType::I64, _) => {
            Err(Error::format(place, "integer class labels [N]", format!("shape {:?}", array.dims())))
        }
        (_, 1 | 2) => Ok(Targets::Values(rows(place, array.to_dtype(DType::F64)?)?)),
        _ => Err(Error::format(place, "real targets [N] or [N, q]", format!("shape {:?}", array.dims()))),
    }
}
