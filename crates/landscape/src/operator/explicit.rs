//! The matrix of an operator.

use collado_risk::Progress;
use faer::Mat;
use tracing::info_span;

use super::LinearOperator;
use crate::{Error, Result};

/// Number of vectors in one call of the operator.
const BLOCK: usize = 32;

/// The symmetrised matrix of an operator, and its largest asymmetry $\max|A_{ij}-A_{ji}|$, which is rounding if the
/// operator is symmetric. `progress` is told the share of the columns that are done.
///
/// # Errors
/// The errors of the operator, and [`Error::Interrupted`] when `progress` stops it.
pub fn explicit(operator: &dyn LinearOperator, progress: &mut dyn Progress) -> Result<(Mat<f64>, f64)> {
    let s = operator.size();
    let _span = info_span!("matrix", size = s).entered();
    let mut matrix = Mat::<f64>::zeros(s, s);
    for from in (0..s).step_by(BLOCK) {
        let count = BLOCK.min(s - from);
        let mut vectors = vec![0.; count * s];
        (0..count).for_each(|b| vectors[b * s + from + b] = 1.);
        let mut products = vec![0.; count * s];
        operator.apply(&vectors, &mut products)?;
        for (b, product) in products.chunks_exact(s).enumerate() {
            product.iter().enumerate().for_each(|(i, x)| matrix[(i, from + b)] = *x);
        }
        if progress.update((from + count) as f64 / s as f64).is_break() {
            return Err(Error::Interrupted);
        }
    }
    let mut asymmetry = 0.0_f64;
    for j in 0..s {
        for i in 0..j {
            let (a, b) = (matrix[(i, j)], matrix[(j, i)]);
            // NaN stays: `max` would drop it.
            asymmetry = if (a - b).abs() <= asymmetry { asymmetry } else { (a - b).abs() };
            matrix[(i, j)] = f64::midpoint(a, b);
            matrix[(j, i)] = matrix[(i, j)];
        }
    }
    Ok((matrix, asymmetry))
}
