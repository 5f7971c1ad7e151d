//! Hessian products by central differences, where there are no exact ones.

use candle_core::Tensor;
use collado_landscape::CentralDifference;
use collado_risk::EmpiricalRisk;

use crate::{args::Common, failure::Failure, shown::significant};

/// The step of central differences.
const STEP: f64 = 1e-4;

/// The Hessian by central differences of gradients. A note says why, and how large the error of a product is.
pub(super) fn differences<'a>(
    risk: &'a EmpiricalRisk,
    theta: &Tensor,
    why: &str,
    common: &Common,
) -> Result<CentralDifference<'a>, Failure> {
    let operator = CentralDifference::new(risk, theta, STEP)?;
    let size = theta.elem_count();
    // Any vector along no axis; it has the norm 1.
    let vector: Vec<f64> =
        (0..size).map(|i| if i % 3 == 1 { -1. } else { 1. } / (size as f64).sqrt()).collect();
    let error = operator.apply_with_errors(&vector, &mut vec![0.; size])?[0];
    common.note(format!(
        "Hessian products are central differences of gradients ({why}); the error of a product with a unit vector is \
         about {}",
        significant(error, 2)
    ));
    Ok(operator)
}
