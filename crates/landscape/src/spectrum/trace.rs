//! Traces by Hutch++ (Meyer, Musco, Musco & Woodruff 2021).

use collado_linalg::dot;
use collado_risk::Progress;
use tracing::info_span;

use super::basis::{axpy, normal, normalize, orthogonalize, slices};
use crate::{Error, LinearOperator, Result};

/// The settings by which a trace is estimated.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `products` | 60 | about so many products | ≥ 9 |
/// | `memory` | no bound | bytes for vectors: where it ends the sketch is smaller, and more is sampled | |
/// | `seed` | 0 | the random vectors | |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceSettings {
    /// The approximate number of products.
    pub products: usize,
    /// The bound on memory for vectors, in bytes.
    pub memory: usize,
    /// The seed of the random vectors.
    pub seed: u64,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self { products: 60, memory: usize::MAX, seed: 0 }
    }
}

/// An estimate of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// The estimate of tr A.
    pub value: f64,
    /// Standard error of the sampled part; 0 where nothing was sampled. The 95 % interval is `value` ± 1.96 `stderr`.
    pub stderr: f64,
}

/// The trace by Hutch++ (Meyer, Musco, Musco, Woodruff 2021): exact on the range of a sketch of a third of the
/// products, and Hutchinson's estimate on the rest of the space, with its standard error. The trace is exact when the
/// sketch spans the whole range.
///
/// # Errors
/// When a setting is out of range, the errors of the operator, and [`Error::Interrupted`] when `progress` stops it.
pub fn trace(
    operator: &dyn LinearOperator,
    settings: &TraceSettings,
    progress: &mut dyn Progress,
) -> Result<Trace> {
    let (products, s) = (settings.products, operator.size());
    let _span = info_span!("trace", parameters = s, products).entered();
    if products < 9 {
        return Err(Error::Setting { name: "products", expected: "at least 9", found: products.to_string() });
    }
    let bytes = s * size_of::<f64>();
    let fit = settings.memory / bytes;
    if fit < 4 {
        return Err(Error::Memory { expected: 4 * bytes, found: settings.memory });
    }
    // Half of the memory for the sketch, half for a block of vectors and their products.
    let (third, block) = ((products / 3).min(s).min(fit / 2), (fit / 4).min(32));
    let mut probing = Probing { operator, block, done: 0, products, progress };
    let mut sketch = Vec::with_capacity(third);
    probing.each(third, |k| normal(settings.seed, 2 * k, s), |_, image| sketch.push(image.to_vec()))?;
    let basis = orthonormal(sketch);
    let mut known = 0.;
    probing.each(basis.len(), |k| basis[k as usize].clone(), |q, a| known += dot(q, a))?;
    if basis.len() < third || basis.len() == s {
        return Ok(Trace { value: known, stderr: 0. });
    }
    let slices = slices(&basis);
    let probe = |k: u64| {
        let mut g = normal(settings.seed, 2 * k + 1, s);
        orthogonalize(&mut g, &slices);
        g
    };
    let mut samples = Vec::new();
    let sampled = if third < products / 3 { products - 2 * third } else { third };
    probing.each(sampled, probe, |g, a| samples.push(dot(g, a)))?;
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.);
    Ok(Trace { value: known + mean, stderr: (variance / n).sqrt() })
}

/// Products of many vectors, several at a time.
struct Probing<'a> {
    operator: &'a dyn LinearOperator,
    block: usize,
    done: usize,
    products: usize,
    progress: &'a mut dyn Progress,
}

impl Probing<'_> {
    /// Calls `take` with each of `count` vectors and its product.
    fn each(
        &mut self,
        count: usize,
        vector: impl Fn(u64) -> Vec<f64>,
        mut take: impl FnMut(&[f64], &[f64]),
    ) -> Result<()> {
        let s = self.operator.size();
        for from in (0..count).step_by(self.block) {
            let until = count.min(from + self.block);
            let mut stack = Vec::with_capacity((until - from) * s);
            (from..until).for_each(|k| stack.extend(vector(k as u64)));
            let mut images = vec![0.; stack.len()];
            self.operator.apply(&stack, &mut images)?;
            stack.chunks_exact(s).zip(images.chunks_exact(s)).for_each(|(v, image)| take(v, image));
            self.done += until - from;
            if self.progress.update((self.done as f64 / self.products as f64).min(1.)).is_break() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    }
}

/// An orthonormal basis of the span of the vectors.
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
