//! Values at any number of points whose statistics are known, tile by tile: the images of a tile are converted once for
//! all points, and everything that a point computes of them stays in cache.

use collado_models::Activation;
use rayon::prelude::*;

use super::{
    Graph,
    apply::{self, Finish, View, finished},
    forward::add_up,
    image::Image,
    lanes::Number,
    plan::Plan,
    point::{Moments, Point, Scales},
};
use crate::{
    Rows,
    engine::chain::{Mat, ReadOut, Sums},
};

/// The places of the values of a tile in a workspace. Values share places at different times.
pub(super) struct Slots {
    /// The slot of each value.
    slot: Vec<usize>,
    /// The layout of each value, with the border that it is read with.
    images: Vec<Image>,
    /// The size of each slot in numbers.
    sizes: Vec<usize>,
}

impl Slots {
    pub(super) fn new<T: Number>(plan: &Plan) -> Self {
        let images: Vec<_> =
            plan.values.iter().zip(&plan.borders).map(|(image, &border)| image.with_border(border)).collect();
        let mut sizes = vec![images[0].len::<T>()];
        let mut slot = vec![0; images.len()];
        let mut free = Vec::new();
        for step in &plan.steps {
            let place = free.pop().unwrap_or(sizes.len());
            sizes.resize(sizes.len().max(place + 1), 0);
            sizes[place] = sizes[place].max(images[step.output].len::<T>());
            slot[step.output] = place;
            // The input is kept for the next point.
            free.extend(step.dead.iter().filter(|&&value| value != 0).map(|&value| slot[value]));
        }
        Self { slot, images, sizes }
    }

    /// Number of numbers of a workspace.
    pub(super) fn len(&self) -> usize {
        self.sizes.iter().map(|size| size.next_multiple_of(16)).sum()
    }

    fn split<'w, T>(&self, mut work: &'w mut [T]) -> Vec<&'w mut [T]> {
        let mut slots = Vec::with_capacity(self.sizes.len());
        for size in &self.sizes {
            let (slot, rest) = work.split_at_mut(size.next_multiple_of(16));
            slots.push(slot);
            work = rest;
        }
        slots
    }
}

/// A step whose sums of results and of their squares are wanted, by channel.
struct Until<'a> {
    step: usize,
    examples: usize,
    sums: &'a mut [[f64; 2]],
}

impl<T: Number> Graph<T> {
    /// Computes the sums of all points over their batches.
    pub(super) fn sums(&self, points: &[Point<'_, T>], inputs: &[T], rows: Rows<'_>) -> Vec<Sums> {
        let count = self.batch_size(rows);
        let tiles: Vec<usize> = (0..count).step_by(T::LANES).collect();
        let run = |&first: &usize| self.tile(points, inputs, rows, (first, T::LANES.min(count - first)));
        let parts: Vec<Vec<Sums>> = if self.is_parallel(count * points.len()) {
            tiles.par_iter().map(run).collect()
        } else {
            tiles.iter().map(run).collect()
        };
        let mut sums = vec![Sums::default(); points.len()];
        for part in parts {
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        sums
    }

    /// Computes the sums of all points over a tile.
    fn tile(
        &self,
        points: &[Point<'_, T>],
        inputs: &[T],
        rows: Rows<'_>,
        (first, count): (usize, usize),
    ) -> Vec<Sums> {
        let mut work = self.pool.take(self.slots.len());
        let mut slots = self.slots.split(&mut work);
        let input = &self.slots.images[0];
        let mut sums = Vec::with_capacity(points.len());
        for (i, point) in points.iter().enumerate() {
            let batch = rows.of(i);
            if i == 0 || matches!(rows, Rows::Each { .. }) {
                let x = &mut *slots[0];
                input.clear_border(x);
                let row = |n: usize| batch.map_or(n, |rows| rows[n] as usize);
                apply::gather(inputs, (first, count), row, (x, input));
            }
            self.run(point, &mut slots, None);
            let output = &*slots[self.slots.slot[self.plan.output()]];
            let outputs = Mat::new(output, self.outputs(), T::LANES).columns(0, count);
            sums.push(self.read_out(batch).apply(outputs, None, first, T::one()));
        }
        sums
    }

    /// Runs the steps on a tile whose input is in its slot; up to some step, if `until` names one, of which only sums
    /// are wanted.
    fn run(&self, point: &Point<'_, T>, slots: &mut [&mut [T]], mut until: Option<Until<'_>>) {
        for (number, (step, scales)) in self.plan.steps.iter().zip(&point.scales).enumerate() {
            let parameters = (point.theta, point.winograd[number].as_ref());
            let slot = self.slots.slot[step.output];
            let y = std::mem::take(&mut slots[slot]);
            let to = &self.slots.images[step.output];
            to.clear_border(y);
            let view = |&x: &usize| -> View<'_, T> { (&*slots[self.slots.slot[x]], &self.slots.images[x]) };
            let inputs: Vec<_> = step.inputs.iter().map(view).collect();
            match until.as_mut().filter(|until| until.step == number) {
                Some(until) => {
                    let scales = &Scales::shifting(step, point.theta, to.channels);
                    let finish = Finish { scales, other: None, rho: Activation::Linear };
                    let moments = Some((until.examples, &mut *until.sums));
                    return finished(step, parameters, &inputs, (y, to), finish, moments);
                }
                None => {
                    let finish = Finish { scales, other: step.add.as_ref().map(view), rho: step.rho };
                    finished(step, parameters, &inputs, (y, to), finish, None);
                }
            }
            slots[slot] = y;
        }
    }

    /// The statistics of a batch, as a row of buffers, in little memory: for each normalisation all tiles are computed
    /// again from the start. They are the same as those of a forward pass that keeps values.
    pub(super) fn recomputed(&self, theta: &[T], inputs: &[T], rows: &[u32]) -> Vec<f64> {
        let mut row = vec![0.; self.network.buffers().len()];
        let mut point = Point::new(&self.plan, theta, Some(&row), &self.pool);
        for (number, step) in self.plan.steps.iter().enumerate() {
            let (Some(norm), image) = (&step.norm, &self.plan.values[step.output]) else { continue };
            let parts = self.map_tiles(rows.len(), |t, examples| {
                let mut work = self.pool.take(self.slots.len());
                let mut slots = self.slots.split(&mut work);
                let input = &self.slots.images[0];
                input.clear_border(slots[0]);
                let place = (t * T::LANES, examples);
                apply::gather(inputs, place, |n| rows[n] as usize, (&mut *slots[0], input));
                let mut sums = vec![[0.; 2]; image.channels];
                self.run(&point, &mut slots, Some(Until { step: number, examples, sums: &mut sums }));
                sums
            });
            let count = rows.len() * image.pixels();
            let moments = Moments::from_sums(&add_up(&parts, image.channels), count);
            moments.write(norm, count, false, &mut row);
            point.scales[number] = Scales::finishing(step, theta, image.channels, Some(&row));
        }
        row
    }

    /// The targets and the loss of a batch.
    pub(super) fn read_out<'a>(&'a self, rows: Option<&'a [u32]>) -> ReadOut<'a> {
        ReadOut { loss: self.criterion.loss, examples: &self.examples, rows }
    }
}
