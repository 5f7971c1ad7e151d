//! Searches for critical points on the sphere: Newton's method, and descent with curvature.

use collado_linalg::{Eigen, Lu, symmetric_eigen};
use faer::Mat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::SphericalSpin;
use crate::{Result, StudyError};

/// A point of the sphere at which a search ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpinPoint {
    /// The energy per spin, u = H/N.
    pub energy: f64,
    /// The norm of the Riemannian gradient.
    pub gradient_norm: f64,
    /// Whether that norm is at most 1e-10 (1 + |H|).
    pub is_critical: bool,
    /// The eigenvalues of the Riemannian Hessian `[N − 1]`, ascending.
    pub eigenvalues: Vec<f64>,
    /// Whether the point was found by descent.
    pub by_descent: bool,
}

impl SpinPoint {
    /// The number of negative eigenvalues over N − 1. Eigenvalues within rounding of 0 do not count.
    pub fn index_fraction(&self) -> f64 {
        let size = self.eigenvalues.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let floor = self.eigenvalues.len() as f64 * f64::EPSILON * size;
        let negative = self.eigenvalues.iter().filter(|v| **v < -floor).count();
        negative as f64 / self.eigenvalues.len() as f64
    }
}

/// The largest number of steps of a search.
const STEPS: usize = 300;

/// What is known at σ.
struct LocalExpansion {
    h: f64,
    /// Riemannian gradient `[N]`.
    gradient: Vec<f64>,
    norm: f64,
    /// $\nabla^2H-(\sigma\cdot\nabla H/N)I$ `[N, N]`: the Riemannian Hessian on the tangent space.
    hessian: Mat<f64>,
}

impl LocalExpansion {
    fn new(spin: &SphericalSpin, sigma: &[f64]) -> Self {
        let (n, p) = (spin.size(), spin.p() as f64);
        let m = spin.matrix(sigma);
        let product: Vec<f64> =
            m.chunks_exact(n).map(|row| row.iter().zip(sigma).map(|(m, s)| m * s).sum()).collect();
        let h: f64 = product.iter().zip(sigma).map(|(a, s)| a * s).sum();
        let lambda = p * h / n as f64;
        let gradient: Vec<f64> = product.iter().zip(sigma).map(|(a, s)| p * a - lambda * s).collect();
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let hessian =
            Mat::from_fn(n, n, |i, j| p * (p - 1.) * m[i * n + j] - if i == j { lambda } else { 0. });
        Self { h, gradient, norm, hessian }
    }

    fn is_critical(&self) -> bool {
        self.norm <= 1e-10 * (1. + self.h.abs())
    }
}

/// Newton's method on the sphere from a random start, or descent with curvature first.
pub(super) fn find(spin: &SphericalSpin, seed: u64, start: u64, descend: bool) -> Result<SpinPoint> {
    let n = spin.size();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2 * start + 1);
    let mut sigma: Vec<f64> = (0..n).map(|_| rng.sample(StandardNormal)).collect();
    retract(&mut sigma);
    let mut place = LocalExpansion::new(spin, &sigma);
    for _ in 0..STEPS {
        if place.is_critical() {
            break;
        }
        let next = match descend {
            true => downhill(spin, &sigma, &place)?,
            false => Some(moved(&sigma, &limited(newton(&sigma, &place), n), 1.)),
        };
        let Some(next) = next else { break };
        sigma = next;
        place = LocalExpansion::new(spin, &sigma);
    }
    let eigenvalues = tangent_eigen(&sigma, &place)?.0;
    Ok(SpinPoint {
        energy: place.h / n as f64,
        gradient_norm: place.norm,
        is_critical: place.is_critical(),
        eigenvalues,
        by_descent: descend,
    })
}

/// Back to the sphere ‖σ‖² = N.
fn retract(sigma: &mut [f64]) {
    let n = sigma.len() as f64;
    let scale = (n / sigma.iter().map(|s| s * s).sum::<f64>()).sqrt();
    sigma.iter_mut().for_each(|s| *s *= scale);
}

fn moved(sigma: &[f64], step: &[f64], length: f64) -> Vec<f64> {
    let mut next: Vec<f64> = sigma.iter().zip(step).map(|(s, d)| s + length * d).collect();
    retract(&mut next);
    next
}

/// A step no longer than half the radius.
fn limited(mut step: Vec<f64>, n: usize) -> Vec<f64> {
    let norm = step.iter().map(|s| s * s).sum::<f64>().sqrt();
    let most = 0.5 * (n as f64).sqrt();
    if norm > most {
        step.iter_mut().for_each(|s| *s *= most / norm);
    }
    step
}

/// The tangent step s with $P(\nabla^2H-\lambda I)s=-g$, from the bordered system.
fn newton(sigma: &[f64], place: &LocalExpansion) -> Vec<f64> {
    let n = sigma.len();
    let bordered = Mat::from_fn(n + 1, n + 1, |i, j| match (i == n, j == n) {
        (false, false) => place.hessian[(i, j)],
        (true, true) => 0.,
        (true, false) => sigma[j],
        (false, true) => sigma[i],
    });
    let right: Vec<f64> = place.gradient.iter().map(|g| -g).chain([0.]).collect();
    let mut solution = Lu::new(bordered.as_ref()).solve_vector(&right);
    solution.truncate(n);
    solution
}

/// Eigenvalues `[N − 1]`, ascending, and eigenvectors (columns) of the Riemannian Hessian.
fn tangent_eigen(sigma: &[f64], place: &LocalExpansion) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = sigma.len();
    // A Householder reflection takes σ to the first axis; the other axes span the tangent space.
    let norm = (n as f64).sqrt();
    let mut w = sigma.to_vec();
    w[0] += if sigma[0] < 0. { -norm } else { norm };
    let square: f64 = w.iter().map(|x| x * x).sum();
    let reflection = Mat::from_fn(n, n, |i, j| f64::from(u8::from(i == j)) - 2. * w[i] * w[j] / square);
    let basis = reflection.subcols(1, n - 1).to_owned();
    let tangent = basis.transpose() * &place.hessian * &basis;
    if (0..n - 1).any(|i| !tangent[(i, i)].is_finite()) {
        return Err(StudyError::Search("the search left the finite numbers".into()));
    }
    let Eigen { values, vectors } = symmetric_eigen(tangent.as_ref())
        .map_err(|_| StudyError::Search("an eigenvalue decomposition did not converge".into()))?;
    Ok((values, basis * vectors))
}

/// A step that lowers H: Newton's with |λ| for λ, halved until it does.
fn downhill(spin: &SphericalSpin, sigma: &[f64], place: &LocalExpansion) -> Result<Option<Vec<f64>>> {
    let n = sigma.len();
    let (values, vectors) = tangent_eigen(sigma, place)?;
    let size = values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let mut step = vec![0.; n];
    for (k, value) in values.iter().enumerate() {
        let along: f64 = (0..n).map(|i| vectors[(i, k)] * place.gradient[i]).sum();
        let length = -along / value.abs().max(1e-6 * size);
        (0..n).for_each(|i| step[i] += length * vectors[(i, k)]);
    }
    let step = limited(step, n);
    let slope: f64 = step.iter().zip(&place.gradient).map(|(s, g)| s * g).sum();
    let lengths = (0..40).map(|k| 0.5_f64.powi(k));
    // Near a minimum H is flat to rounding: there the gradient decides.
    let better = |length: &f64| {
        let next = LocalExpansion::new(spin, &moved(sigma, &step, *length));
        next.h < place.h + 1e-4 * length * slope || next.norm < 0.5 * place.norm && next.h < place.h + 1e-9
    };
    Ok(lengths.into_iter().find(|l| better(l)).map(|length| moved(sigma, &step, length)))
}
