//! Value and gradient of one point over one batch.

use rayon::prelude::*;

use super::{
    fused::{Fused, PARALLEL_FLOPS},
    matmul::{Mat, MatMut},
    tile::{Sums, TILE, Tile, times_slope},
};
use crate::Real;

/// Examples whose activations are kept at a time; their weight gradients are then one product a layer.
const CHUNK: usize = 1024;

/// Examples in a tile of a batch of `batch`: wide tiles read the weights less often, narrow ones share a small batch
/// among threads. Depends on the batch alone, so that results do not depend on the number of threads.
fn tile(batch: usize) -> usize {
    if batch < 4 * TILE { TILE } else { 2 * TILE }
}

/// Columns of a weight gradient that make one task; fixed, like [`TILE`].
const BLOCK: usize = 128;

/// Examples of a block that the error goes back to.
const EXAMPLES: usize = 256;

/// Neurons of such a block: at least two blocks, about 256 neurons each.
fn block(neurons: usize) -> usize {
    neurons.div_ceil(neurons.div_ceil(256).max(2)).next_multiple_of(8)
}

/// Where a gradient goes: `grad = weight * gradient`, or `grad += …` when `add`.
pub(super) struct Sink<'a, T> {
    pub(super) grad: &'a mut [T],
    pub(super) weight: f64,
    pub(super) add: bool,
}

impl<T: Real> Fused<T> {
    /// Sums over the batch, and the gradient of the mean loss where `sink` wants it.
    pub(super) fn point_gradient(
        &self,
        theta: &[T],
        inputs: &[T],
        rows: Option<&[u32]>,
        sink: &mut Sink<'_, T>,
    ) -> Sums {
        let batch = self.batch_size(rows);
        let (n0, width) = (self.layers[0].inputs, self.width());
        let capacity = CHUNK.min(batch);
        let mut gathered = self.pool.take(if rows.is_some() { capacity * n0 } else { 0 });
        let (mut active, mut delta) = (self.pool.take(capacity * width), self.pool.take(capacity * width));
        let keeps = self.layers.iter().any(|l| l.activation.slope_needs_input());
        let mut before = self.pool.take(if keeps { capacity * width } else { 0 });
        let mut sums = Sums::default();
        for first in (0..batch).step_by(CHUNK) {
            let count = CHUNK.min(batch - first);
            let input = match rows {
                None => &inputs[first * n0..(first + count) * n0],
                Some(rows) => {
                    gather(inputs, n0, &rows[first..first + count], &mut gathered);
                    &gathered[..count * n0]
                }
            };
            let mut chunk = Tile {
                active: MatMut::new(&mut active, width, count),
                delta: MatMut::new(&mut delta, width, count),
                before: MatMut::new(&mut before, if keeps { width } else { 0 }, count),
            };
            let scale = T::of(sink.weight / batch as f64);
            sums += self.forward((theta, tile(batch)), (rows, first), &mut chunk, input, scale);
            self.backward(theta, &mut chunk);
            self.weight_gradients(&chunk, input, sink.add || first > 0, sink.grad);
        }
        sums
    }

    /// Forward passes of all tiles of a chunk, and the gradients of their losses with respect to the outputs.
    fn forward(
        &self,
        (theta, width): (&[T], usize),
        (rows, first): (Option<&[u32]>, usize),
        chunk: &mut Tile<'_, T>,
        input: &[T],
        scale: T,
    ) -> Sums {
        let n0 = self.layers[0].inputs;
        let count = chunk.active.cols();
        let read = self.read_out(rows);
        let run = |(from, mut tile): (usize, Tile<'_, T>)| {
            let input = &input[from * n0..][..tile.active.cols() * n0];
            (0..self.layers.len()).for_each(|k| tile.layer(&self.layers, k, (theta, 0), input));
            tile.read_out(&self.layers, &read, first + from, scale)
        };
        let tiles = chunk.split(width);
        let all: Vec<Sums> = if self.is_parallel(count) && count > width {
            tiles.collect::<Vec<_>>().into_par_iter().map(run).collect()
        } else {
            tiles.map(run).collect()
        };
        let mut sums = Sums::default();
        all.into_iter().for_each(|s| sums += s);
        sums
    }

    /// Gradients with respect to all pre-activations, from the last layer's down to the first's: block of neurons by
    /// block of neurons, so that a weight is packed for the product once for many examples.
    fn backward(&self, theta: &[T], chunk: &mut Tile<'_, T>) {
        let count = chunk.active.cols();
        for (below, layer) in self.layers.iter().zip(&self.layers[1..]).rev() {
            let (mut lower, upper) = chunk.delta.split_rows(layer.row);
            let upper = upper.rows(0..layer.outputs);
            let active = chunk.active.rows(below.rows());
            let before = match below.activation.slope_needs_input() {
                true => chunk.before.rows(below.rows()),
                false => active,
            };
            let run = |(neuron, example, mut delta): (usize, usize, MatMut<'_, T>)| {
                let (neurons, examples) = (neuron + delta.count(), example + delta.cols());
                let weight = layer.weight(theta, 0).columns(neuron, neurons);
                delta.product(weight.t(), upper.columns(example, examples), false);
                let [before, active] =
                    [before, active].map(|of| of.part(neuron, neurons).columns(example, examples));
                times_slope(below.activation, delta, before, active);
            };
            let lower = lower.rows_mut(below.rows());
            if self.is_parallel(count) {
                let blocks = lower.split_height(block(below.outputs)).flat_map(|(neuron, rows)| {
                    rows.split_columns(EXAMPLES).map(move |(example, block)| (neuron, example, block))
                });
                blocks.collect::<Vec<_>>().into_par_iter().for_each(run);
            } else {
                run((0, 0, lower));
            }
        }
    }

    /// $\partial W_k=\delta_ka_{k-1}^\top$ and $\partial b_k$ over the chunk, block of columns by block of columns.
    fn weight_gradients(&self, chunk: &Tile<'_, T>, input: &[T], add: bool, grad: &mut [T]) {
        let mut tasks = Vec::new();
        let mut rest = grad;
        for (k, layer) in self.layers.iter().enumerate() {
            let (weight, after) = rest.split_at_mut(layer.inputs * layer.outputs);
            let (bias, after) = after.split_at_mut(if layer.bias.is_some() { layer.outputs } else { 0 });
            rest = after;
            for (g, delta) in bias.iter_mut().zip(chunk.delta.rows(layer.rows()).each_row()) {
                let old = if add { *g } else { T::zero() };
                *g = old + delta.iter().copied().sum();
            }
            let blocks = MatMut::new(weight, layer.outputs, layer.inputs).split_columns(BLOCK);
            tasks.extend(blocks.map(|(from, block)| (k, from, block)));
        }
        let count = chunk.active.cols();
        let run = |(k, from, mut block): (usize, usize, MatMut<'_, T>)| {
            let layer = &self.layers[k];
            let below = match k {
                0 => Mat::new(input, count, layer.inputs),
                _ => chunk.active.rows(self.layers[k - 1].rows()).t(),
            };
            let to = (from + BLOCK).min(layer.inputs);
            block.product(chunk.delta.rows(layer.rows()), below.columns(from, to), add);
        };
        if self.is_parallel(count) && tasks.len() > 1 {
            tasks.into_par_iter().for_each(run);
        } else {
            tasks.into_iter().for_each(run);
        }
    }

    /// Whether a pass over `rows` examples of one point is worth several threads.
    pub(super) fn is_parallel(&self, rows: usize) -> bool {
        2 * self.size * rows >= PARALLEL_FLOPS
    }
}

/// Copies the rows of a minibatch together.
pub(super) fn gather<T: Real>(inputs: &[T], n0: usize, rows: &[u32], out: &mut [T]) {
    for (out, &row) in out.chunks_exact_mut(n0).zip(rows) {
        out.copy_from_slice(&inputs[row as usize * n0..][..n0]);
    }
}

impl<T: Real> Tile<'_, T> {
    /// Tiles of `width` examples each, with their first example.
    fn split(&mut self, width: usize) -> impl Iterator<Item = (usize, Tile<'_, T>)> {
        let (mut delta, mut before) =
            (self.delta.all().split_columns(width), self.before.all().split_columns(width));
        self.active.all().split_columns(width).filter_map(move |(from, active)| {
            Some((from, Tile { active, delta: delta.next()?.1, before: before.next()?.1 }))
        })
    }
}
