//! One tile of examples through one network, forward and backward.
//!
//! Activations are feature-major, `[neuron][example]`: then forward products read the weights where they lie, the
//! bias and ρ run over contiguous rows, and nothing is transposed but the outputs of the last layer.

use super::{
    examples::Examples,
    matmul::{Mat, MatMut},
};
use crate::{Activation, Arch, Loss, Real, loss::loss_and_slope};

/// Examples in a tile: few enough for a layer's activations to stay in the L2 cache, many enough for the matrix
/// kernels. Fixed, so that results do not depend on the number of threads.
pub(super) const TILE: usize = 64;

/// Where the parameters of one layer lie in a point.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) weight: usize,
    pub(super) bias: Option<usize>,
    /// First row of the layer in a tile's activations, and of what ρ needs besides them.
    pub(super) row: usize,
    pub(super) activation: Activation,
}

impl Layer {
    /// The layers of `arch`.
    pub(super) fn all(arch: &Arch) -> Vec<Self> {
        let (mut column, mut row) = (0, 0);
        (0..arch.depth())
            .map(|k| {
                let (inputs, outputs) = (arch.widths()[k], arch.widths()[k + 1]);
                let weight = column;
                column += inputs * outputs;
                let bias = arch.has_bias(k).then_some(column);
                column += if bias.is_some() { outputs } else { 0 };
                let last = k + 1 == arch.depth();
                let activation = if last { Activation::Linear } else { arch.activation() };
                row += outputs;
                Self { inputs, outputs, weight, bias, row: row - outputs, activation }
            })
            .collect()
    }

    /// $W$ `[out, in]` in a point whose column `from` comes first in `theta`.
    pub(super) fn weight<'a, T: Real>(&self, theta: &'a [T], from: usize) -> Mat<'a, T> {
        Mat::new(&theta[self.weight - from..], self.outputs, self.inputs)
    }

    /// $b$ `[out]`, likewise.
    pub(super) fn bias<'a, T: Real>(&self, theta: &'a [T], from: usize) -> Option<&'a [T]> {
        self.bias.map(|at| &theta[at - from..][..self.outputs])
    }

    /// First parameter after the layer.
    pub(super) fn end(&self) -> usize {
        self.bias.map_or(self.weight + self.outputs * self.inputs, |bias| bias + self.outputs)
    }
}

/// What a tile added up: loss, and misclassified examples.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) loss: f64,
    pub(super) errors: f64,
}

/// Scratch of one tile of `rows` examples: activations of all layers `[Σ n_k][rows]`, as much again for gradients,
/// and pre-activations where ρ′ needs them.
pub(super) struct Tile<'a, T> {
    pub(super) rows: usize,
    pub(super) active: &'a mut [T],
    pub(super) delta: &'a mut [T],
    pub(super) before: &'a mut [T],
}

impl<T: Real> Tile<'_, T> {
    /// Activations of layer `k`: from `input` `[rows, n_0]` (row-major) for the first, else from the layer below.
    ///
    /// `theta` holds the point's parameters from column `from` on.
    pub(super) fn layer(&mut self, layers: &[Layer], k: usize, (theta, from): (&[T], usize), input: &[T]) {
        let (r, layer) = (self.rows, &layers[k]);
        let (below, here) = self.active.split_at_mut(layer.row * r);
        let here = &mut here[..layer.outputs * r];
        let x = match k {
            0 => Mat::new(input, r, layer.inputs).t(),
            _ => Mat::new(&below[layers[k - 1].row * r..], layer.inputs, r),
        };
        MatMut::new(here, layer.outputs, r).product(layer.weight(theta, from), x, false);
        self.activate(layer, layer.bias(theta, from));
    }

    /// Adds the bias to a layer's products and applies ρ.
    pub(super) fn activate(&mut self, layer: &Layer, bias: Option<&[T]>) {
        let range = layer.row * self.rows..(layer.row + layer.outputs) * self.rows;
        let before = match layer.activation.slope_needs_input() && !self.before.is_empty() {
            true => Some(&mut self.before[range.clone()]),
            false => None,
        };
        bias_and_activation(layer.activation, &mut self.active[range], bias, self.rows, before);
    }

    /// The loss of the last layer's outputs; `delta` takes $\partial\ell/\partial z_K$ times `scale` if it is there.
    pub(super) fn read_out(&mut self, layers: &[Layer], read: &ReadOut<'_>, first: usize, scale: T) -> Sums {
        let last = &layers[layers.len() - 1];
        let range = last.row * self.rows..(last.row + last.outputs) * self.rows;
        let delta = if self.delta.is_empty() { None } else { Some(&mut self.delta[range.clone()]) };
        read.apply(&self.active[range], delta, first, self.rows, scale)
    }

    /// Gradients with respect to all pre-activations, from the last layer's down to the first's.
    pub(super) fn backward(&mut self, layers: &[Layer], theta: &[T]) {
        let r = self.rows;
        for k in (1..layers.len()).rev() {
            let (layer, below) = (&layers[k], &layers[k - 1]);
            let (lower, upper) = self.delta.split_at_mut(layer.row * r);
            let lower = &mut lower[below.row * r..][..below.outputs * r];
            let upper = Mat::new(upper, layer.outputs, r);
            MatMut::new(lower, below.outputs, r).product(layer.weight(theta, 0).t(), upper, false);
            let active = &self.active[below.row * r..][..below.outputs * r];
            let before = match below.activation.slope_needs_input() {
                true => &self.before[below.row * r..][..below.outputs * r],
                false => active,
            };
            times_slope(below.activation, lower, before, active);
        }
    }
}

/// $a=\rho(z+b)$ in place on `[neuron][example]` rows of length `r`; keeps $z+b$ where asked.
pub(super) fn bias_and_activation<T: Real>(
    activation: Activation,
    z: &mut [T],
    bias: Option<&[T]>,
    r: usize,
    before: Option<&mut [T]>,
) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            if let Some(bias) = bias {
                for (z, &b) in z.chunks_exact_mut(r).zip(bias) {
                    z.iter_mut().for_each(|z| *z += b);
                }
            }
            if let Some(before) = before {
                before.copy_from_slice(z);
            }
            match activation {
                Activation::Linear => {}
                Activation::Relu => z.iter_mut().for_each(|z| *z = Activation::Relu.value(*z)),
                _ => z.iter_mut().for_each(|z| *z = activation.value(*z)),
            }
        },
    );
}

fn times_slope<T: Real>(activation: Activation, delta: &mut [T], before: &[T], active: &[T]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let both = delta.iter_mut().zip(before.iter().zip(active));
            match activation {
                Activation::Linear => {}
                Activation::Relu => both.for_each(|(d, (&z, &a))| *d *= Activation::Relu.slope(z, a)),
                _ => both.for_each(|(d, (&z, &a))| *d *= activation.slope(z, a)),
            }
        },
    );
}

/// What outputs are compared with: example `rows[i]`, or example i, for the i-th row of a batch.
#[derive(Clone, Copy)]
pub(super) struct ReadOut<'a> {
    pub(super) loss: Loss,
    pub(super) examples: &'a Examples,
    pub(super) rows: Option<&'a [u32]>,
}

impl ReadOut<'_> {
    /// The loss of `outputs` `[q][r]`, rows `first..first + r` of the batch.
    fn apply<T: Real>(
        &self,
        outputs: &[T],
        mut delta: Option<&mut [T]>,
        first: usize,
        r: usize,
        scale: T,
    ) -> Sums {
        let q = outputs.len() / r;
        let (mut short, mut long) = ([T::zero(); 16], Vec::new());
        let z = if q <= short.len() {
            &mut short[..q]
        } else {
            long.resize(q, T::zero());
            &mut long[..]
        };
        let mut sums = Sums::default();
        for i in 0..r {
            z.iter_mut().enumerate().for_each(|(j, z)| *z = outputs[j * r + i]);
            let row = self.rows.map_or(first + i, |rows| rows[first + i] as usize);
            let (loss, error) = loss_and_slope(self.loss, z, self.examples.target(row));
            sums += Sums { loss, errors: error };
            if let Some(delta) = &mut delta {
                z.iter().enumerate().for_each(|(j, z)| delta[j * r + i] = *z * scale);
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
