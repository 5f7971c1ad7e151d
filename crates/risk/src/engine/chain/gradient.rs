//! The value and the gradient of one point over one batch.

use std::ops::Range;

use collado_models::{Activation, Affine, Algebra, Place, Real, Reverse};
use rayon::prelude::*;

use super::{
    fused::{Fused, PARALLEL_FLOPS, Sink},
    matmul::{Mat, MatMut},
    tile::{Sums, TILE, Tile, bias_and_activation, bias_of, times_slope, weight_of},
};

/// Number of examples whose activations are kept at a time. Their weight gradients are one matrix product per layer.
const CHUNK: usize = 1024;

/// Number of columns of a weight gradient in one task. It is fixed, so that results do not depend on the threads.
const BLOCK: usize = 128;

/// Number of examples in a block of activations or of their gradients.
const EXAMPLES: usize = 256;

/// The number of neurons in such a block, so that there are at least two blocks of about 256 neurons each.
fn block(neurons: usize) -> usize {
    neurons.div_ceil(neurons.div_ceil(256).max(2)).next_multiple_of(8)
}

/// A block of a layer: its first row, its first column, and a view of its elements.
type Block<'a, T> = (usize, usize, MatMut<'a, T>);

impl<T: Real> Fused<T> {
    /// Computes the sums over the batch, and the gradient of the mean loss if there is a `sink`.
    pub(super) fn point_gradient(
        &self,
        theta: &[T],
        inputs: &[T],
        rows: Option<&[u32]>,
        sink: &mut Sink<'_, T>,
    ) -> Sums {
        let batch = self.batch_size(rows);
        let (n0, width) = (self.chain.inputs(), self.width());
        let capacity = CHUNK.min(batch);
        let mut gathered = self.pool.take(if rows.is_some() { capacity * n0 } else { 0 });
        let (mut active, mut delta) = (self.pool.take(capacity * width), self.pool.take(capacity * width));
        let keeps = self.chain.iter().any(|l| l.activation.slope_needs_input());
        let mut before = self.pool.take(if keeps { capacity * width } else { 0 });
        let mut sums = Sums::default();
        for first in (0..batch).step_by(CHUNK) {
            let count = CHUNK.min(batch - first);
            let input = match rows {
                None => &inputs[first * n0..(first + count) * n0],
                Some(rows) => {
                    self.gather(inputs, &rows[first..first + count], &mut gathered[..count * n0]);
                    &gathered[..count * n0]
                }
            };
            let mut chunk = Tile {
                active: MatMut::new(&mut active, width, count),
                delta: MatMut::new(&mut delta, width, count),
                before: MatMut::new(&mut before, if keeps { width } else { 0 }, count),
            };
            let scale = T::of(sink.weight / batch as f64);
            let mut pass = Pass { fused: self, theta, chunk: &mut chunk, input };
            let outputs = self.network.run(&mut pass, 0..0).expect("a chain has rules for its layers");
            sums += self.read_out_chunk((rows, first), outputs, pass.chunk, scale);
            self.network.run_back(&mut pass).expect("a chain has rules for its layers");
            let keep = if first == 0 { sink.keep } else { T::one() };
            self.weight_gradients(&chunk, input, keep, sink.grad);
        }
        sums
    }

    /// Copies the rows of a minibatch into one array, on several threads where that is worth it, since they lie far
    /// apart.
    fn gather(&self, inputs: &[T], rows: &[u32], out: &mut [T]) {
        const ROWS: usize = 32;
        let n0 = self.chain.inputs();
        if self.is_parallel(rows.len()) {
            let parts = out.par_chunks_mut(ROWS * n0).zip(rows.par_chunks(ROWS));
            parts.for_each(|(out, rows)| gather(inputs, n0, rows, out));
        } else {
            gather(inputs, n0, rows, out);
        }
    }

    /// Computes the loss, and its gradients with respect to the outputs.
    fn read_out_chunk(
        &self,
        (rows, first): (Option<&[u32]>, usize),
        last: Range<usize>,
        chunk: &mut Tile<'_, T>,
        scale: T,
    ) -> Sums {
        let (outputs, delta) = (chunk.active.rows(last.clone()), chunk.delta.rows_mut(last));
        let read = self.read_out(rows);
        let count = outputs.size().1;
        let run = |(example, delta): (usize, MatMut<'_, T>)| {
            let outputs = outputs.columns(example, example + delta.cols());
            read.apply(outputs, Some(delta), first + example, scale)
        };
        let tiles = delta.split_columns(TILE);
        let all: Vec<Sums> = if self.is_parallel(count) {
            tiles.collect::<Vec<_>>().into_par_iter().map(run).collect()
        } else {
            tiles.map(run).collect()
        };
        let mut sums = Sums::default();
        all.into_iter().for_each(|s| sums += s);
        sums
    }

    /// Divides the rows of some units into blocks that are tasks of their own, or one block where threads are not worth
    /// it.
    fn blocks<'b>(&self, rows: MatMut<'b, T>, units: usize) -> impl Iterator<Item = Block<'b, T>> {
        let (height, width) = match self.is_parallel(rows.cols()) {
            true => (block(units), EXAMPLES),
            false => (units, rows.cols().max(1)),
        };
        rows.blocks(height, width)
    }

    /// Computes $\partial W_k=\delta_ka_{k-1}^\top$ and $\partial b_k$ over the chunk, in blocks of columns.
    fn weight_gradients(&self, chunk: &Tile<'_, T>, input: &[T], keep: T, grad: &mut [T]) {
        let mut tasks = Vec::new();
        let mut rest = grad;
        for (k, layer) in self.chain.iter().enumerate() {
            let (weight, after) = rest.split_at_mut(layer.weight.len());
            let (bias, after) = after.split_at_mut(layer.bias.as_ref().map_or(0, Range::len));
            rest = after;
            for (g, delta) in bias.iter_mut().zip(chunk.delta.rows(layer.units.clone()).each_row()) {
                *g = sum(delta) + if keep == T::zero() { keep } else { keep * *g };
            }
            let blocks = MatMut::new(weight, layer.outputs(), layer.inputs()).split_columns(BLOCK);
            tasks.extend(blocks.map(|(from, block)| (k, from, block)));
        }
        let count = chunk.active.cols();
        let run = |(k, from, mut block): (usize, usize, MatMut<'_, T>)| {
            let layer = &self.chain[k];
            let below = match k {
                0 => Mat::new(input, count, layer.inputs()),
                _ => chunk.active.rows(self.chain[k - 1].units.clone()).t(),
            };
            let to = (from + BLOCK).min(layer.inputs());
            block.product(chunk.delta.rows(layer.units.clone()), below.columns(from, to), keep);
        };
        self.each(count, tasks.into_iter(), run);
    }

    /// Runs the tasks of a pass over `rows` examples, on several threads where that is worth it.
    fn each<J: Send>(&self, rows: usize, tasks: impl Iterator<Item = J>, run: impl Fn(J) + Send + Sync) {
        if self.is_parallel(rows) {
            tasks.collect::<Vec<_>>().into_par_iter().for_each(run);
        } else {
            tasks.for_each(run);
        }
    }

    /// Whether a pass over `rows` examples of one point is worth several threads.
    pub(super) fn is_parallel(&self, rows: usize) -> bool {
        2 * self.size * rows >= PARALLEL_FLOPS
    }
}

/// The forward and reverse pass of one point through a chunk of examples. A value is its range among the chunk's rows,
/// which is empty for the input.
struct Pass<'p, 'a, T> {
    fused: &'p Fused<T>,
    theta: &'p [T],
    chunk: &'p mut Tile<'a, T>,
    /// The inputs `[count, n_0]`.
    input: &'p [T],
}

/// Computes activations in blocks of neurons, so that a weight is read once for many examples.
impl<T: Real> Algebra for Pass<'_, '_, T> {
    type Value = Range<usize>;
    type Error = collado_models::Error;
    const NAME: &'static str = "the engine for chains";

    fn affine(&mut self, op: &Affine, x: &Range<usize>) -> collado_models::Result<Range<usize>> {
        Algebra::layer(self, op, Activation::Linear, x)
    }

    fn layer(
        &mut self,
        op: &Affine,
        rho: Activation,
        x: &Range<usize>,
    ) -> collado_models::Result<Range<usize>> {
        let count = self.chunk.active.cols();
        let (below, mut here) = self.chunk.active.split_rows(op.units.start);
        let x = match x.is_empty() {
            true => Mat::new(self.input, count, op.inputs()).t(),
            false => below.rows(x.clone()),
        };
        let kept = rho.slope_needs_input();
        let before = self.chunk.before.rows_mut(if kept { op.units.clone() } else { 0..0 });
        let (weight, bias) = (weight_of(op, (self.theta, 0)), bias_of(op, (self.theta, 0)));
        let run = |((neuron, example, mut z), before): (Block<'_, T>, Option<Block<'_, T>>)| {
            let (neurons, examples) = (neuron + z.count(), example + z.cols());
            z.product(weight.part(neuron, neurons), x.columns(example, examples), T::zero());
            let bias = bias.map(|b| &b[neuron..neurons]);
            bias_and_activation(rho, z, bias, before.map(|b| b.2));
        };
        let mut before = self.fused.blocks(before, op.outputs());
        let here = self.fused.blocks(here.rows_mut(0..op.outputs()), op.outputs());
        self.fused.each(count, here.map(|z| (z, before.next())), run);
        Ok(op.units.clone())
    }
}

/// Computes the gradients with respect to all pre-activations, from the last layer to the first.
impl<T: Real> Reverse for Pass<'_, '_, T> {
    type Error = collado_models::Error;
    const NAME: &'static str = "the engine for chains";

    fn affine(&mut self, op: &Affine, x: Place) -> collado_models::Result<()> {
        if x.units.is_empty() { Ok(()) } else { Reverse::layer(self, op, Activation::Linear, x.units) }
    }

    fn layer(&mut self, op: &Affine, rho: Activation, x: Range<usize>) -> collado_models::Result<()> {
        let count = self.chunk.active.cols();
        let (mut lower, upper) = self.chunk.delta.split_rows(op.units.start);
        let upper = upper.rows(0..op.outputs());
        let active = self.chunk.active.rows(x.clone());
        let before = match rho.slope_needs_input() {
            true => self.chunk.before.rows(x.clone()),
            false => active,
        };
        let run = |(neuron, example, mut delta): Block<'_, T>| {
            let (neurons, examples) = (neuron + delta.count(), example + delta.cols());
            let weight = weight_of(op, (self.theta, 0)).columns(neuron, neurons);
            delta.product(weight.t(), upper.columns(example, examples), T::zero());
            let [before, active] =
                [before, active].map(|of| of.part(neuron, neurons).columns(example, examples));
            times_slope(rho, delta, before, active);
        };
        let blocks = self.fused.blocks(lower.rows_mut(x), op.inputs());
        self.fused.each(count, blocks, run);
        Ok(())
    }
}

/// The sum of a row, in lanes that the compiler can keep in one register.
fn sum<T: Real>(row: &[T]) -> T {
    let (lanes, rest) = row.as_chunks::<8>();
    let mut sums = [T::zero(); 8];
    for lane in lanes {
        sums.iter_mut().zip(lane).for_each(|(s, &x)| *s += x);
    }
    sums.iter().chain(rest).copied().sum()
}

/// Copies the rows of a minibatch into one array.
pub(super) fn gather<T: Real>(inputs: &[T], n0: usize, rows: &[u32], out: &mut [T]) {
    for (out, &row) in out.chunks_exact_mut(n0).zip(rows) {
        out.copy_from_slice(&inputs[row as usize * n0..][..n0]);
    }
}
