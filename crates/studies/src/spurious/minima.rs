//! Which ends are the same minimum, and how firm each minimum is.

use collado_certify::Polished;
use collado_linalg::Cholesky;
use collado_risk::Planted;
use faer::Mat;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A spurious minimum, up to permutations of neurons and of coordinates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpuriousMinimum {
    /// The risk F there.
    pub risk: f64,
    /// Number of runs that ended there.
    pub hits: usize,
    /// The smallest eigenvalue of the Hessian.
    pub lambda_min: f64,
    /// The weights `[n, k]` at which the first of these runs ended.
    pub weights: Vec<f64>,
}

/// Entries of one minimum differ by less than this: rounding and $\|\nabla F\|/\lambda_{\min}$ are below 1e-6.
const SAME: f64 = 1e-5;

/// Groups the ends. What permutations leave as it is tells minima apart: the entries in ascending order.
pub(super) fn distinct(risk: &Planted, ends: Vec<Polished>) -> Result<Vec<SpuriousMinimum>> {
    let mut groups: Vec<(Vec<f64>, Polished, usize)> = Vec::new();
    for end in ends {
        let mut entries = end.weights.clone();
        entries.sort_by(f64::total_cmp);
        let same = |other: &[f64]| entries.iter().zip(other).all(|(a, b)| (a - b).abs() <= SAME);
        match groups.iter_mut().find(|g| same(&g.0)) {
            Some(group) => group.2 += 1,
            None => groups.push((entries, end, 1)),
        }
    }
    groups.sort_by(|a, b| b.2.cmp(&a.2).then(a.1.risk.total_cmp(&b.1.risk)));
    groups
        .into_iter()
        .map(|(_, end, hits)| {
            let lambda_min = least_eigenvalue(risk, &end.weights)?;
            Ok(SpuriousMinimum { risk: end.risk, hits, lambda_min, weights: end.weights })
        })
        .collect()
}

/// The smallest eigenvalue of the Hessian by inverse iteration, which needs one factorisation; the quotient is right to
/// about 1e-6 of itself.
fn least_eigenvalue(risk: &Planted, weights: &[f64]) -> Result<f64> {
    let (size, hessian) = (weights.len(), risk.hessian(weights)?);
    let Ok(factor) = Cholesky::new(Mat::from_fn(size, size, |i, j| hessian[i * size + j]).as_ref()) else {
        return Ok(f64::NAN);
    };
    // A start without symmetry, so that no eigenvector is missed.
    let mut x: Vec<f64> = (0..size).map(|i| ((i * i + 1) as f64).sin()).collect();
    let mut value = f64::NAN;
    for _ in 0..500 {
        let y = factor.solve_vector(&x);
        let (xy, xx) = (product(&x, &y), product(&x, &x));
        let next = xx / xy;
        if (next - value).abs() <= 1e-9 * next {
            return Ok(next);
        }
        value = next;
        let norm = product(&y, &y).sqrt();
        x = y.iter().map(|y| y / norm).collect();
    }
    Ok(value)
}

fn product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}
