//! Engines that compute an empirical risk and its gradient at many points at once.

mod chain;
mod curvature;
mod tensors;

pub use self::curvature::{CurvatureForm, CurvaturePoint, DenseCurvature};
pub(crate) use self::{chain::Fused, tensors::Tensors};
