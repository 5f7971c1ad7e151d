use collado_linalg::dot;

use super::basis::{axpy, normal, normalize, orthogonalize};
use crate::{Error, LinearOperator, Result};

/// An estimate of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// tr A.
    pub value: f64,
    /// Standard error of the sampled part; 0 where nothing was sampled. The 95 % interval is `value` ± 1.96 `stderr`.
    pub stderr: f64,
}

/// The trace by Hutch++ (Meyer, Musco, Musco, Woodruff 2021) from about `products` products: exact on the range of a sketch
/// of a third of them, and Hutchinson's estimate on the rest of the space, with its standard error. The trace is exact
/// when the sketch spans the whole range.
///
/// # Errors
/// When `products` < 9, those of the operator, and [`Error::Interrupted`] when `progress`, told the share done, says false.
pub fn trace(
    operator: &dyn LinearOperator,
    products: usize,
    seed: u64,
    progress: &mut dyn FnMut(f64) -> bool,
) -> Result<Trace> {
    if products < 9 {
        return Err(Error::Setting { name: "products", expected: "at least 9", found: products.to_string() });
    }
    let s = operator.size();
    let third = (products / 3).min(s);
    let block = |vectors: &[Vec<f64>]| -> Result<Vec<Vec<f64>>> {
        let stack = vectors.concat();
        let mut out = vec![0.; stack.len()];
        operator.apply(&stack, &mut out)?;
        Ok(out.chunks_exact(s).map(<[f64]>::to_vec).collect())
    };
    let tell = |done: f64, progress: &mut dyn FnMut(f64) -> bool| {
        if progress(done) { Ok(()) } else { Err(Error::Interrupted) }
    };
    let sketch: Vec<Vec<f64>> = (0..third as u64).map(|k| normal(seed, 2 * k, s)).collect();
    let basis = orthonormal(block(&sketch)?);
    tell(1. / 3., progress)?;
    let images = block(&basis)?;
    let known: f64 = basis.iter().zip(&images).map(|(q, a)| dot(q, a)).sum();
    tell(2. / 3., progress)?;
    if basis.len() < third || basis.len() == s {
        return Ok(Trace { value: known, stderr: 0. });
    }
    let mut probes: Vec<Vec<f64>> = (0..third as u64).map(|k| normal(seed, 2 * k + 1, s)).collect();
    probes.iter_mut().for_each(|g| orthogonalize(g, &basis));
    let images = block(&probes)?;
    let samples: Vec<f64> = probes.iter().zip(&images).map(|(g, a)| dot(g, a)).collect();
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.);
    Ok(Trace { value: known + mean, stderr: (variance / n).sqrt() })
}

/// An orthonormal basis of what the vectors span.
fn orthonormal(vectors: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let size = vectors.iter().map(|v| dot(v, v).sqrt()).fold(0., f64::max);
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(vectors.len());
    for mut v in vectors {
        for _ in 0..2 {
            let coefficients: Vec<f64> = basis.iter().map(|b| dot(b, &v)).collect();
            basis.iter().zip(coefficients).for_each(|(b, c)| axpy(-c, b, &mut v));
        }
        if normalize(&mut v) > 1e-12 * size {
            basis.push(v);
        }
    }
    basis
}
