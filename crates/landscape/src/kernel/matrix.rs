//! Symmetric kernel matrices over examples.

use collado_linalg::dot;
use rayon::prelude::*;

/// A symmetric matrix `[m, m]` with an example (or an output of an example) for each row; f64, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    size: usize,
    data: Vec<f64>,
}

impl Kernel {
    /// The zero matrix.
    pub(crate) fn zeros(size: usize) -> Self {
        Self { size, data: vec![0.; size * size] }
    }

    /// The matrix with the elements `element(i, j)`, $j\le i$, and their mirror images.
    pub(crate) fn from_lower(size: usize, element: impl Fn(usize, usize) -> f64 + Sync) -> Self {
        let mut kernel = Self::zeros(size);
        kernel.data.par_chunks_mut(size.max(1)).enumerate().for_each(|(i, row)| {
            row[..=i].iter_mut().enumerate().for_each(|(j, x)| *x = element(i, j));
        });
        kernel.mirror();
        kernel
    }

    /// Number of rows m.
    pub fn size(&self) -> usize {
        self.size
    }

    /// All elements, row by row.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.size..(i + 1) * self.size]
    }

    /// The kernel of the first `size` rows, or all of it where there are fewer.
    #[must_use]
    pub fn leading(&self, size: usize) -> Self {
        let size = size.min(self.size);
        let rows = self.data.chunks(self.size.max(1)).take(size);
        Self { size, data: rows.flat_map(|row| &row[..size]).copied().collect() }
    }

    /// The product $Kx$ for `x` `[m]`.
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        self.data.par_chunks(self.size.max(1)).map(|row| dot(row, x)).collect()
    }

    /// The quadratic form $x^\top Kx$.
    pub fn quadratic(&self, x: &[f64]) -> f64 {
        dot(&self.apply(x), x)
    }

    /// The trace $\sum_iK_{ii}$, which is the sum of the eigenvalues.
    pub fn trace(&self) -> f64 {
        self.data.iter().step_by(self.size + 1).sum()
    }

    /// The Frobenius norm $\|K\|_F$.
    pub fn norm(&self) -> f64 {
        dot(&self.data, &self.data).sqrt()
    }

    /// The distance $\|K-K'\|_F$; infinite if the sizes differ.
    pub fn distance(&self, other: &Self) -> f64 {
        if self.size != other.size {
            return f64::INFINITY;
        }
        self.data.iter().zip(&other.data).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
    }

    pub(crate) fn view(&self) -> faer::MatRef<'_, f64> {
        faer::MatRef::from_row_major_slice(&self.data, self.size, self.size)
    }

    /// Copies the lower triangle into the upper one, block by block so that both stay in cache.
    pub(crate) fn mirror(&mut self) {
        const BLOCK: usize = 64;
        let n = self.size;
        for (rows, cols) in lower_blocks(n, BLOCK) {
            for i in rows {
                for j in cols.start..cols.end.min(i) {
                    self.data[j * n + i] = self.data[i * n + j];
                }
            }
        }
    }
}

/// The blocks of the lower triangle of an `n` × `n` matrix, each as its rows and columns.
fn lower_blocks(
    n: usize,
    block: usize,
) -> impl Iterator<Item = (std::ops::Range<usize>, std::ops::Range<usize>)> {
    let range = move |from: usize| from..(from + block).min(n);
    (0..n).step_by(block).flat_map(move |i| (0..=i).step_by(block).map(move |j| (range(i), range(j))))
}
