//! Derivatives through a batch normalisation, in place or on the way to the map before it.

use collado_models::Norm;
use pulp::Arch;

use super::{
    Graph,
    forward::{Statistics, Trace},
    image::Image,
    lanes::Number,
    plan::Step,
    store::Store,
};

/// What a batch normalisation does to derivatives: $g\gets s\,(g-a-b\,(y-\mu))$ by channel.
pub(super) struct Projection<T> {
    scale: Vec<T>,
    shift: Vec<T>,
    factor: Vec<T>,
    mean: Vec<T>,
}

/// Derivatives with respect to results, and the batch normalisation to take them through with what it normalised.
pub(super) type Projected<'s, T> = (&'s Store<'s, T>, Option<(&'s Projection<T>, &'s Store<'s, T>)>);

impl<T: Number> Projection<T> {
    #[inline(always)]
    fn line(&self, channel: usize, g: &mut [T], y: &[T]) {
        let (scale, shift) = (self.scale[channel], self.shift[channel]);
        let (factor, mean) = (self.factor[channel], self.mean[channel]);
        for (g, &y) in g.iter_mut().zip(y) {
            *g = scale * (*g - shift - factor * (y - mean));
        }
    }
}

/// Writes zeros to the lanes without an example.
fn clear_beyond<T: Number>(tile: &mut [T], examples: usize) {
    if examples < T::LANES {
        tile.chunks_exact_mut(T::LANES).for_each(|pixel| pixel[examples..].fill(T::zero()));
    }
}

impl<T: Number> Graph<T> {
    /// What a normalisation does to derivatives with these sums of g and of $g(y-\mu)$ by channel.
    pub(super) fn projection(
        &self,
        norm: &Norm,
        number: usize,
        trace: &Trace<'_, T>,
        sums: &[[f64; 2]],
        statistics: Statistics<'_>,
    ) -> Projection<T> {
        let moments = trace.moments[number].as_ref().expect("a normalisation has statistics");
        let count = (trace.count * norm.positions) as f64;
        let factor = |c: usize| match statistics {
            Statistics::Batch => [sums[c][0] / count, sums[c][1] / count * moments.inverse(norm, c).powi(2)],
            Statistics::Given(_) => [0., 0.],
        };
        let column = |f: &dyn Fn(usize) -> f64| (0..norm.channels).map(|c| T::of(f(c))).collect();
        Projection {
            scale: trace.scales[number].scale.clone(),
            shift: column(&|c| factor(c)[0]),
            factor: column(&|c| factor(c)[1]),
            mean: column(&|c| moments.mean[c]),
        }
    }

    /// Takes the derivatives through a batch normalisation, in place. They are 0 beyond the examples again.
    pub(super) fn through_norm(
        &self,
        number: usize,
        step: &Step,
        trace: &Trace<'_, T>,
        slope: &Store<'_, T>,
        projection: Option<&Projection<T>>,
    ) {
        let (Some(projection), Some(raw)) = (projection, trace.raw[number].as_ref()) else { return };
        let image = &self.plan.values[step.output];
        self.map_tiles(trace.count, |t, examples| {
            // SAFETY: each tile is written by its own task.
            let g = unsafe { slope.tile_mut(t) };
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (channel, row) in image.lines() {
                        let line = image.line::<T>(channel, row);
                        projection.line(channel, &mut g[line.clone()], &raw.tile(t)[line]);
                    }
                },
            );
            clear_beyond(g, examples);
        });
    }

    /// Lends a tile of derivatives, taken through a batch normalisation where one is given, with a border of zeros.
    pub(super) fn with_projection(
        &self,
        (slope, projected): Projected<'_, T>,
        (t, examples): (usize, usize),
        image: &Image,
        run: impl FnOnce(&[T]),
    ) {
        let g = slope.tile(t);
        let Some((projection, raw)) = projected else { return self.with_border(g, image, run) };
        let (y, plain) = (raw.tile(t), image.with_border(0));
        let mut work = self.pool.take(image.len::<T>());
        image.clear_border(&mut work);
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for (channel, row) in image.lines() {
                    let (from, to) = (plain.line::<T>(channel, row), image.line::<T>(channel, row));
                    let line = &mut work[to];
                    line.copy_from_slice(&g[from.clone()]);
                    projection.line(channel, line, &y[from]);
                }
            },
        );
        clear_beyond(&mut work, examples);
        run(&work);
    }
}
