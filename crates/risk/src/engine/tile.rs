//! One tile of examples through one network, forward and backward.
//!
//! Activations are feature-major, `[neuron][example]`: then forward products read the weights where they lie, the
//! bias and ρ run over contiguous rows, and nothing is transposed but the outputs of the last layer.

use super::{
    examples::Examples,
    matmul::{Mat, MatMut},
    softmax::cross_entropy,
};
use crate::{Loss, loss::loss_and_slope};
use collado_models::{Activation, Arch, Real};

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

    /// The layer's rows in a tile.
    pub(super) fn rows(&self) -> std::ops::Range<usize> {
        self.row..self.row + self.outputs
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

/// Scratch of one tile of examples: activations of all layers `[Σ n_k][examples]`, as much again for gradients, and
/// pre-activations where ρ′ needs them; the latter two have no rows where they are not wanted.
pub(super) struct Tile<'a, T> {
    pub(super) active: MatMut<'a, T>,
    pub(super) delta: MatMut<'a, T>,
    pub(super) before: MatMut<'a, T>,
}

impl<'a, T: Real> Tile<'a, T> {
    /// For forward passes of `rows` examples: `active` `[width][rows]`, and `before` as large or empty.
    pub(super) fn forward(active: &'a mut [T], before: &'a mut [T], width: usize, rows: usize) -> Self {
        let kept = if before.is_empty() { 0 } else { width };
        Self {
            active: MatMut::new(active, width, rows),
            before: MatMut::new(before, kept, rows),
            delta: MatMut::new(&mut [], 0, rows),
        }
    }

    /// Activations of layer `k`: from `input` `[rows, n_0]` (row-major) for the first, else from the layer below.
    ///
    /// `theta` holds the point's parameters from column `from` on.
    pub(super) fn layer(&mut self, layers: &[Layer], k: usize, (theta, from): (&[T], usize), input: &[T]) {
        let (r, layer) = (self.active.cols(), &layers[k]);
        let (below, mut here) = self.active.split_rows(layer.row);
        let x = match k {
            0 => Mat::new(input, r, layer.inputs).t(),
            _ => below.rows(layers[k - 1].rows()),
        };
        here.rows_mut(0..layer.outputs).product(layer.weight(theta, from), x, T::zero());
        self.activate(layer, layer.bias(theta, from));
    }

    /// Adds the bias to a layer's products and applies ρ.
    pub(super) fn activate(&mut self, layer: &Layer, bias: Option<&[T]>) {
        let keep = layer.activation.slope_needs_input() && self.before.count() > 0;
        let before = keep.then(|| self.before.rows_mut(layer.rows()));
        bias_and_activation(layer.activation, self.active.rows_mut(layer.rows()), bias, before);
    }

    /// The loss of the last layer's outputs; `delta` takes $\partial\ell/\partial z_K$ times `scale` if it is there.
    pub(super) fn read_out(&mut self, layers: &[Layer], read: &ReadOut<'_>, first: usize, scale: T) -> Sums {
        let last = layers[layers.len() - 1].rows();
        let delta = (self.delta.count() > 0).then(|| self.delta.rows_mut(last.clone()));
        read.apply(self.active.rows(last), delta, first, scale)
    }
}

/// $a=\rho(z+b)$ in place on `[neuron][example]` rows; keeps $z+b$ where asked.
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
                    _ => z.iter_mut().for_each(|z| *z = activation.value(*z + bias)),
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
                    _ => both.for_each(|(d, (&z, &a))| *d *= activation.slope(z, a)),
                }
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
    pub(super) fn apply<T: Real>(
        &self,
        outputs: Mat<'_, T>,
        mut delta: Option<MatMut<'_, T>>,
        first: usize,
        scale: T,
    ) -> Sums {
        let (q, r) = outputs.size();
        let row = |i: usize| self.rows.map_or(first + i, |rows| rows[first + i] as usize);
        if self.loss == Loss::CrossEntropy && self.examples.is_classes() {
            return cross_entropy(outputs, delta, |i| self.examples.label(row(i)), scale);
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
