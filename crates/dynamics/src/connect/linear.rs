use candle_core::Tensor;

use super::{Connect, Problem};
use crate::{Path, Result};

/// The straight line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linear;

impl Connect for Linear {
    fn connect(&self, a: &Tensor, b: &Tensor, _: &mut Problem<'_>) -> Result<Path> {
        Path::segment(a, b)
    }
}
