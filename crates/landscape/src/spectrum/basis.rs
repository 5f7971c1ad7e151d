use collado_linalg::{dot, symmetric_eigen};
use faer::Mat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::{Error, Result};

pub(super) fn axpy(c: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += c * x);
}

/// Normalises a vector; returns its norm. Zero stays zero.
pub(super) fn normalize(x: &mut [f64]) -> f64 {
    let norm = dot(x, x).sqrt();
    if norm > 0. {
        x.iter_mut().for_each(|x| *x /= norm);
    }
    norm
}

/// Takes the components along orthonormal `basis` out of `x`; twice is enough (Parlett 1980).
pub(super) fn orthogonalize(x: &mut [f64], basis: &[Vec<f64>]) {
    for _ in 0..2 {
        basis.iter().for_each(|b| axpy(-dot(b, x), b, x));
    }
}

/// A standard normal vector, stream `stream` of `seed`.
pub(crate) fn normal(seed: u64, stream: u64, size: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    (0..size).map(|_| rng.sample(StandardNormal)).collect()
}

/// Eigenvalues, ascending, and eigenvectors (columns) of the tridiagonal matrix with these diagonals.
pub(super) fn tridiagonal(alphas: &[f64], betas: &[f64]) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = alphas.len();
    if alphas.iter().chain(betas).any(|x| !x.is_finite()) {
        return Err(Error::NotFinite("a product of the operator"));
    }
    let t = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => alphas[i],
        1 => betas[i.min(j)],
        _ => 0.,
    });
    let eigen = symmetric_eigen(t.as_ref()).map_err(|_| Error::Eigen(n))?;
    Ok((eigen.values, eigen.vectors))
}
