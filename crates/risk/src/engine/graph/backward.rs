//! The reverse pass of one point over a batch, step by step, from what the forward pass has kept.

use collado_models::{Activation, Norm};
use pulp::Arch;

use super::{
    Graph,
    forward::{Statistics, Trace, add_up},
    lanes::Number,
    lines,
    plan::{Kind, Step, ValueId},
    store::Store,
};

/// The derivatives with respect to values, where they are known; without borders.
pub(super) type Slopes<'a, T> = Vec<Option<Store<'a, T>>>;

/// For each step with a normalisation the sums of g and of $g(y-\mu)$ by channel, which are the derivatives with respect to
/// its mean and variance up to factors; nothing where there are none.
pub(super) type StatisticSlopes = Vec<Vec<[f64; 2]>>;

impl<T: Number> Graph<T> {
    /// Nothing is known of derivatives with respect to statistics.
    pub(super) fn no_statistic_slopes(&self) -> StatisticSlopes {
        vec![Vec::new(); self.plan.steps.len()]
    }

    fn zeros(&self, tiles: usize, stride: usize) -> Store<'_, T> {
        let store = self.store(tiles, stride);
        // SAFETY: nothing else has the store yet.
        (0..tiles).for_each(|t| unsafe { store.tile_mut(t) }.fill(T::zero()));
        store
    }

    /// Adds the derivatives with respect to the parameters to `grad`, from those with respect to the output, `last`,
    /// which are 0 beyond the examples. The derivatives with respect to given statistics are added to `of_statistics`; those
    /// found there for statistics of the batch itself go on into the batch.
    pub(super) fn backward<'a>(
        &'a self,
        trace: &mut Trace<'a, T>,
        last: Option<Store<'a, T>>,
        statistics: Statistics<'_>,
        of_statistics: &mut StatisticSlopes,
        grad: &mut [T],
    ) {
        let mut slopes: Slopes<'a, T> = self.plan.values.iter().map(|_| None).collect();
        slopes[self.plan.output()] = last;
        for (number, step) in self.plan.steps.iter().enumerate().rev() {
            let slope = match slopes[step.output].take() {
                Some(slope) => slope,
                None if of_statistics[number].is_empty() => continue,
                None => self.zeros(trace.tiles(), self.plan.values[step.output].len::<T>()),
            };
            let mut sums = self.through_finish(number, step, trace, &slope);
            let other = step.add.filter(|&x| x != 0);
            let projection = step.norm.as_ref().map(|norm| {
                self.norm_slopes(norm, number, trace, &sums, grad);
                match statistics {
                    Statistics::Given(_) => add_to(&mut of_statistics[number], &sums),
                    Statistics::Batch => add_to(&mut sums, &of_statistics[number]),
                }
                self.projection(norm, number, trace, &sums, statistics)
            });
            match &step.kind {
                Kind::Map(map) => {
                    let projected = projection.as_ref().zip(trace.raw[number].as_ref());
                    self.through_map(step, map, trace, (&slope, projected), &mut slopes, grad);
                    match other {
                        Some(x) if slopes[x].is_none() => slopes[x] = Some(slope),
                        Some(x) => self.add(&mut slopes[x], trace, (&slope, 0), x),
                        None => {}
                    }
                }
                _ => {
                    if let Some(x) = other {
                        self.add(&mut slopes[x], trace, (&slope, 0), x);
                    }
                    self.through_norm(number, step, trace, &slope, projection.as_ref());
                    self.through_kind(step, trace, slope, &mut slopes, grad);
                }
            }
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
                    for (channel, row) in image.lines() {
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

fn add_to(sums: &mut Vec<[f64; 2]>, more: &[[f64; 2]]) {
    match sums.is_empty() {
        true => sums.extend(more),
        false => {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum = [sum[0] + more[0], sum[1] + more[1]])
        }
    }
}
