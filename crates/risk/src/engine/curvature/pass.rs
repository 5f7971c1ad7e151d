//! The passes of one tile of examples through the network, with the R-operator for a block of vectors (Pearlmutter
//! 1994).
//!
//! With $R\{\cdot\}$ the derivative along v = (V_k, c_k): $R\{z_k\}=W_kR\{a_{k-1}\}+V_ka_{k-1}+c_k$,
//! $R\{a_k\}=\rho'R\{z_k\}$; from the top $R\{\delta_K\}=\nabla^2\ell\,R\{z_K\}$ down,
//! $R\{\delta_k\}=\rho'(W_{k+1}^\top
//! R\{\delta_{k+1}\}+V_{k+1}^\top\delta_{k+1})+\rho''R\{z_k\}\,W_{k+1}^\top\delta_{k+1}$. Arrays are feature-major,
//! `[neuron][example]` and `[neuron][vector][example]`.

use std::ops::Range;

use collado_models::{Activation, Affine, Algebra, Place, Reverse};

use super::{CurvatureForm, CurvaturePoint, LossCurvature, chain::ChainCurvature, second};
use crate::{
    engine::chain::{First, Forward, Mat, MatMut, TILE, Tile, bias_of, weight_of},
    loss::loss_and_slope,
};

/// The arguments and the scratch memory for the tiles of one part of the data.
pub(super) struct Pass<'a> {
    of: &'a ChainCurvature,
    form: CurvatureForm,
    point: &'a CurvaturePoint,
    theta: &'a [f64],
    /// The vectors or sums `[B, S]`.
    vectors: &'a [f64],
    count: usize,
    active: Vec<f64>,
    before: Vec<f64>,
    /// The slopes $\rho'(z)$.
    slope: Vec<f64>,
    /// The gradients δ with respect to pre-activations.
    delta: Vec<f64>,
    /// The factors $\rho''(z)\,W^\top\delta$ of $R\{z\}$.
    bend: Vec<f64>,
    r_active: Vec<f64>,
    r_before: Vec<f64>,
    r_delta: Vec<f64>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        of: &'a ChainCurvature,
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
        let network = &self.of.network;
        network.run(&mut Dual { pass: self, r, input }, 0..0).expect("a chain has rules for its layers");
        self.read_out(first, r);
        network.run_back(&mut Back { pass: self, r, input, sum }).expect("a chain has rules for its layers");
    }

    fn forward(&mut self, first: usize, r: usize, input: &[f64]) {
        let (of, width) = (self.of, self.of.width());
        if !self.point.copy(first * width, &mut self.active[..width * r], &mut self.before[..width * r]) {
            let mut tile = Tile::forward(&mut self.active, &mut self.before, width, r);
            let mut pass = Forward { tile: &mut tile, theta: (self.theta, 0), first: First::Inputs(input) };
            of.network.run(&mut pass, 0..0).expect("a chain has rules for its layers");
        }
        for layer in of.chain.iter() {
            let range = layer.units.start * r..layer.units.end * r;
            let both = self.before[range.clone()].iter().zip(&self.active[range.clone()]);
            let slopes = self.slope[range].iter_mut().zip(both);
            slopes.for_each(|(slope, (&z, &a))| *slope = layer.activation.slope(z, a));
        }
    }

    /// Computes δ and R{δ} of the outputs.
    fn read_out(&mut self, first: usize, r: usize) {
        let last = &self.of.chain.last().units;
        let (q, wide) = (last.len(), self.count * r);
        let scale = 1. / self.of.examples.len() as f64;
        let mut v = vec![0.; q];
        for i in 0..r {
            let mut z: Vec<f64> = (0..q).map(|j| self.active[(last.start + j) * r + i]).collect();
            let curvature = LossCurvature::new(self.of.criterion.loss, &z);
            loss_and_slope(self.of.criterion.loss, &mut z, self.of.examples.target(first + i));
            (0..q).for_each(|j| self.delta[(last.start + j) * r + i] = z[j] * scale);
            for b in 0..self.count {
                let at = |j: usize| (last.start + j) * wide + b * r + i;
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
}

/// The arithmetic of derivatives of pre-activations and activations along all vectors. A value is a range of units,
/// which is empty for the input.
struct Dual<'p, 'a> {
    pass: &'p mut Pass<'a>,
    r: usize,
    input: &'p [f64],
}

impl Algebra for Dual<'_, '_> {
    type Value = Range<usize>;
    type Error = collado_models::Error;
    const NAME: &'static str = "the exact curvature";

    fn affine(&mut self, op: &Affine, x: &Range<usize>) -> collado_models::Result<Range<usize>> {
        let (Pass { of, theta, vectors, count, active, r_active, r_before, .. }, r) =
            (&mut *self.pass, self.r);
        let wide = *count * r;
        let z = &mut r_before[op.units.start * wide..op.units.end * wide];
        let is_first = x.is_empty();
        if !is_first {
            let lower = Mat::new(&r_active[x.start * wide..], x.len(), wide);
            MatMut::new(z, op.outputs(), wide).product(weight_of(op, (*theta, 0)), lower, 0.);
        }
        let active = match is_first {
            true => Mat::new(self.input, r, op.inputs()).t(),
            false => Mat::new(&active[x.start * r..], x.len(), r),
        };
        let blocks = MatMut::new(z, op.outputs(), wide).split_columns(r);
        for ((_, mut block), v) in blocks.into_iter().zip(vectors.chunks_exact(of.size)) {
            block.product(weight_of(op, (v, 0)), active, if is_first { 0. } else { 1. });
        }
        for (b, v) in vectors.chunks_exact(of.size).enumerate() {
            for (z, c) in z.chunks_exact_mut(wide).zip(bias_of(op, (v, 0)).unwrap_or_default()) {
                z[b * r..(b + 1) * r].iter_mut().for_each(|z| *z += c);
            }
        }
        Ok(op.units.clone())
    }

    fn activation(&mut self, _: Activation, x: Range<usize>) -> collado_models::Result<Range<usize>> {
        let (Pass { count, slope, r_active, r_before, .. }, r) = (&mut *self.pass, self.r);
        let range = x.start * *count * r..x.end * *count * r;
        let rows = r_active[range.clone()].chunks_exact_mut(r).zip(r_before[range].chunks_exact(r));
        for (i, (a, z)) in rows.enumerate() {
            let slope = &slope[(x.start + i / *count) * r..][..r];
            a.iter_mut().zip(z).zip(slope).for_each(|((a, z), slope)| *a = z * slope);
        }
        Ok(x)
    }
}

/// The reverse pass for δ and R{δ}, which adds their contributions to the products.
struct Back<'p, 'a> {
    pass: &'p mut Pass<'a>,
    r: usize,
    input: &'p [f64],
    /// The vectors or sums `[B, S]`.
    sum: &'p mut [f64],
}

impl Reverse for Back<'_, '_> {
    type Error = collado_models::Error;
    const NAME: &'static str = "the exact curvature";

    fn affine(&mut self, op: &Affine, x: Place) -> collado_models::Result<()> {
        if x.units.is_empty() {
            self.pass.gradients(op, x.units, self.r, self.input, self.sum);
            return Ok(());
        }
        self.layer(op, Activation::Linear, x.units)
    }

    fn layer(&mut self, op: &Affine, rho: Activation, x: Range<usize>) -> collado_models::Result<()> {
        self.pass.gradients(op, x.clone(), self.r, self.input, self.sum);
        self.pass.back(op, rho, x, self.r);
        Ok(())
    }
}

impl Pass<'_> {
    /// Adds $R\{\delta_k\}a_{k-1}^\top+\delta_kR\{a_{k-1}\}^\top$ and $\sum R\{\delta_k\}$.
    fn gradients(&self, op: &Affine, x: Range<usize>, r: usize, input: &[f64], sum: &mut [f64]) {
        let wide = self.count * r;
        let active = match x.is_empty() {
            true => Mat::new(input, r, op.inputs()),
            false => Mat::new(&self.active[x.start * r..], x.len(), r).t(),
        };
        let r_delta = Mat::new(&self.r_delta[op.units.start * wide..], op.outputs(), wide);
        let delta = Mat::new(&self.delta[op.units.start * r..], op.outputs(), r);
        for (b, sum) in sum.chunks_exact_mut(self.of.size).enumerate() {
            let columns = (b * r, (b + 1) * r);
            let mut weight = MatMut::new(&mut sum[op.weight.clone()], op.outputs(), op.inputs());
            weight.product(r_delta.columns(columns.0, columns.1), active, 1.);
            if !x.is_empty() && self.form == CurvatureForm::Hessian {
                let r_active = Mat::new(&self.r_active[x.start * wide..], x.len(), wide);
                weight.product(delta, r_active.columns(columns.0, columns.1).t(), 1.);
            }
            if let Some(bias) = op.bias.clone() {
                for (j, sum) in sum[bias].iter_mut().enumerate() {
                    *sum += self.r_delta[(op.units.start + j) * wide + b * r..][..r].iter().sum::<f64>();
                }
            }
        }
    }

    /// Computes δ and R{δ} at the units `x`, whose activations by ρ the layer `op` reads.
    fn back(&mut self, op: &Affine, rho: Activation, x: Range<usize>, r: usize) {
        let wide = self.count * r;
        let (lower, upper) = self.r_delta.split_at_mut(op.units.start * wide);
        let lower = &mut lower[x.start * wide..][..x.len() * wide];
        let upper = Mat::new(upper, op.outputs(), wide);
        MatMut::new(lower, x.len(), wide).product(weight_of(op, (self.theta, 0)).t(), upper, 0.);
        let curved = self.form == CurvatureForm::Hessian;
        if curved {
            let delta = Mat::new(&self.delta[op.units.start * r..], op.outputs(), r);
            let blocks = MatMut::new(lower, x.len(), wide).split_columns(r);
            for ((_, mut block), v) in blocks.into_iter().zip(self.vectors.chunks_exact(self.of.size)) {
                block.product(weight_of(op, (v, 0)).t(), delta, 1.);
            }
            self.plain_back(op, rho, x.clone(), r);
        }
        let (lower, _) = self.r_delta.split_at_mut(op.units.start * wide);
        for (i, d) in lower[x.start * wide..x.end * wide].chunks_exact_mut(r).enumerate() {
            let row = x.start + i / self.count;
            let z = &self.r_before[x.start * wide + i * r..][..r];
            let (slope, bend) = (&self.slope[row * r..][..r], &self.bend[row * r..][..r]);
            for ((d, z), (slope, bend)) in d.iter_mut().zip(z).zip(slope.iter().zip(bend)) {
                *d *= slope;
                if curved {
                    *d += bend * z;
                }
            }
        }
    }

    /// Computes δ of the layer below, and the factors of ρ″.
    fn plain_back(&mut self, op: &Affine, rho: Activation, x: Range<usize>, r: usize) {
        let (lower, upper) = self.delta.split_at_mut(op.units.start * r);
        let lower = &mut lower[x.start * r..][..x.len() * r];
        let upper = Mat::new(upper, op.outputs(), r);
        MatMut::new(lower, x.len(), r).product(weight_of(op, (self.theta, 0)).t(), upper, 0.);
        let at = x.start * r;
        for (i, d) in lower.iter_mut().enumerate() {
            let (z, a) = (self.before[at + i], self.active[at + i]);
            self.bend[at + i] = second(rho, z, a) * *d;
            *d *= self.slope[at + i];
        }
    }
}
