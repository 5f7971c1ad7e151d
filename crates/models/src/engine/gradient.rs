//! Value and gradient of one point over one batch.

use rayon::prelude::*;

use super::{
    fused::{Fused, PARALLEL_FLOPS},
    matmul::{Mat, MatMut},
    tile::{Layer, Sums, TILE, Tile},
};
use crate::Real;

/// Tiles whose activations are kept at a time; their weight gradients are then added up in order.
const CHUNK: usize = 16;

/// Columns of a weight gradient that make one task; fixed, like [`TILE`].
const BLOCK: usize = 128;

impl<T: Real> Fused<T> {
    /// Sums over the batch, and the gradient of the mean loss written over `grad`.
    pub(super) fn point_gradient(
        &self,
        theta: &[T],
        inputs: &[T],
        rows: Option<&[u32]>,
        grad: &mut [T],
    ) -> Sums {
        let batch = rows.map_or(self.examples.len(), <[u32]>::len);
        let (n0, width) = (self.layers[0].inputs, self.width());
        let capacity = CHUNK * TILE.min(batch);
        let mut gathered = self.pool.take(if rows.is_some() { capacity * n0 } else { 0 });
        let (mut active, mut delta) = (self.pool.take(capacity * width), self.pool.take(capacity * width));
        let before =
            if self.layers.iter().any(|l| l.activation.slope_needs_input()) { capacity * width } else { 0 };
        let mut before = self.pool.take(before);
        let mut sums = Sums::default();
        for first in (0..batch).step_by(CHUNK * TILE) {
            let count = (CHUNK * TILE).min(batch - first);
            let input = match rows {
                None => &inputs[first * n0..(first + count) * n0],
                Some(rows) => {
                    gather(inputs, n0, &rows[first..first + count], &mut gathered);
                    &gathered[..count * n0]
                }
            };
            let mut chunk =
                Chunk { first, count, input, active: &mut active, delta: &mut delta, before: &mut before };
            sums += self.errors(theta, rows, batch, &mut chunk);
            self.weight_gradients(&chunk, first > 0, grad);
        }
        sums
    }

    /// Forward and backward of all tiles of a chunk.
    fn errors(&self, theta: &[T], rows: Option<&[u32]>, batch: usize, chunk: &mut Chunk<'_, T>) -> Sums {
        let (n0, width) = (self.layers[0].inputs, self.width());
        let (first, scale) = (chunk.first, T::of(1. / batch as f64));
        let read = self.read_out(rows);
        let run = |(t, (mut tile, input)): (usize, (Tile<'_, T>, &[T]))| {
            (0..self.layers.len()).for_each(|k| tile.layer(&self.layers, k, (theta, 0), input));
            let sums = tile.read_out(&self.layers, &read, first + t * TILE, scale);
            tile.backward(&self.layers, theta);
            sums
        };
        let parallel = self.is_parallel(chunk.count) && chunk.count > TILE;
        let input = chunk.input;
        let tiles = chunk.tiles(width).into_iter().zip(input.chunks(TILE * n0));
        let all: Vec<Sums> = if parallel {
            tiles.collect::<Vec<_>>().into_par_iter().enumerate().map(run).collect()
        } else {
            tiles.enumerate().map(run).collect()
        };
        let mut sums = Sums::default();
        all.into_iter().for_each(|s| sums += s);
        sums
    }

    /// $\partial W_k=\sum_\text{tiles}\delta_ka_{k-1}^\top$ and $\partial b_k$, block of columns by block of columns.
    fn weight_gradients(&self, chunk: &Chunk<'_, T>, add: bool, grad: &mut [T]) {
        let width = self.width();
        let mut tasks = Vec::new();
        let mut rest = grad;
        for (k, layer) in self.layers.iter().enumerate() {
            let (weight, after) = rest.split_at_mut(layer.inputs * layer.outputs);
            let (bias, after) = after.split_at_mut(if layer.bias.is_some() { layer.outputs } else { 0 });
            rest = after;
            chunk.bias_gradient(layer, width, add, bias);
            let blocks = MatMut::new(weight, layer.outputs, layer.inputs).split_columns(BLOCK);
            tasks.extend(blocks.into_iter().map(|(from, block)| (k, from, block)));
        }
        let run = |(k, from, mut block): (usize, usize, MatMut<'_, T>)| {
            let layer = &self.layers[k];
            let below = k.checked_sub(1).map(|k| &self.layers[k]);
            for t in 0..chunk.count.div_ceil(TILE) {
                let to = (from + BLOCK).min(layer.inputs);
                let input = chunk.below(t, width, below, layer.inputs).columns(from, to);
                block.product(chunk.delta(t, width, layer), input, add || t > 0);
            }
        };
        if self.is_parallel(chunk.count) && tasks.len() > 1 {
            tasks.into_par_iter().for_each(run);
        } else {
            tasks.into_iter().for_each(run);
        }
    }

    fn is_parallel(&self, rows: usize) -> bool {
        2 * self.size * rows >= PARALLEL_FLOPS
    }
}

/// Copies the rows of a minibatch together.
pub(super) fn gather<T: Real>(inputs: &[T], n0: usize, rows: &[u32], out: &mut [T]) {
    for (out, &row) in out.chunks_exact_mut(n0).zip(rows) {
        out.copy_from_slice(&inputs[row as usize * n0..][..n0]);
    }
}

/// Some tiles of a batch with their scratch: tile t holds `[Σ n_k][its rows]` from `t · TILE · Σ n_k` on.
struct Chunk<'a, T> {
    first: usize,
    count: usize,
    input: &'a [T],
    active: &'a mut [T],
    delta: &'a mut [T],
    before: &'a mut [T],
}

impl<'a, T: Real> Chunk<'a, T> {
    fn rows(&self, t: usize) -> usize {
        TILE.min(self.count - t * TILE)
    }

    fn tiles(&mut self, width: usize) -> Vec<Tile<'_, T>> {
        let counts: Vec<_> = (0..self.count.div_ceil(TILE)).map(|t| self.rows(t)).collect();
        let step = TILE * width;
        let mut before = self.before.chunks_mut(step);
        let both = self.active.chunks_mut(step).zip(self.delta.chunks_mut(step));
        counts
            .into_iter()
            .zip(both)
            .map(|(rows, (active, delta))| Tile {
                rows,
                active,
                delta,
                before: before.next().unwrap_or_default(),
            })
            .collect()
    }

    fn delta(&self, t: usize, width: usize, layer: &Layer) -> Mat<'_, T> {
        let rows = self.rows(t);
        Mat::new(&self.delta[t * TILE * width + layer.row * rows..], layer.outputs, rows)
    }

    /// What went into a layer, `[rows, inputs]`.
    fn below(&self, t: usize, width: usize, below: Option<&Layer>, inputs: usize) -> Mat<'_, T> {
        let rows = self.rows(t);
        match below {
            None => Mat::new(&self.input[t * TILE * inputs..], rows, inputs),
            Some(below) => Mat::new(&self.active[t * TILE * width + below.row * rows..], inputs, rows).t(),
        }
    }

    fn bias_gradient(&self, layer: &Layer, width: usize, add: bool, grad: &mut [T]) {
        if !add {
            grad.fill(T::zero());
        }
        for t in 0..self.count.div_ceil(TILE) {
            let rows = self.rows(t);
            let delta = &self.delta[t * TILE * width + layer.row * rows..];
            for (g, delta) in grad.iter_mut().zip(delta.chunks_exact(rows)) {
                *g += delta.iter().copied().sum();
            }
        }
    }
}
