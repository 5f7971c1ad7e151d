//! Operations on bases of long vectors: orthogonalisation and combination.

use collado_linalg::dot;
use faer::Mat;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Number of elements of a vector that one thread processes at a time.
const CHUNK: usize = 2048;

pub(super) fn axpy(c: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += c * x);
}

/// Normalises a vector and returns its norm. The zero vector stays zero.
pub(super) fn normalize(x: &mut [f64]) -> f64 {
    let norm = dot(x, x).sqrt();
    if norm > 0. {
        x.iter_mut().for_each(|x| *x /= norm);
    }
    norm
}

/// The result of orthogonalising a vector against a basis.
pub(super) struct Orthogonalization {
    /// The components of the vector along the basis.
    pub(super) coefficients: Vec<f64>,
    /// Whether the vector lies in the span of the basis, so that the remainder is rounding.
    pub(super) dependent: bool,
}

/// Subtracts the components along an orthonormal basis from `x`.
///
/// It is classical Gram–Schmidt done twice, which is enough (Giraud, Langou, Rozložník 2005) unless the second pass
/// subtracts most of what the first one left. The result has the same bits for any number of threads.
pub(super) fn orthogonalize(x: &mut [f64], basis: &[&[f64]]) -> Orthogonalization {
    let mut taken = vec![0.; basis.len()];
    let mut left = f64::INFINITY;
    let mut dependent = false;
    for _ in 0..2 {
        let coefficients: Vec<f64> = basis.par_iter().map(|b| dot(b, x)).collect();
        x.par_chunks_mut(CHUNK).enumerate().for_each(|(k, x)| {
            for (b, c) in basis.iter().zip(&coefficients) {
                axpy(-c, &b[k * CHUNK..][..x.len()], x);
            }
        });
        taken.iter_mut().zip(coefficients).for_each(|(taken, c)| *taken += c);
        let norm = dot(x, x).sqrt();
        dependent = norm < 0.5 * left && left < f64::INFINITY;
        left = norm;
    }
    Orthogonalization { coefficients: taken, dependent }
}

/// Replaces the vectors in place by the combinations of them whose coefficients are the columns `keep`.
pub(super) fn combine(basis: &mut Vec<Vec<f64>>, coefficients: &Mat<f64>, keep: &[usize]) {
    let size = basis.first().map_or(0, Vec::len);
    for from in (0..size).step_by(CHUNK) {
        let until = size.min(from + CHUNK);
        let old: Vec<Vec<f64>> = basis.iter().map(|b| b[from..until].to_vec()).collect();
        basis[..keep.len()].par_iter_mut().zip(keep).for_each(|(new, &column)| {
            let new = &mut new[from..until];
            new.fill(0.);
            old.iter().enumerate().for_each(|(i, old)| axpy(coefficients[(i, column)], old, new));
        });
    }
    basis.truncate(keep.len());
}

/// The vectors as slices.
pub(super) fn slices(basis: &[Vec<f64>]) -> Vec<&[f64]> {
    basis.iter().map(Vec::as_slice).collect()
}

/// A standard normal vector from stream `stream` of `seed`.
pub(super) fn normal(seed: u64, stream: u64, size: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    (0..size).map(|_| rng.sample(StandardNormal)).collect()
}
