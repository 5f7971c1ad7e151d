//! The reverse pass through the operation of a step: to the values that it reads, and to its parameters.

use std::ops::Range;

use collado_models::Norm;
use rayon::prelude::*;

use super::{
    Graph, alone, apply,
    backward::Slopes,
    forward::{Trace, add_up},
    image::Image,
    lanes::Number,
    lines, numbers,
    plan::{Kind, Map, Step, ValueId},
    point,
    projection::Projected,
    reverse::Reverse,
    store::Store,
    windows,
};
use crate::engine::chain::Buffer;

/// The largest number of runs of tiles whose weight gradients are summed separately. It is fixed, so that results do not
/// depend on the threads.
const RUNS: usize = 16;
/// The same for maps to few pixels, where adding the sums of a run to those of the others takes as long as an example.
const FEW_RUNS: usize = 4;
const FEW_PIXELS: usize = 16;

/// The number of weights whose sums over runs are added at a time.
const CHUNK: usize = 1 << 14;

impl<T: Number> Graph<T> {
    /// Takes the derivatives through f, which is no map.
    pub(super) fn through_kind<'a>(
        &'a self,
        step: &Step,
        trace: &Trace<'_, T>,
        slope: Store<'a, T>,
        slopes: &mut Slopes<'a, T>,
        grad: &mut [T],
    ) {
        let x = step.inputs[0];
        match &step.kind {
            Kind::Copy | Kind::Flatten if x == 0 => {}
            // Without borders, features lie where pixels do.
            Kind::Copy | Kind::Flatten if slopes[x].is_none() => slopes[x] = Some(slope),
            Kind::Copy | Kind::Flatten => self.add(&mut slopes[x], trace, (&slope, 0), x),
            Kind::Pad(before) if x != 0 => self.add(&mut slopes[x], trace, (&slope, *before), x),
            Kind::Concat => {
                let mut first = 0;
                for &x in &step.inputs {
                    if x != 0 {
                        self.add(&mut slopes[x], trace, (&slope, first), x);
                    }
                    first += self.plan.values[x].channels;
                }
            }
            Kind::Pool(op) if x != 0 => {
                let (image, to) = (&self.plan.values[x], &self.plan.values[step.output]);
                let (target, is_fresh) = self.target(&mut slopes[x], trace, x);
                self.map_tiles(trace.count, |t, _| {
                    // SAFETY: each tile is written by its own task.
                    let d = unsafe { target.tile_mut(t) };
                    let y = self.view(trace, step.output, t).0;
                    let x = (self.view(trace, x, t).0, image);
                    windows::reverse(op, x, (y, slope.tile(t), to), d, is_fresh);
                });
            }
            Kind::Function(f) if x != 0 => {
                let (target, is_fresh) = self.target(&mut slopes[x], trace, x);
                self.map_tiles(trace.count, |t, _| {
                    // SAFETY: each tile is written by its own task.
                    let d = unsafe { target.tile_mut(t) };
                    numbers::reverse(*f, self.view(trace, x, t).0, slope.tile(t), d, is_fresh);
                });
            }
            Kind::Product => {
                for (i, &x) in step.inputs.iter().enumerate().filter(|(_, x)| **x != 0) {
                    let other = step.inputs[1 - i];
                    let (target, is_fresh) = self.target(&mut slopes[x], trace, x);
                    self.map_tiles(trace.count, |t, _| {
                        // SAFETY: each tile is written by its own task.
                        let d = unsafe { target.tile_mut(t) };
                        numbers::reverse_product(self.view(trace, other, t).0, slope.tile(t), d, is_fresh);
                    });
                }
            }
            Kind::Spread if x != 0 => {
                let pixels = self.plan.values[step.output].pixels();
                let (target, is_fresh) = self.target(&mut slopes[x], trace, x);
                self.map_tiles(trace.count, |t, _| {
                    // SAFETY: each tile is written by its own task.
                    let d = unsafe { target.tile_mut(t) };
                    numbers::reverse_spread(slope.tile(t), pixels, d, is_fresh);
                });
            }
            Kind::Alone(norm) => self.through_alone(norm, x, trace, &slope, slopes, grad),
            Kind::Map(_) | Kind::Pad(_) | Kind::Pool(_) | Kind::Function(_) | Kind::Spread => {}
        }
    }

    /// The derivatives with respect to the value `x`, and whether they are yet to be written for the first time.
    pub(super) fn target<'s, 'a>(
        &'a self,
        at: &'s mut Option<Store<'a, T>>,
        trace: &Trace<'_, T>,
        x: ValueId,
    ) -> (&'s Store<'a, T>, bool) {
        let is_fresh = at.is_none();
        (at.get_or_insert_with(|| self.store(trace.tiles(), self.plan.values[x].len::<T>())), is_fresh)
    }

    fn through_alone<'a>(
        &'a self,
        norm: &Norm,
        x: ValueId,
        trace: &Trace<'_, T>,
        slope: &Store<'_, T>,
        slopes: &mut Slopes<'a, T>,
        grad: &mut [T],
    ) {
        let image = &self.plan.values[x];
        let scale = point::alone(norm, trace.theta).0;
        let target = (x != 0).then(|| self.target(&mut slopes[x], trace, x));
        let parts = self.map_tiles(trace.count, |t, _| {
            // SAFETY: each tile is written by its own task.
            let mut d = target.map(|(target, is_fresh)| (unsafe { target.tile_mut(t) }, is_fresh));
            if let Some((d, true)) = &mut d {
                d.fill(T::zero());
            }
            let mut sums = vec![[0.; 2]; norm.channels];
            let x = self.view(trace, x, t).0;
            alone::reverse(norm, &scale, (x, image), slope.tile(t), d.map(|(d, _)| d), &mut sums);
            sums
        });
        for (c, [weight, bias]) in add_up(&parts, norm.channels).into_iter().enumerate() {
            for (columns, slope) in [(&norm.weight, weight), (&norm.bias, bias)] {
                if let Some(columns) = columns {
                    grad[columns.start + c] += T::of(slope);
                }
            }
        }
    }

    /// Takes the derivatives through a map, after the normalisation of its results.
    pub(super) fn through_map<'a>(
        &'a self,
        step: &Step,
        map: &Map,
        trace: &Trace<'_, T>,
        slope: Projected<'_, T>,
        slopes: &mut Slopes<'a, T>,
        grad: &mut [T],
    ) {
        let x = step.inputs[0];
        let image = &self.plan.values[x];
        let weight = &trace.theta[map.weight.clone()];
        let reverse = (x != 0).then(|| Reverse::new(map.convolution, weight, image, &self.pool));
        let at = self.plan.values[step.output].with_border(reverse.as_ref().map_or(0, Reverse::border));
        let target = (x != 0).then(|| self.target(&mut slopes[x], trace, x));
        let is_filtered = map.convolution.has_filtered_weights(&at);
        let border = Some(step.border()).filter(|&border| border > 0 && !is_filtered);
        let parts = self.map_runs(trace, &at, |tiles| {
            let mut sums = self.pool.take(map.weight.len());
            sums.fill(T::zero());
            let mut patches = is_filtered.then(|| self.pool.take(map.convolution.filtered_sums()));
            patches.iter_mut().for_each(|patches| patches.fill(T::zero()));
            let mut biases = vec![0.; map.bias.as_ref().map_or(0, Range::len)];
            for t in tiles {
                let examples = T::LANES.min(trace.count - t * T::LANES);
                self.with_projection(slope, (t, examples), &at, |delta| {
                    for (channel, sum) in biases.iter_mut().enumerate() {
                        let lines = (0..at.height).map(|row| &delta[at.line::<T>(channel, row)]);
                        *sum += lines.map(lines::sum).sum::<f64>();
                    }
                    self.with_inputs(step, trace, t, border, |inputs| match &mut patches {
                        Some(patches) => {
                            map.convolution.add_patches(patches, inputs[0], (delta, &at), &self.pool);
                        }
                        None => map.convolution.weights(&mut sums, inputs[0], (delta, &at)),
                    });
                    if let (Some(reverse), Some((target, is_fresh))) = (&reverse, target) {
                        // SAFETY: each tile is written by the task of its run.
                        let d = unsafe { target.tile_mut(t) };
                        reverse.run((delta, &at), (d, image), !is_fresh);
                    }
                });
            }
            if let Some(patches) = &patches {
                map.convolution.weights_of_sums(patches, &mut sums);
            }
            (sums, biases)
        });
        let add = |(i, part): (usize, &mut [T])| {
            for (sums, _) in &parts {
                part.iter_mut().zip(&sums[i * CHUNK..]).for_each(|(g, &s)| *g += s);
            }
        };
        let weights = &mut grad[map.weight.clone()];
        match self.is_parallel(trace.count) && weights.len() > CHUNK {
            true => weights.par_chunks_mut(CHUNK).enumerate().for_each(add),
            false => weights.chunks_mut(CHUNK).enumerate().for_each(add),
        }
        for (_, biases) in &parts {
            let columns = map.bias.clone().unwrap_or(0..0);
            grad[columns].iter_mut().zip(biases).for_each(|(g, &b)| *g += T::of(b));
        }
    }

    /// Lends a tile with a border of zeros.
    pub(super) fn with_border(&self, tile: &[T], image: &Image, run: impl FnOnce(&[T])) {
        if image.border == 0 {
            return run(tile);
        }
        let mut work = self.pool.take(image.len::<T>());
        image.clear_border(&mut work);
        apply::copy((tile, &image.with_border(0)), (&mut work, image), 0);
        run(&work);
    }

    /// Runs `task`, which sums derivatives of a map to images `to`, for runs of consecutive tiles.
    pub(super) fn map_runs<'a>(
        &'a self,
        trace: &Trace<'_, T>,
        to: &Image,
        task: impl Fn(Range<usize>) -> (Buffer<'a, T>, Vec<f64>) + Sync,
    ) -> Vec<(Buffer<'a, T>, Vec<f64>)> {
        let tiles = trace.tiles();
        let runs = tiles.min(if to.pixels() <= FEW_PIXELS { FEW_RUNS } else { RUNS });
        let run = |i: usize| task(i * tiles / runs..(i + 1) * tiles / runs);
        match self.is_parallel(trace.count) {
            true => (0..runs).into_par_iter().map(run).collect(),
            false => (0..runs).map(run).collect(),
        }
    }
}
