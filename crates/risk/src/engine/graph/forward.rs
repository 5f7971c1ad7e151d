//! The forward pass of one point over a whole batch, step by step: batch normalisation needs the results of all
//! examples before any of them can go on.

use collado_models::Activation;
use rayon::prelude::*;

use super::{
    Graph,
    apply::{self, Finish, View, finished},
    lanes::Number,
    plan::{Kind, Step, ValueId},
    point::{Moments, Scales, transformed},
    store::Store,
};

/// The statistics for a pass.
#[derive(Clone, Copy)]
pub(super) enum Statistics<'a> {
    /// A row of buffers.
    Given(&'a [f64]),
    /// Those of the batch itself.
    Batch,
}

/// What is known after a forward pass over a batch.
pub(super) struct Trace<'a, T> {
    pub(super) theta: &'a [T],
    /// Number of examples.
    pub(super) count: usize,
    /// The values that are kept, without borders; the first is the input.
    pub(super) values: Vec<Option<Store<'a, T>>>,
    /// For each step the results of f with the bias, where the reverse pass needs them.
    pub(super) raw: Vec<Option<Store<'a, T>>>,
    /// For each step the statistics of its normalisation.
    pub(super) moments: Vec<Option<Moments>>,
    /// For each step the scales and shifts of its channels after the bias.
    pub(super) scales: Vec<Scales<T>>,
}

impl<T: Number> Trace<'_, T> {
    /// Number of tiles.
    pub(super) fn tiles(&self) -> usize {
        self.count.div_ceil(T::LANES)
    }
}

impl Step {
    /// Whether the reverse pass needs the results of f.
    pub(super) fn keeps_raw(&self) -> bool {
        self.norm.is_some() || self.rho.slope_needs_input()
    }
}

impl<T: Number> Graph<T> {
    /// Runs the steps over a batch of the rows `rows` of `inputs`. With `keep`, everything
    /// that the reverse pass reads stays; otherwise only the output does.
    pub(super) fn forward<'a>(
        &'a self,
        theta: &'a [T],
        (inputs, rows): (&[T], &[u32]),
        statistics: Statistics<'_>,
        keep: bool,
    ) -> Trace<'a, T> {
        let count = rows.len();
        let mut trace = Trace {
            theta,
            count,
            values: self.plan.values.iter().map(|_| None).collect(),
            raw: self.plan.steps.iter().map(|_| None).collect(),
            moments: self.plan.steps.iter().map(|_| None).collect(),
            scales: Vec::with_capacity(self.plan.steps.len()),
        };
        let image = &self.plan.values[0];
        let x = self.store(trace.tiles(), image.len::<T>());
        self.map_tiles(count, |t, examples| {
            let row = |n: usize| rows[n] as usize;
            // SAFETY: each tile is written by its own task.
            apply::gather(inputs, (t * T::LANES, examples), row, (unsafe { x.tile_mut(t) }, image));
        });
        trace.values[0] = Some(x);
        for (number, step) in self.plan.steps.iter().enumerate() {
            self.step_forward(number, step, &mut trace, statistics, keep);
            if !keep {
                step.dead.iter().for_each(|&value| trace.values[value] = None);
            }
        }
        trace
    }

    /// A store for tiles of `stride` numbers.
    pub(super) fn store(&self, tiles: usize, stride: usize) -> Store<'_, T> {
        Store::new(self.pool.take(tiles * stride), tiles, stride)
    }

    /// Runs a step over all tiles.
    fn step_forward<'a>(
        &'a self,
        number: usize,
        step: &Step,
        trace: &mut Trace<'a, T>,
        statistics: Statistics<'_>,
        keep: bool,
    ) {
        let (image, theta) = (&self.plan.values[step.output], trace.theta);
        let separate = keep && step.keeps_raw();
        let own = step.norm.as_ref().filter(|_| matches!(statistics, Statistics::Batch));
        let given = match statistics {
            Statistics::Given(row) => Some(row),
            Statistics::Batch => None,
        };
        let later = separate || own.is_some();
        let at_once = match later {
            true => Scales::shifting(step, theta, image.channels),
            false => Scales::finishing(step, theta, image.channels, given),
        };
        // The results overwrite a value that nothing reads any more, where they fit.
        let size = image.len::<T>();
        let dying =
            step.inputs.first().filter(|x| matches!(step.kind, Kind::Map(_)) && step.dead.contains(x));
        let reused = dying.and_then(|&x| match &trace.values[x] {
            Some(store) if !keep && store.stride() >= size && step.add != Some(x) => Some(x),
            _ => None,
        });
        let fresh = reused.is_none().then(|| self.store(trace.tiles(), size));
        let winograd = transformed(&self.plan, step, theta, &self.pool);
        let border = if winograd.is_some() { 0 } else { step.border() };
        let border = (reused.is_some() || border > 0).then_some(border);
        let parts = self.map_tiles(trace.count, |t, examples| {
            let target = fresh.as_ref().or_else(|| reused.and_then(|x| trace.values[x].as_ref()));
            let other = step.add.filter(|_| !later).map(|x| self.view(trace, x, t));
            let rho = if later { Activation::Linear } else { step.rho };
            let finish = Finish { scales: &at_once, other, rho };
            let mut sums = vec![[0.; 2]; if own.is_some() { image.channels } else { 0 }];
            self.with_inputs(step, trace, t, border, |inputs| {
                // SAFETY: each tile is written by its own task; where it overwrites the input, that was copied before.
                let tile = unsafe { target.expect("there is a place for the results").tile_mut(t) };
                let tile = &mut tile[..size];
                let moments = own.is_some().then_some((examples, &mut sums[..]));
                finished(step, (theta, winograd.as_ref()), inputs, (tile, image), finish, moments);
            });
            sums
        });
        let target =
            fresh.or_else(|| reused.and_then(|x| trace.values[x].take())).expect("a step has results");
        let moments = match (&step.norm, given) {
            (Some(norm), Some(row)) => Some(Moments::of(norm, row)),
            (Some(_), None) => {
                Some(Moments::from_sums(&add_up(&parts, image.channels), trace.count * image.pixels()))
            }
            (None, _) => None,
        };
        let scales = match (&step.norm, &moments) {
            (Some(norm), Some(moments)) => Scales::normalising(norm, theta, moments),
            _ => Scales::unit(image.channels),
        };
        let copied = separate.then(|| self.store(trace.tiles(), size));
        if later {
            self.map_tiles(trace.count, |t, _| {
                let finish = Finish {
                    scales: &scales,
                    other: step.add.map(|x| self.view(trace, x, t)),
                    rho: step.rho,
                };
                // SAFETY: each tile is written by its own task.
                let tile = unsafe { copied.as_ref().unwrap_or(&target).tile_mut(t) };
                finish.tile(copied.is_some().then(|| target.tile(t)), &mut tile[..size], image);
            });
        }
        match copied {
            Some(copied) => {
                trace.raw[number] = Some(target);
                trace.values[step.output] = Some(copied);
            }
            None => trace.values[step.output] = Some(target),
        }
        trace.moments[number] = moments;
        trace.scales.push(scales);
    }

    /// A tile of a value that is still there.
    pub(super) fn view<'v>(&'v self, trace: &'v Trace<'_, T>, x: ValueId, t: usize) -> View<'v, T> {
        let image = &self.plan.values[x];
        let store = trace.values[x].as_ref().expect("values are kept until their last reader");
        (&store.tile(t)[..image.len::<T>()], image)
    }

    /// Lends the inputs of a step; that of a map as a copy with a border, where one is asked for.
    pub(super) fn with_inputs<R>(
        &self,
        step: &Step,
        trace: &Trace<'_, T>,
        t: usize,
        border: Option<usize>,
        run: impl FnOnce(&[View<'_, T>]) -> R,
    ) -> R {
        match border {
            Some(border) => {
                let (x, of) = self.view(trace, step.inputs[0], t);
                let image = of.with_border(border);
                let mut work = self.pool.take(image.len::<T>());
                image.clear_border(&mut work);
                apply::copy((x, of), (&mut work, &image), 0);
                run(&[(&work, &image)])
            }
            None => run(&step.inputs.iter().map(|&x| self.view(trace, x, t)).collect::<Vec<_>>()),
        }
    }

    /// Runs `task` for every tile of a batch of `count` examples, with the number of examples in the tile. The results
    /// are in the order of the tiles.
    pub(super) fn map_tiles<R: Send>(&self, count: usize, task: impl Fn(usize, usize) -> R + Sync) -> Vec<R> {
        let run = |t: usize| task(t, T::LANES.min(count - t * T::LANES));
        let tiles = count.div_ceil(T::LANES);
        match self.is_parallel(count) {
            true => (0..tiles).into_par_iter().map(run).collect(),
            false => (0..tiles).map(run).collect(),
        }
    }
}

/// The sums of all tiles, by channel.
pub(super) fn add_up(parts: &[Vec<[f64; 2]>], channels: usize) -> Vec<[f64; 2]> {
    let mut sums = vec![[0.; 2]; channels];
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum = [sum[0] + part[0], sum[1] + part[1]]);
    }
    sums
}
