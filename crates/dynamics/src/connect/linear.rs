use candle_core::Tensor;

use super::{Connect, Search};
use crate::Result;
use collado_risk::Path;

/// The straight line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linear;

impl Connect for Linear {
    fn connect(&self, a: &Tensor, b: &Tensor, _: &mut Search<'_>) -> Result<Path> {
        Ok(Path::segment(a, b)?)
    }
}
