//! Directions of parameter space in which the outputs, or the loss, of a network do not change, whatever the targets.

use collado_linalg::{Svd, symmetric_eigen, thin_svd};
use collado_models::{Activation, Affine};
use collado_risk::Loss;
use faer::Mat;

use super::{CriticalSearch, kink::Hidden};
use crate::{Error, Result};

/// Singular values below this share of the largest one are taken for 0.
const RANK: f64 = 1e-9;

/// The first column of a layer's bias.
fn bias(layer: &Affine) -> Option<usize> {
    layer.bias.as_ref().map(|columns| columns.start)
}

/// Sparse vectors of parameter space.
pub(super) type Directions = Vec<Vec<(usize, f64)>>;

impl CriticalSearch {
    /// An orthonormal basis (columns) of the directions at `theta` that a symmetry moves along, or in which nothing
    /// reaches the loss: $A\in\mathfrak{gl}$ between linear layers, scales between ReLU layers, the weights of dead
    /// neurons, weights of the first layer that see no variation of the data, the same shift of all classes under
    /// cross-entropy. A regulariser may still see them.
    pub(super) fn idle(&self, theta: &[f64], hidden: &Hidden) -> Result<Mat<f64>> {
        let Some(layers) = self.risk.network().chain() else {
            return self.idle_in_general(theta, hidden);
        };
        let mut all = self.blind(&layers[0])?;
        for (k, pair) in layers.windows(2).enumerate() {
            match self.activation() {
                Activation::Linear => linear(&pair[0], &pair[1], theta, &mut all),
                Activation::Relu => {
                    (0..pair[0].outputs()).for_each(|i| exchange(&pair[0], &pair[1], theta, i, i, &mut all));
                    let silent = (0..pair[0].outputs()).filter(|&i| hidden.dead[k][i]);
                    silent.for_each(|i| dead(&pair[0], &pair[1], i, &mut all));
                }
                _ => {}
            }
        }
        if self.risk.criterion().loss == Loss::CrossEntropy {
            shifts(&layers[layers.len() - 1], &mut all);
        }
        orthonormal(&all, theta.len())
    }

    /// Changes of first-layer rows that are 0 on all examples: the kernel of the inputs, with a 1 for the bias.
    fn blind(&self, first: &Affine) -> Result<Directions> {
        let x = self.inputs.to_vec2::<f64>()?;
        let wide = first.inputs() + usize::from(bias(first).is_some());
        let value = |row: &[f64], i: usize| row.get(i).copied().unwrap_or(1.);
        let mut gram = Mat::<f64>::zeros(wide, wide);
        for row in &x {
            for j in 0..wide {
                (0..wide).for_each(|i| gram[(i, j)] += value(row, i) * value(row, j));
            }
        }
        let eigen = symmetric_eigen(gram.as_ref()).map_err(|_| Error::Eigen(wide))?;
        let largest = eigen.values[wide - 1];
        // Squares: of the singular values' relative accuracy half the digits are left.
        let kernel = (0..wide).filter(|&k| eigen.values[k] <= 1e-13 * largest);
        let column = |j: usize, i: usize| {
            bias(first).filter(|_| j == first.inputs()).map_or(first.column(i, j), |b| b + i)
        };
        let direction =
            |k: usize, i: usize| (0..wide).map(|j| (column(j, i), eigen.vectors[(j, k)])).collect();
        Ok(kernel
            .flat_map(|k| (0..first.outputs()).map(move |i| (k, i)))
            .map(|(k, i)| direction(k, i))
            .collect())
    }
}

/// The direction of $W_k\to(I+A)W_k$, $W_{k+1}\to W_{k+1}(I-A)$ with $A=e_ie_j^\top$.
fn exchange(lower: &Affine, upper: &Affine, theta: &[f64], i: usize, j: usize, all: &mut Directions) {
    let mut v: Vec<(usize, f64)> =
        (0..lower.inputs()).map(|c| (lower.column(i, c), theta[lower.column(j, c)])).collect();
    v.extend(bias(lower).map(|b| (b + i, theta[b + j])));
    v.extend((0..upper.outputs()).map(|r| (upper.column(r, j), -theta[upper.column(r, i)])));
    all.push(v);
}

/// The directions of all A, and shifts of the hidden biases that the following biases compensate.
fn linear(lower: &Affine, upper: &Affine, theta: &[f64], all: &mut Directions) {
    let n = lower.outputs();
    (0..n * n).for_each(|ij| exchange(lower, upper, theta, ij / n, ij % n, all));
    if let (Some(below), Some(above)) = (bias(lower), bias(upper)) {
        for i in 0..n {
            let back = (0..upper.outputs()).map(|r| (above + r, -theta[upper.column(r, i)]));
            all.push(std::iter::once((below + i, 1.)).chain(back).collect());
        }
    }
}

/// The directions of all weights of a neuron whose activation is 0 on all examples.
fn dead(lower: &Affine, upper: &Affine, i: usize, all: &mut Directions) {
    all.extend((0..lower.inputs()).map(|c| vec![(lower.column(i, c), 1.)]));
    all.extend(bias(lower).map(|b| vec![(b + i, 1.)]));
    all.extend((0..upper.outputs()).map(|r| vec![(upper.column(r, i), 1.)]));
}

/// The directions that shift all classes alike, to which cross-entropy is invariant.
pub(super) fn shifts(last: &Affine, all: &mut Directions) {
    all.extend((0..last.inputs()).map(|c| (0..last.outputs()).map(|r| (last.column(r, c), 1.)).collect()));
    all.extend(bias(last).map(|b| (0..last.outputs()).map(|r| (b + r, 1.)).collect()));
}

pub(super) fn orthonormal(all: &Directions, size: usize) -> Result<Mat<f64>> {
    // Of length 1, so that the rank does not depend on scales; zero vectors are no directions.
    let length = |v: &Vec<(usize, f64)>| v.iter().map(|(_, x)| x * x).sum::<f64>().sqrt();
    let kept: Vec<_> = all.iter().map(|v| (v, length(v))).filter(|(_, l)| *l > 0.).collect();
    if kept.is_empty() {
        return Ok(Mat::zeros(size, 0));
    }
    let mut matrix = Mat::<f64>::zeros(size, kept.len());
    for (j, (v, length)) in kept.into_iter().enumerate() {
        v.iter().for_each(|(i, x)| matrix[(*i, j)] += x / length);
    }
    let Svd { u, s, .. } = thin_svd(matrix.as_ref()).map_err(|_| Error::Eigen(size))?;
    let rank = s.iter().take_while(|x| **x > RANK * s[0]).count();
    Ok(u.subcols(0, rank).to_owned())
}
