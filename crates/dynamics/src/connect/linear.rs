//! The straight line between two points.

use candle_core::Tensor;

use super::search::{Connect, Connection, Search};
use crate::Result;
use collado_risk::Path;

/// Connects two points by the straight line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linear;

impl Connect for Linear {
    fn find(&self, a: &Tensor, b: &Tensor, _: &mut Search<'_>) -> Result<Connection> {
        Ok(Path::segment(a, b)?.into())
    }
}
