//! The reverse pass of one point over a batch, step by step, from what the forward pass has kept.

use collado_models::{Activation, Norm};
use pulp::Arch;

use super::{
    Graph,
    forward::{Statistics, Trace, add_up},
    lanes::Number,
    lines,
    plan::{Step, ValueId},
    store::Store,
};

/// The derivatives with respect to values, where they are known; without borders.
pub(super) type Slopes<'a, T> = Vec<Option<Store<'a, T>>>;

/// What a batch normalisation does to derivatives: $g\gets s\,(g-a-b\,(y-\mu))$ by channel.
struct Projection<T> {
    scale: Vec<T>,
    shift: Vec<T>,
    factor: Vec<T>,
    mean: Vec<T>,
}

impl<T: Number> Graph<T> {
    /// Adds the derivatives with respect to the parameters to `grad`, from those with respect to the output, `last`,
    /// which are 0 beyond the examples.
    pub(super) fn backward<'a>(
        &'a self,
        trace: &mut Trace<'a, T>,
        last: Store<'a, T>,
        statistics: Statistics<'_>,
        grad: &mut [T],
    ) {
        let mut slopes: Slopes<'a, T> = self.plan.values.iter().map(|_| None).collect();
        slopes[self.plan.output()] = Some(last);
        for (number, step) in self.plan.steps.iter().enumerate().rev() {
            let Some(slope) = slopes[step.output].take() else { continue };
            let sums = self.through_finish(number, step, trace, &slope);
            if let Some(other) = step.add.filter(|&x| x != 0) {
                self.add(&mut slopes[other], trace, (&slope, 0), other);
            }
            let projection = step.norm.as_ref().map(|norm| {
                self.norm_slopes(norm, number, trace, &sums, grad);
                self.projection(norm, number, trace, &sums, statistics)
            });
            self.through_norm(number, step, trace, &slope, projection.as_ref());
            self.through_kind(step, trace, slope, &mut slopes, grad);
            // Nothing before the step reads its results.
            trace.values[step.output] = None;
            trace.raw[number] = None;
        }
    }

    /// Multiplies by ρ′, and computes the sums of g and of $g(y-\mu)$ by channel where there is a normalisation.
    fn through_finish(
        &self,
        number: usize,
        step: &Step,
        trace: &Trace<'_, T>,
        slope: &Store<'_, T>,
    ) -> Vec<[f64; 2]> {
        let image = &self.plan.values[step.output];
        let (scales, raw) = (&trace.scales[number], trace.raw[number].as_ref());
        let means =
            trace.moments[number].as_ref().map(|m| m.mean.iter().map(|&m| T::of(m)).collect::<Vec<_>>());
        let parts = self.map_tiles(trace.count, |t, _| {
            // SAFETY: each tile is written by its own task.
            let g = unsafe { slope.tile_mut(t) };
            let (a, raw) = (self.view(trace, step.output, t).0, raw.map(|raw| raw.tile(t)));
            let other = step.add.filter(|_| step.rho.slope_needs_input()).map(|x| self.view(trace, x, t).0);
            let mut sums = vec![[0.; 2]; if means.is_some() { image.channels } else { 0 }];
            let mut before = vec![T::zero(); image.width * T::LANES];
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    for (channel, row) in
                        (0..image.channels).flat_map(|c| (0..image.height).map(move |r| (c, r)))
                    {
                        let line = image.line::<T>(channel, row);
                        let g = &mut g[line.clone()];
                        let z = match raw.filter(|_| step.rho.slope_needs_input()) {
                            Some(raw) => {
                                before.copy_from_slice(&raw[line.clone()]);
                                let other = other.map(|other| &other[line.clone()]);
                                lines::finish(
                                    &mut before,
                                    scales.channel(channel),
                                    other,
                                    Activation::Linear,
                                );
                                &before[..]
                            }
                            None => &a[line.clone()],
                        };
                        lines::times_slope(g, z, &a[line.clone()], step.rho);
                        if let (Some(means), Some(raw)) = (&means, raw) {
                            let [p, q] = lines::projections(g, &raw[line], means[channel]);
                            sums[channel] = [sums[channel][0] + p, sums[channel][1] + q];
                        }
                    }
                },
            );
            sums
        });
        add_up(&parts, if means.is_some() { image.channels } else { 0 })
    }

    /// Adds the derivatives with respect to γ and β.
    fn norm_slopes(
        &self,
        norm: &Norm,
        number: usize,
        trace: &Trace<'_, T>,
        sums: &[[f64; 2]],
        grad: &mut [T],
    ) {
        let moments = trace.moments[number].as_ref().expect("a normalisation has statistics");
        for (c, [sum, product]) in sums.iter().enumerate() {
            if let Some(weight) = &norm.weight {
                grad[weight.start + c] += T::of(product * moments.inverse(norm, c));
            }
            if let Some(bias) = &norm.bias {
                grad[bias.start + c] += T::of(*sum);
            }
        }
    }

    fn projection(
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
    fn through_norm(
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
            let (g, y) = (unsafe { slope.tile_mut(t) }, raw.tile(t));
            Arch::new().dispatch(
                #[inline(always)]
                || {
                    for channel in 0..image.channels {
                        let plane = channel * image.plane::<T>()..(channel + 1) * image.plane::<T>();
                        let (scale, shift) = (projection.scale[channel], projection.shift[channel]);
                        let (factor, mean) = (projection.factor[channel], projection.mean[channel]);
                        for (g, &y) in g[plane.clone()].iter_mut().zip(&y[plane]) {
                            *g = scale * (*g - shift - factor * (y - mean));
                        }
                    }
                },
            );
            if examples < T::LANES {
                g.chunks_exact_mut(T::LANES).for_each(|pixel| pixel[examples..].fill(T::zero()));
            }
        });
    }

    /// Adds the derivatives `slope`, from channel `first` on, to those with respect to the value `x`.
    pub(super) fn add<'a>(
        &'a self,
        at: &mut Option<Store<'a, T>>,
        trace: &Trace<'_, T>,
        (slope, first): (&Store<'_, T>, usize),
        x: ValueId,
    ) {
        let image = &self.plan.values[x];
        let from = first * image.plane::<T>();
        let is_fresh = at.is_none();
        let target = at.get_or_insert_with(|| self.store(trace.tiles(), image.len::<T>()));
        self.map_tiles(trace.count, |t, _| {
            let g = &slope.tile(t)[from..from + image.len::<T>()];
            // SAFETY: each tile is written by its own task.
            let d = unsafe { target.tile_mut(t) };
            match is_fresh {
                true => d.copy_from_slice(g),
                false => d.iter_mut().zip(g).for_each(|(d, &g)| *d += g),
            }
        });
    }
}
