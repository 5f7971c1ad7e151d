//! Newton's method on the planted risk, which brings a point close enough to a minimum for a proof.

use crate::Result;
use collado_linalg::Cholesky;
use collado_risk::Planted;
use faer::Mat;

/// The end of Newton's method from a point with positive definite Hessian.
#[derive(Debug, Clone, PartialEq)]
pub struct Polished {
    /// The weights `[n, k]`.
    pub weights: Vec<f64>,
    /// The risk F at these weights.
    pub risk: f64,
    /// The gradient norm $\|\nabla F\|$ at these weights.
    pub gradient_norm: f64,
}

/// Newton's method from `weights` `[n, k]` until $\|\nabla F\|\le$ `tolerance`, at most 12 steps; nothing when a
/// Hessian on the way is not positive definite, the steps leave the ball of radius `reach`, or the tolerance is not
/// reached.
///
/// # Errors
/// When the length is not nk.
pub fn polish(risk: &Planted, weights: &[f64], tolerance: f64, reach: f64) -> Result<Option<Polished>> {
    let (mut w, mut slopes) = (weights.to_vec(), vec![0.; weights.len()]);
    for _ in 0..12 {
        let value = risk.value(&w, &mut slopes)?;
        let hessian = risk.hessian(&w)?;
        let size = w.len();
        let matrix = Mat::from_fn(size, size, |i, j| hessian[i * size + j]);
        let Ok(factor) = Cholesky::new(matrix.as_ref()) else { return Ok(None) };
        let gradient_norm = norm(&slopes);
        if gradient_norm <= tolerance {
            return Ok(Some(Polished { weights: w, risk: value, gradient_norm }));
        }
        let step = factor.solve_vector(&slopes);
        w.iter_mut().zip(step).for_each(|(w, step)| *w -= step);
        let moved: Vec<f64> = w.iter().zip(weights).map(|(a, b)| a - b).collect();
        if norm(&moved).is_nan() || norm(&moved) > reach {
            return Ok(None);
        }
    }
    Ok(None)
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}
