//! The largest eigenvalue of a symmetric positive operator (Lanczos 1950, with full reorthogonalisation).

use faer::{Mat, Side};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{SpectrumSettings, matrix::dot};

/// Approximates the eigenvector of the largest eigenvalue of `apply`, an operator on `size` numbers: normalised.
pub(super) fn largest(
    size: usize,
    settings: &SpectrumSettings,
    apply: impl Fn(&[f64]) -> Vec<f64>,
) -> Option<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut next: Vec<f64> = (0..size).map(|_| rng.sample(StandardNormal)).collect();
    let (mut basis, mut alphas, mut betas) = (Vec::new(), Vec::new(), Vec::new());
    scale(&mut next);
    loop {
        basis.push(next);
        let v = &basis[basis.len() - 1];
        next = apply(v);
        alphas.push(dot(&next, v));
        // Twice is enough (Parlett 1980).
        for _ in 0..2 {
            for b in &basis {
                let c = dot(b, &next);
                next.iter_mut().zip(b).for_each(|(x, b)| *x -= c * b);
            }
        }
        let beta = scale(&mut next);
        let (value, vector) = top(&alphas, &betas)?;
        let residual = beta * vector[vector.len() - 1].abs();
        let exhausted = basis.len() >= settings.steps.max(1).min(size);
        if exhausted || residual <= settings.tolerance * value.abs() {
            return Some(combine(&basis, &vector));
        }
        betas.push(beta);
    }
}

/// Largest eigenpair of the tridiagonal matrix with these diagonals.
fn top(alphas: &[f64], betas: &[f64]) -> Option<(f64, Vec<f64>)> {
    let n = alphas.len();
    let tridiagonal = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => alphas[i],
        1 => betas[i.min(j)],
        _ => 0.,
    });
    let pairs = tridiagonal.self_adjoint_eigen(Side::Lower).ok()?;
    let vector = pairs.U().col(n - 1).iter().copied().collect();
    Some((pairs.S().column_vector()[n - 1], vector))
}

fn combine(basis: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.; basis[0].len()];
    for (b, w) in basis.iter().zip(weights) {
        sum.iter_mut().zip(b).for_each(|(x, b)| *x += w * b);
    }
    scale(&mut sum);
    sum
}

/// Normalises a vector; returns its norm. Zero stays zero.
fn scale(x: &mut [f64]) -> f64 {
    let norm = dot(x, x).sqrt();
    if norm > 0. {
        x.iter_mut().for_each(|x| *x /= norm);
    }
    norm
}
