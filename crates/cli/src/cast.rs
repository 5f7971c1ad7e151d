//! Conversion of numbers from files to the type that is computed in.

use std::path::Path;

use candle_core::{DType, Tensor};
use collado_models::{Arch, Entry, with_slice};

use crate::failure::Failure;

/// Converts the parameters `[S]` or `[V, S]` that `file` holds to `dtype`.
///
/// # Errors
/// When a number is too large for the type; the message names it.
pub(crate) fn parameters(theta: &Tensor, dtype: DType, arch: &Arch, file: &Path) -> Result<Tensor, Failure> {
    check(theta, dtype, |flat| {
        let layout = arch.layout();
        let place = flat % layout.len();
        let holds = |e: &&Entry| (e.offset..e.offset + e.len()).contains(&place);
        let name = layout.entries().iter().find(holds).map_or("", |e| e.name.as_str());
        format!("{}: tensor '{name}'", file.display())
    })?;
    Ok(theta.to_dtype(dtype)?)
}

/// Checks that the inputs `[N, n0]` of the data `spec` are not too large for `dtype`; the message names one that is.
pub(crate) fn check_inputs(values: &Tensor, dtype: DType, spec: &str) -> Result<(), Failure> {
    let columns = values.dims2()?.1;
    check(values, dtype, |flat| format!("{spec}: input {} of row {}", flat % columns, flat / columns))
}

fn check(values: &Tensor, dtype: DType, place: impl Fn(usize) -> String) -> Result<(), Failure> {
    if values.dtype() == DType::F64 && dtype == DType::F32 {
        let large = with_slice::<f64, _, Failure>(values, |numbers| {
            Ok(numbers.iter().position(|&x| (x as f32).is_infinite()).map(|i| (i, numbers[i])))
        })?;
        if let Some((i, x)) = large {
            let message = format!("{}: expected numbers of the type f32, found {x:e}", place(i));
            return Err(Failure::new(message).hint("--dtype f64 computes with larger ones"));
        }
    }
    Ok(())
}
