//! The optimal output weights for a fixed hidden layer: a lasso or ridge regression.

use collado_linalg::{Cholesky, Eigen, symmetric_eigen};
use collado_risk::{Criterion, Regularizer};
use faer::{Mat, MatRef};

use super::lasso::lasso;
use crate::Result;

/// Output weights `[q, m]` and bias `[q]` (empty without one).
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) weight: Mat<f64>,
    pub(super) bias: Vec<f64>,
}

/// The convex problem that is left when the hidden layer is fixed:
/// $\min_{W_2,b_2}\operatorname{mean}\|W_2h+b_2-y\|^2+\kappa R$.
///
/// Only second moments of the hidden activations h and the targets y enter, so that any subset of neurons is refitted
/// without the data.
pub(super) struct Readout {
    criterion: Criterion,
    neurons: usize,
    /// Mean $hh^\top$, mean $hy^\top$, mean $y^2$ of each output. Centred when $b_2$ has no penalty; with a penalty it
    /// is the weight of one more neuron that is always 1.
    gram: Mat<f64>,
    cross: Mat<f64>,
    square: Vec<f64>,
    /// The means of h and y, where they were subtracted.
    means: Option<(Vec<f64>, Vec<f64>)>,
    bias: bool,
}

impl Readout {
    /// The problem for the hidden layer with rows `weight` `[m, n]` and `hidden_bias` `[m]` or none.
    pub(super) fn new(
        inputs: MatRef<'_, f64>,
        targets: MatRef<'_, f64>,
        weight: &Mat<f64>,
        hidden_bias: &[f64],
        bias: bool,
        criterion: Criterion,
    ) -> Self {
        let m = weight.nrows();
        let penalised = bias && criterion.regularizer == Regularizer::L2 && criterion.kappa > 0.;
        let (width, q, n) = (m + usize::from(bias), targets.ncols(), inputs.nrows());
        let (mut gram, mut cross) = (Mat::zeros(width, width), Mat::zeros(width, q));
        const TILE: usize = 2048;
        for from in (0..n).step_by(TILE) {
            let rows = TILE.min(n - from);
            let z = inputs.subrows(from, rows) * weight.transpose();
            let h = Mat::from_fn(rows, width, |i, j| match hidden_bias.get(j) {
                _ if j == m => 1.,
                b => (z[(i, j)] + b.unwrap_or(&0.)).max(0.),
            });
            gram += h.transpose() * &h;
            cross += h.transpose() * targets.subrows(from, rows);
        }
        let part = faer::Scale(1. / n as f64);
        (gram, cross) = (part * gram, part * cross);
        let square = (0..q).map(|j| targets.col(j).squared_norm_l2() / n as f64).collect();
        let mut readout = Self { criterion, neurons: m, gram, cross, square, means: None, bias };
        if bias && !penalised {
            readout.center();
        }
        readout
    }

    /// Subtracts the means, which the last row of the moments holds.
    fn center(&mut self) {
        let m = self.neurons;
        let h: Vec<f64> = (0..m).map(|i| self.gram[(m, i)]).collect();
        let y: Vec<f64> = self.cross.row(m).iter().copied().collect();
        self.gram = Mat::from_fn(m, m, |i, j| self.gram[(i, j)] - h[i] * h[j]);
        self.cross = Mat::from_fn(m, y.len(), |i, j| self.cross[(i, j)] - h[i] * y[j]);
        self.square.iter_mut().zip(&y).for_each(|(s, y)| *s -= y * y);
        self.means = Some((h, y));
    }

    /// The moments $\operatorname{mean}hh^\top$ `[m, m]` of the neurons.
    pub(super) fn gram(&self) -> MatRef<'_, f64> {
        self.gram.as_ref().submatrix(0, 0, self.neurons, self.neurons)
    }

    /// The optimum that uses the neurons `kept` only, and its risk without the hidden layer's part of R.
    pub(super) fn solve(&self, kept: &[usize]) -> Result<(Output, f64)> {
        let constant = (self.bias && self.means.is_none()).then_some(self.neurons);
        let used: Vec<usize> = kept.iter().copied().chain(constant).collect();
        let gram = Mat::from_fn(used.len(), used.len(), |i, j| self.gram[(used[i], used[j])]);
        let cross = Mat::from_fn(used.len(), self.cross.ncols(), |i, j| self.cross[(used[i], j)]);
        let fit = if self.is_lasso() { self.sparse(&gram, &cross) } else { self.ridge(&gram, &cross)? };
        let value = self.value(&gram, &cross, &fit);
        let q = self.cross.ncols();
        let mut weight = Mat::zeros(q, self.neurons);
        let mut bias = vec![0.; if self.bias { q } else { 0 }];
        for (p, &j) in used.iter().enumerate() {
            for i in 0..q {
                if j < self.neurons {
                    weight[(i, j)] = fit[(p, i)];
                } else {
                    bias[i] = fit[(p, i)];
                }
            }
        }
        if let Some((h, y)) = &self.means {
            let through = |i: usize| h.iter().enumerate().map(|(j, h)| weight[(i, j)] * h).sum::<f64>();
            bias = y.iter().enumerate().map(|(i, y)| y - through(i)).collect();
        }
        Ok((Output { weight, bias }, value))
    }

    fn is_lasso(&self) -> bool {
        self.criterion.regularizer == Regularizer::L1Last && self.criterion.kappa > 0.
    }

    fn sparse(&self, gram: &Mat<f64>, cross: &Mat<f64>) -> Mat<f64> {
        let mut fit = Mat::zeros(cross.nrows(), cross.ncols());
        for (j, &square) in self.square.iter().enumerate() {
            let column: Vec<f64> = cross.col(j).iter().copied().collect();
            let w = lasso(gram, &column, square, self.criterion.kappa, 1e-9, 20_000);
            w.into_iter().enumerate().for_each(|(i, w)| fit[(i, j)] = w);
        }
        fit
    }

    /// The ridge solution $(G+\kappa I)^{-1}c$; for κ = 0 it is the solution of least norm.
    fn ridge(&self, gram: &Mat<f64>, cross: &Mat<f64>) -> Result<Mat<f64>> {
        let n = gram.nrows();
        if n == 0 {
            return Ok(cross.clone());
        }
        if self.criterion.kappa > 0. {
            let shifted =
                Mat::from_fn(n, n, |i, j| gram[(i, j)] + if i == j { self.criterion.kappa } else { 0. });
            if let Ok(factor) = Cholesky::new(shifted.as_ref()) {
                return Ok(factor.solve(cross.as_ref()));
            }
        }
        let Eigen { values, vectors } = symmetric_eigen(gram.as_ref())?;
        let limit = n as f64 * f64::EPSILON * values[n - 1].abs();
        let turned = vectors.transpose() * cross;
        let kappa = self.criterion.kappa;
        let inverse = |x: f64| if x > limit { 1. / (x + kappa) } else { 0. };
        Ok(vectors * Mat::from_fn(n, cross.ncols(), |i, j| inverse(values[i]) * turned[(i, j)]))
    }

    /// The risk of `fit`, and 0 where it is less than the rounding of its terms: two fits that are exact up to rounding
    /// have the same risk, and neither is better.
    fn value(&self, gram: &Mat<f64>, cross: &Mat<f64>, fit: &Mat<f64>) -> f64 {
        let through = gram * fit;
        let mut value: f64 = self.square.iter().sum();
        let mut size = value;
        for (i, j) in (0..fit.nrows()).flat_map(|i| (0..fit.ncols()).map(move |j| (i, j))) {
            let w = fit[(i, j)];
            let penalty = if self.is_lasso() { w.abs() } else { w * w };
            let term = w * (through[(i, j)] - 2. * cross[(i, j)]) + self.criterion.kappa * penalty;
            value += term;
            size += term.abs();
        }
        if value.abs() <= fit.nrows() as f64 * f64::EPSILON * size { 0. } else { value }
    }
}
