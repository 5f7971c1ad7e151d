//! One tile of examples through the network, and the R-operator of a block of vectors on it.
//!
//! With $R\{\cdot\}$ the derivative along v = (V_k, c_k): $R\{z_k\}=W_kR\{a_{k-1}\}+V_ka_{k-1}+c_k$,
//! $R\{a_k\}=\rho'R\{z_k\}$; from the top $R\{\delta_K\}=\nabla^2\ell\,R\{z_K\}$ down,
//! $R\{\delta_k\}=\rho'(W_{k+1}^\top R\{\delta_{k+1}\}+V_{k+1}^\top\delta_{k+1})+\rho''R\{z_k\}\,W_{k+1}^\top\delta_{k+1}$.
//! Arrays are feature-major, `[neuron][example]` and `[neuron][vector][example]`.

use super::{CurvatureForm, CurvaturePoint, DenseCurvature, loss::LossCurvature, second::second};
use crate::{
    engine::{
        matmul::{Mat, MatMut},
        tile::{TILE, Tile},
    },
    loss::loss_and_slope,
};

/// Scratch and arguments of the tiles of one part of the data.
pub(super) struct Pass<'a> {
    of: &'a DenseCurvature,
    form: CurvatureForm,
    point: &'a CurvaturePoint,
    theta: &'a [f64],
    /// `[B, S]`
    vectors: &'a [f64],
    count: usize,
    active: Vec<f64>,
    before: Vec<f64>,
    /// $\rho'(z)$.
    slope: Vec<f64>,
    /// δ.
    delta: Vec<f64>,
    /// $\rho''(z)\,W^\top\delta$.
    bend: Vec<f64>,
    r_active: Vec<f64>,
    r_before: Vec<f64>,
    r_delta: Vec<f64>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        of: &'a DenseCurvature,
        form: CurvatureForm,
        point: &'a CurvaturePoint,
        vectors: &'a [f64],
    ) -> Self {
        let width = of.width();
        let count = vectors.len() / of.size;
        let one = || vec![0.; width * TILE];
        let all = || vec![0.; width * TILE * count];
        Self {
            of,
            form,
            point,
            theta: &point.theta,
            vectors,
            count,
            active: one(),
            before: one(),
            slope: one(),
            delta: one(),
            bend: one(),
            r_active: all(),
            r_before: all(),
            r_delta: all(),
        }
    }

    /// Adds the products of the examples `first..first + r`, whose inputs are `input` `[r, n_0]`, to `sum` `[B, S]`.
    pub(super) fn tile(&mut self, first: usize, r: usize, input: &[f64], sum: &mut [f64]) {
        self.forward(first, r, input);
        (0..self.of.layers.len()).for_each(|k| self.r_forward(k, r, input));
        self.read_out(first, r);
        for k in (0..self.of.layers.len()).rev() {
            self.gradients(k, r, input, sum);
            if k > 0 {
                self.back(k, r);
            }
        }
    }

    fn forward(&mut self, first: usize, r: usize, input: &[f64]) {
        let (of, width) = (self.of, self.of.width());
        let layers = &of.layers;
        if !self.point.copy(first * width, &mut self.active[..width * r], &mut self.before[..width * r]) {
            let mut tile = Tile::forward(&mut self.active, &mut self.before, width, r);
            (0..layers.len()).for_each(|k| tile.layer(layers, k, (self.theta, 0), input));
        }
        for layer in layers {
            let range = layer.row * r..(layer.row + layer.outputs) * r;
            let both = self.before[range.clone()].iter().zip(&self.active[range.clone()]);
            let slopes = self.slope[range].iter_mut().zip(both);
            slopes.for_each(|(slope, (&z, &a))| *slope = layer.activation.slope(z, a));
        }
    }

    /// Derivatives of a layer's pre-activations and activations along all vectors.
    fn r_forward(&mut self, k: usize, r: usize, input: &[f64]) {
        let (layer, wide) = (&self.of.layers[k], self.count * r);
        let range = layer.row * wide..(layer.row + layer.outputs) * wide;
        let below = k.checked_sub(1).map(|k| &self.of.layers[k]);
        let z = &mut self.r_before[range.clone()];
        if let Some(below) = below {
            let lower = Mat::new(&self.r_active[below.row * wide..], below.outputs, wide);
            MatMut::new(z, layer.outputs, wide).product(layer.weight(self.theta, 0), lower, 0.);
        }
        let active = match below {
            None => Mat::new(input, r, layer.inputs).t(),
            Some(below) => Mat::new(&self.active[below.row * r..], below.outputs, r),
        };
        let blocks = MatMut::new(z, layer.outputs, wide).split_columns(r);
        for ((_, mut block), v) in blocks.into_iter().zip(self.vectors.chunks_exact(self.of.size)) {
            block.product(layer.weight(v, 0), active, if k > 0 { 1. } else { 0. });
        }
        for (b, v) in self.vectors.chunks_exact(self.of.size).enumerate() {
            for (z, c) in z.chunks_exact_mut(wide).zip(layer.bias(v, 0).unwrap_or_default()) {
                z[b * r..(b + 1) * r].iter_mut().for_each(|z| *z += c);
            }
        }
        let rows = self.r_active[range].chunks_exact_mut(r).zip(z.chunks_exact(r));
        for (i, (a, z)) in rows.enumerate() {
            let slope = &self.slope[(layer.row + i / self.count) * r..][..r];
            a.iter_mut().zip(z).zip(slope).for_each(|((a, z), slope)| *a = z * slope);
        }
    }

    /// δ and R{δ} of the outputs.
    fn read_out(&mut self, first: usize, r: usize) {
        let Some(last) = self.of.layers.last() else { return };
        let (q, wide) = (last.outputs, self.count * r);
        let scale = 1. / self.of.examples.len() as f64;
        let mut v = vec![0.; q];
        for i in 0..r {
            let mut z: Vec<f64> = (0..q).map(|j| self.active[(last.row + j) * r + i]).collect();
            let curvature = LossCurvature::new(self.of.criterion.loss, &z);
            loss_and_slope(self.of.criterion.loss, &mut z, self.of.examples.target(first + i));
            (0..q).for_each(|j| self.delta[(last.row + j) * r + i] = z[j] * scale);
            for b in 0..self.count {
                let at = |j: usize| (last.row + j) * wide + b * r + i;
                (0..q).for_each(|j| v[j] = self.r_before[at(j)]);
                if self.form == CurvatureForm::Fisher {
                    let along: f64 = v.iter().zip(&z).map(|(v, z)| v * z).sum();
                    v.iter_mut().zip(&z).for_each(|(v, z)| *v = along * z);
                } else {
                    curvature.apply(&mut v);
                }
                (0..q).for_each(|j| self.r_delta[at(j)] = v[j] * scale);
            }
        }
    }

    /// Adds $R\{\delta_k\}a_{k-1}^\top+\delta_kR\{a_{k-1}\}^\top$ and $\sum R\{\delta_k\}$.
    fn gradients(&self, k: usize, r: usize, input: &[f64], sum: &mut [f64]) {
        let (layer, wide) = (&self.of.layers[k], self.count * r);
        let below = k.checked_sub(1).map(|k| &self.of.layers[k]);
        let active = match below {
            None => Mat::new(input, r, layer.inputs),
            Some(below) => Mat::new(&self.active[below.row * r..], below.outputs, r).t(),
        };
        let r_delta = Mat::new(&self.r_delta[layer.row * wide..], layer.outputs, wide);
        let delta = Mat::new(&self.delta[layer.row * r..], layer.outputs, r);
        for (b, sum) in sum.chunks_exact_mut(self.of.size).enumerate() {
            let columns = (b * r, (b + 1) * r);
            let mut weight = MatMut::new(&mut sum[layer.weight..], layer.outputs, layer.inputs);
            weight.product(r_delta.columns(columns.0, columns.1), active, 1.);
            if let (Some(below), CurvatureForm::Hessian) = (below, self.form) {
                let r_active = Mat::new(&self.r_active[below.row * wide..], below.outputs, wide);
                weight.product(delta, r_active.columns(columns.0, columns.1).t(), 1.);
            }
            if let Some(bias) = layer.bias {
                for (j, sum) in sum[bias..][..layer.outputs].iter_mut().enumerate() {
                    *sum += self.r_delta[(layer.row + j) * wide + b * r..][..r].iter().sum::<f64>();
                }
            }
        }
    }

    /// δ and R{δ} of the layer below layer `k`.
    fn back(&mut self, k: usize, r: usize) {
        let (layer, below) = (&self.of.layers[k], &self.of.layers[k - 1]);
        let wide = self.count * r;
        let (lower, upper) = self.r_delta.split_at_mut(layer.row * wide);
        let lower = &mut lower[below.row * wide..][..below.outputs * wide];
        let upper = Mat::new(upper, layer.outputs, wide);
        MatMut::new(lower, below.outputs, wide).product(layer.weight(self.theta, 0).t(), upper, 0.);
        let curved = self.form == CurvatureForm::Hessian;
        if curved {
            let delta = Mat::new(&self.delta[layer.row * r..], layer.outputs, r);
            let blocks = MatMut::new(lower, below.outputs, wide).split_columns(r);
            for ((_, mut block), v) in blocks.into_iter().zip(self.vectors.chunks_exact(self.of.size)) {
                block.product(layer.weight(v, 0).t(), delta, 1.);
            }
            self.plain_back(k, r);
        }
        let below = below.row;
        let (lower, _) = self.r_delta.split_at_mut(layer.row * wide);
        for (i, d) in lower[below * wide..].chunks_exact_mut(r).enumerate() {
            let row = below + i / self.count;
            let z = &self.r_before[below * wide + i * r..][..r];
            let (slope, bend) = (&self.slope[row * r..][..r], &self.bend[row * r..][..r]);
            for ((d, z), (slope, bend)) in d.iter_mut().zip(z).zip(slope.iter().zip(bend)) {
                *d *= slope;
                if curved {
                    *d += bend * z;
                }
            }
        }
    }

    /// δ of the layer below, and what ρ″ multiplies.
    fn plain_back(&mut self, k: usize, r: usize) {
        let (layer, below) = (&self.of.layers[k], &self.of.layers[k - 1]);
        let (lower, upper) = self.delta.split_at_mut(layer.row * r);
        let lower = &mut lower[below.row * r..][..below.outputs * r];
        let upper = Mat::new(upper, layer.outputs, r);
        MatMut::new(lower, below.outputs, r).product(layer.weight(self.theta, 0).t(), upper, 0.);
        let at = below.row * r;
        for (i, d) in lower.iter_mut().enumerate() {
            let (z, a) = (self.before[at + i], self.active[at + i]);
            self.bend[at + i] = second(below.activation, z, a) * *d;
            *d *= self.slope[at + i];
        }
    }
}
