//! Values without gradients at any number of points, as for profiles and planes.

use rayon::prelude::*;

use collado_models::Real;

use super::{
    fused::{Fused, PARALLEL_FLOPS, Points},
    gradient::gather,
    matmul::{Mat, MatMut},
    pool::Buffer,
    tile::{First, Forward, Sums, TILE, Tile, bias_of, weight_of},
};
use crate::{Evaluation, Rows};

impl<T: Real> Fused<T> {
    /// Computes the values of all points, in groups whose upper layers fit into memory.
    pub(super) fn values(&self, points: Points<'_, T>, inputs: &[T], rows: Rows<'_>) -> Vec<Evaluation> {
        let count = self.batch_size(rows.of(0));
        let head = self.chain[0].end();
        // Sharing the first layer's products pays when there are fewer vertices than points.
        let shared = points.coefficients.is_some()
            && points.vertex_count() < points.count
            && !matches!(rows, Rows::Each { .. });
        let from = if shared { head } else { 0 };
        let tail = self.size - from;
        let group = match points.coefficients {
            None => points.count,
            Some(_) => self.memory / 4 / (tail * size_of::<T>()).max(1),
        }
        .clamp(1, points.count.max(1));
        let mut sums = Vec::with_capacity(points.count);
        let mut tails = self.pool.take(if points.coefficients.is_some() { group * tail } else { 0 });
        for first in (0..points.count).step_by(group) {
            let members = first..(first + group).min(points.count);
            if points.coefficients.is_some() && tail > 0 {
                let fill = |(i, out): (usize, &mut [T])| {
                    points.get(first + i, from..self.size, out);
                };
                tails[..members.len() * tail].par_chunks_mut(tail).enumerate().for_each(fill);
            }
            let tile = tile::<T>(tail);
            let pass = Pass { points, first, from, tails: &tails, tail, shared, inputs, rows, count, tile };
            sums.extend(self.pass(&pass, members.len()));
        }
        sums.into_iter().enumerate().map(|(i, s)| self.value(s, count, self.penalty(points, i))).collect()
    }

    /// Computes the sums of the points of one group over the whole batch.
    fn pass(&self, pass: &Pass<'_, T>, members: usize) -> Vec<Sums> {
        let tiles = pass.count.div_ceil(pass.tile);
        let threads = rayon::current_num_threads();
        // Whole groups a tile share the most; split them only when there are too few tiles for the threads.
        let split = if tiles >= 4 * threads { 1 } else { (4 * threads).min(members.max(1)) };
        let width = members.div_ceil(split).max(1);
        let tasks: Vec<_> = (0..members)
            .step_by(width)
            .flat_map(|from| (0..tiles).map(move |t| (t, from..(from + width).min(members))))
            .collect();
        let run =
            |(t, range): (usize, std::ops::Range<usize>)| (range.clone(), self.tile_values(pass, t, range));
        let parallel = 2 * self.size * pass.count * members >= PARALLEL_FLOPS;
        let parts: Vec<_> = if parallel {
            tasks.into_par_iter().map(run).collect()
        } else {
            tasks.into_iter().map(run).collect()
        };
        let mut sums = vec![Sums::default(); members];
        for (range, part) in parts {
            sums[range].iter_mut().zip(part).for_each(|(sum, s)| *sum += s);
        }
        sums
    }

    /// Computes the sums of some points over tile `t`.
    fn tile_values(&self, pass: &Pass<'_, T>, t: usize, range: std::ops::Range<usize>) -> Vec<Sums> {
        let first = t * pass.tile;
        let rows = pass.tile.min(pass.count - first);
        let n0 = self.chain.inputs();
        let mut active = self.pool.take(rows * self.width());
        let mut gathered = self.pool.take(rows * n0);
        let mut products = self.pool.take(0);
        let mut sums = Vec::with_capacity(range.len());
        let mut tile = Tile::forward(&mut active, &mut [], self.width(), rows);
        for (nth, i) in range.enumerate() {
            let batch = pass.rows.of(pass.first + i);
            // A minibatch that all points share is gathered once.
            let input = match batch {
                None => &pass.inputs[first * n0..][..rows * n0],
                Some(batch) => {
                    if nth == 0 || matches!(pass.rows, Rows::Each { .. }) {
                        gather(pass.inputs, n0, &batch[first..][..rows], &mut gathered);
                    }
                    &gathered[..]
                }
            };
            let first_layer = if pass.shared {
                if nth == 0 {
                    products = self.first_products(pass.points, input, rows);
                }
                First::Products(
                    &products,
                    pass.points.row(pass.first + i).expect("the points are combinations"),
                )
            } else {
                First::Inputs(input)
            };
            let theta = (pass.upper(i), pass.from);
            let mut forward = Forward { tile: &mut tile, theta, first: first_layer };
            let outputs = self.network.run(&mut forward, 0..0).expect("a chain has rules for its layers");
            sums.push(tile.read_out(outputs, &self.read_out(batch), first, T::one()));
        }
        sums
    }

    /// Computes $W_1^{(j)}x+b_1^{(j)}$ for every vertex j, `[V][n_1][rows]`.
    fn first_products(&self, points: Points<'_, T>, input: &[T], rows: usize) -> Buffer<'_, T> {
        let layer = &self.chain[0];
        let size = layer.outputs() * rows;
        let mut products = self.pool.take(points.vertex_count() * size);
        for (out, theta) in products.chunks_exact_mut(size).zip(points.vertices.chunks_exact(self.size)) {
            let x = Mat::new(input, rows, layer.inputs()).t();
            MatMut::new(out, layer.outputs(), rows).product(weight_of(layer, (theta, 0)), x, T::zero());
            for (z, &b) in out.chunks_exact_mut(rows).zip(bias_of(layer, (theta, 0)).unwrap_or_default()) {
                z.iter_mut().for_each(|z| *z += b);
            }
        }
        products
    }
}

/// The number of examples in a tile, which is larger where a point's `tail` weights alone fill the L2 cache.
fn tile<T>(tail: usize) -> usize {
    if tail * size_of::<T>() < 1 << 20 { TILE } else { 2 * TILE }
}

/// One group of points over one batch.
struct Pass<'a, T> {
    points: Points<'a, T>,
    /// The first point of the group.
    first: usize,
    /// The first column that is materialised.
    from: usize,
    /// The materialised columns of the group's points, `[group, tail]`.
    tails: &'a [T],
    tail: usize,
    shared: bool,
    inputs: &'a [T],
    rows: Rows<'a>,
    count: usize,
    /// Number of examples in a tile.
    tile: usize,
}

impl<T: Real> Pass<'_, T> {
    /// The materialised columns of member `i`.
    fn upper(&self, i: usize) -> &[T] {
        match self.points.coefficients {
            None => &self.points.vertices[(self.first + i) * self.points.size..][..self.points.size],
            Some(_) => &self.tails[i * self.tail..(i + 1) * self.tail],
        }
    }
}
