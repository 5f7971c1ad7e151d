use candle_core::Tensor;

use super::{Connect, Search};
use crate::{Path, Result};

/// The straight line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linear;

impl Connect for Linear {
    fn connect(&self, a: &Tensor, b: &Tensor, _: &mut Search<'_>) -> Result<Path> {
        Path::segment(a, b)
    }
}
