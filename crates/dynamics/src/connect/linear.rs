use candle_core::Tensor;

use super::search::{Connect, Connection, Search};
use crate::Result;
use collado_risk::Path;

/// The straight line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linear;

impl Connect for Linear {
    fn find(&self, a: &Tensor, b: &Tensor, _: &mut Search<'_>) -> Result<Connection> {
        Ok(Path::segment(a, b)?.into())
    }
}
