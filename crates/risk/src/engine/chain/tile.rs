//! The passes of one tile of examples through one network, forward and backward.
//!
//! Activations are feature-major, `[neuron][example]`. Forward products can then read the weights where they lie, bias
//! and ρ act on contiguous rows, and only the outputs of the last layer are transposed.

use super::{
    matmul::{Mat, MatMut},
    softmax::cross_entropy,
};
use std::ops::Range;

use collado_models::{Activation, Affine, Algebra, Real, specialize};

use crate::{Examples, Loss, loss::loss_and_slope, span::combine};

/// Number of examples in a tile: few enough for a layer's activations to stay in the L2 cache, many enough for the
/// matrix kernels. It is fixed, so that results do not depend on the number of threads.
pub(in crate::engine) const TILE: usize = 64;

/// The weight $W$ `[out, in]` of a layer, where `theta` holds the columns of a point from column `from` on.
pub(in crate::engine) fn weight_of<'a, T: Real>(
    layer: &Affine,
    (theta, from): (&'a [T], usize),
) -> Mat<'a, T> {
    Mat::new(&theta[layer.weight.start - from..], layer.outputs(), layer.inputs())
}

/// The bias $b$ `[out]` of a layer, likewise.
pub(in crate::engine) fn bias_of<'a, T: Real>(
    layer: &Affine,
    (theta, from): (&'a [T], usize),
) -> Option<&'a [T]> {
    layer.bias.as_ref().map(|bias| &theta[bias.start - from..][..layer.outputs()])
}

/// Sums over examples: the loss and the number of misclassified examples.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::engine) struct Sums {
    pub(in crate::engine) loss: f64,
    pub(in crate::engine) errors: f64,
}

/// The scratch memory of one tile: the activations of all layers `[Σ n_k][examples]`, their gradients of the same size,
/// and pre-activations where ρ′ needs them. The latter two are empty where they are not needed.
pub(in crate::engine) struct Tile<'a, T> {
    pub(super) active: MatMut<'a, T>,
    pub(super) delta: MatMut<'a, T>,
    pub(super) before: MatMut<'a, T>,
}

impl<'a, T: Real> Tile<'a, T> {
    /// A tile for forward passes of `rows` examples; `active` is `[width][rows]`, and `before` has the same size or is
    /// empty.
    pub(in crate::engine) fn forward(
        active: &'a mut [T],
        before: &'a mut [T],
        width: usize,
        rows: usize,
    ) -> Self {
        let kept = if before.is_empty() { 0 } else { width };
        Self {
            active: MatMut::new(active, width, rows),
            before: MatMut::new(before, kept, rows),
            delta: MatMut::new(&mut [], 0, rows),
        }
    }

    /// Adds the bias to a layer's products and applies ρ.
    pub(super) fn activate(&mut self, units: Range<usize>, rho: Activation, bias: Option<&[T]>) {
        let keep = rho.slope_needs_input() && self.before.count() > 0;
        let before = keep.then(|| self.before.rows_mut(units.clone()));
        bias_and_activation(rho, self.active.rows_mut(units), bias, before);
    }

    /// Computes the loss of the last layer's outputs; `delta`, if present, receives $\partial\ell/\partial z_K$ times
    /// `scale`.
    pub(super) fn read_out(
        &mut self,
        last: Range<usize>,
        read: &ReadOut<'_>,
        first: usize,
        scale: T,
    ) -> Sums {
        let delta = (self.delta.count() > 0).then(|| self.delta.rows_mut(last.clone()));
        read.apply(self.active.rows(last), delta, first, scale)
    }
}

/// The forward pass of one point through a tile. A value is its range among the tile's rows, which is empty for the
/// input.
pub(in crate::engine) struct Forward<'t, 'a, T> {
    pub(in crate::engine) tile: &'t mut Tile<'a, T>,
    /// The point's parameters from some column on, and the number of that column.
    pub(in crate::engine) theta: (&'t [T], usize),
    pub(in crate::engine) first: First<'t, T>,
}

/// The source of the first layer's results.
#[derive(Clone, Copy)]
pub(in crate::engine) enum First<'t, T> {
    /// The inputs `[rows, n_0]`, row-major.
    Inputs(&'t [T]),
    /// The products $W_1^{(j)}x+b_1^{(j)}$ of every vertex j, `[V][n_1][rows]`, and the point's coefficients.
    Products(&'t [T], &'t [f64]),
}

impl<T: Real> Algebra for Forward<'_, '_, T> {
    type Value = Range<usize>;
    type Error = collado_models::Error;
    const NAME: &'static str = "the engine for chains";

    fn affine(&mut self, op: &Affine, x: &Range<usize>) -> collado_models::Result<Range<usize>> {
        self.layer(op, Activation::Linear, x)
    }

    fn layer(
        &mut self,
        op: &Affine,
        rho: Activation,
        x: &Range<usize>,
    ) -> collado_models::Result<Range<usize>> {
        let rows = self.tile.active.cols();
        let (below, mut here) = self.tile.active.split_rows(op.units.start);
        let x = match (x.is_empty(), self.first) {
            (false, _) => below.rows(x.clone()),
            (true, First::Inputs(input)) => Mat::new(input, rows, op.inputs()).t(),
            (true, First::Products(products, coefficients)) => {
                let vertices = products.chunks_exact(op.outputs() * rows);
                combine(vertices, coefficients, self.tile.active.as_slice_mut(op.outputs()));
                self.tile.activate(op.units.clone(), rho, None);
                return Ok(op.units.clone());
            }
        };
        here.rows_mut(0..op.outputs()).product(weight_of(op, self.theta), x, T::zero());
        self.tile.activate(op.units.clone(), rho, bias_of(op, self.theta));
        Ok(op.units.clone())
    }
}

/// Computes $a=\rho(z+b)$ in place on rows `[neuron][example]`, and keeps $z+b$ where asked.
pub(super) fn bias_and_activation<T: Real>(
    activation: Activation,
    mut z: MatMut<'_, T>,
    bias: Option<&[T]>,
    mut before: Option<MatMut<'_, T>>,
) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            // All of a row at once: it stays in the L1 cache.
            let mut before = before.as_mut().map(MatMut::each_row);
            for (i, z) in z.each_row().enumerate() {
                let bias = bias.map_or(T::zero(), |b| b[i]);
                if let Some(before) = before.as_mut().and_then(Iterator::next) {
                    before.iter_mut().zip(&*z).for_each(|(before, &z)| *before = z + bias);
                }
                match activation {
                    Activation::Linear => z.iter_mut().for_each(|z| *z += bias),
                    Activation::Relu => z.iter_mut().for_each(|z| *z = Activation::Relu.value(*z + bias)),
                    _ => specialize!(activation, RHO => z.iter_mut().for_each(|z| *z = RHO.value(*z + bias))),
                }
            }
        },
    );
}

pub(super) fn times_slope<T: Real>(
    activation: Activation,
    mut delta: MatMut<'_, T>,
    before: Mat<'_, T>,
    active: Mat<'_, T>,
) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (delta, (before, active)) in delta.each_row().zip(before.each_row().zip(active.each_row())) {
                let both = delta.iter_mut().zip(before.iter().zip(active));
                match activation {
                    Activation::Linear => {}
                    Activation::Relu => both.for_each(|(d, (&z, &a))| *d *= Activation::Relu.slope(z, a)),
                    _ => specialize!(activation, RHO => both.for_each(|(d, (&z, &a))| *d *= RHO.slope(z, a))),
                }
            }
        },
    );
}

/// The targets and the loss of a batch, whose i-th row is example `rows[i]`, or example i.
#[derive(Clone, Copy)]
pub(in crate::engine) struct ReadOut<'a> {
    pub(in crate::engine) loss: Loss,
    pub(in crate::engine) examples: &'a Examples,
    pub(in crate::engine) rows: Option<&'a [u32]>,
}

impl ReadOut<'_> {
    /// Computes the loss of `outputs` `[q][r]` for the rows `first..first + r` of the batch.
    pub(in crate::engine) fn apply<T: Real>(
        &self,
        outputs: Mat<'_, T>,
        mut delta: Option<MatMut<'_, T>>,
        first: usize,
        scale: T,
    ) -> Sums {
        let (q, r) = outputs.size();
        let row = |i: usize| self.rows.map_or(first + i, |rows| rows[first + i] as usize);
        if let (Loss::CrossEntropy, Some(labels)) = (self.loss, self.examples.targets().classes()) {
            return cross_entropy(outputs, delta, |i| labels[row(i)] as usize, scale);
        }
        let (mut short, mut long) = ([T::zero(); 16], Vec::new());
        let z = if q <= short.len() {
            &mut short[..q]
        } else {
            long.resize(q, T::zero());
            &mut long[..]
        };
        let mut sums = Sums::default();
        for i in 0..r {
            z.iter_mut().zip(outputs.each_row()).for_each(|(z, outputs)| *z = outputs[i]);
            let (loss, error) = loss_and_slope(self.loss, z, self.examples.target(row(i)));
            sums += Sums { loss, errors: error };
            if let Some(delta) = &mut delta {
                delta.each_row().zip(&*z).for_each(|(delta, z)| delta[i] = *z * scale);
            }
        }
        sums
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.errors += other.errors;
    }
}
