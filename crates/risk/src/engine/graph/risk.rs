//! Values, gradients and statistics of the engine, as an objective.

use candle_core::Tensor;
use collado_models::{with_slice, with_slice_mut};
use tracing::warn;

use super::{
    Graph,
    forward::{Statistics, Trace},
    lanes::Number,
    point::{Moments, Point},
    store::Store,
};
use crate::{
    Error, Evaluation, Objective, Result, Rows, Span,
    engine::{
        Normalised, Seen,
        chain::{Mat, MatMut, Sums},
    },
};

/// Number of examples whose values are kept at a time for a gradient, where examples do not depend on one another. It is
/// fixed, so that results do not depend on the memory.
pub(super) const GROUP: usize = 256;

impl<T: Number> Graph<T> {
    /// The values with given statistics, one row of buffers for each point.
    fn values(&self, span: &Span, rows: Rows<'_>, statistics: Option<&[f64]>) -> Result<Vec<Evaluation>> {
        let width = self.network.buffers().len();
        let row = |i: usize| statistics.map(|all| &all[i * width..(i + 1) * width]);
        let count = self.batch_size(rows);
        let stack = span.materialize()?;
        with_slice::<T, _, _>(&self.inputs, |inputs| {
            with_slice::<T, _, _>(&stack, |stack| {
                let thetas: Vec<_> = stack.chunks_exact(self.network.size()).collect();
                let mut values = Vec::with_capacity(thetas.len());
                // As many points at a time as have room for their transformed weights.
                let most = (self.memory / self.plan.transformed::<T>().max(1)).max(1);
                for from in (0..thetas.len()).step_by(most) {
                    let some = from..(from + most).min(thetas.len());
                    let point = |i: usize| Point::new(&self.plan, thetas[i], row(i), &self.pool);
                    let points: Vec<_> = some.clone().map(point).collect();
                    let sums = self.sums(&points, inputs, rows.range(some));
                    let both = sums.into_iter().zip(&points);
                    values.extend(both.map(|(sums, point)| self.value(sums, count, point.theta)));
                }
                Ok(values)
            })
        })
    }

    /// The value from sums over a batch and the regulariser.
    pub(super) fn value(&self, sums: Sums, count: usize, theta: &[T]) -> Evaluation {
        let loss = sums.loss / count as f64;
        let penalty = match self.criterion.kappa {
            0. => 0.,
            kappa => kappa * self.criterion.regularizer.value(&theta[self.regularized.clone()]),
        };
        Evaluation { risk: loss + penalty, loss, error: sums.errors / count as f64 }
    }

    /// Values and gradients point by point. `statistics` are those of a point, and `seen` receives the statistics of
    /// the batches.
    fn slopes(
        &self,
        span: &Span,
        rows: Rows<'_>,
        statistics: Option<&[f64]>,
        gradient: Option<&mut Tensor>,
        mut seen: Option<Seen<'_>>,
    ) -> Result<Vec<Evaluation>> {
        let (size, width, count) = (self.network.size(), self.network.buffers().len(), self.batch_size(rows));
        let stack = span.materialize()?;
        let slopes = gradient.is_some().then(|| stack.zeros_like()).transpose()?;
        let coupled = statistics.is_none() && self.network.batch_norms().next().is_some();
        if coupled && slopes.is_some() {
            self.tell_memory(count);
        }
        let mut one = |i: usize, inputs: &[T], theta: &[T], grad: Option<&mut [T]>| {
            let chosen = statistics
                .map_or(Statistics::Batch, |all| Statistics::Given(&all[i * width..(i + 1) * width]));
            let places =
                seen.as_mut().map(|seen| (&mut seen.statistics[i * width..(i + 1) * width], seen.unbiased));
            let group = if coupled { count } else { GROUP.min(count) };
            self.point(theta, (inputs, rows.of(i), count, group), chosen, grad, places)
        };
        let values = with_slice::<T, _, Error>(&self.inputs, |inputs| {
            with_slice::<T, _, _>(&stack, |stack| {
                let thetas = stack.chunks_exact(size).enumerate();
                match &slopes {
                    None => Ok(thetas.map(|(i, theta)| one(i, inputs, theta, None)).collect::<Vec<_>>()),
                    Some(slopes) => with_slice_mut::<T, _, _>(slopes, |slopes| {
                        let both = thetas.zip(slopes.chunks_exact_mut(size));
                        Ok(both.map(|((i, theta), grad)| one(i, inputs, theta, Some(grad))).collect())
                    }),
                }
            })
        })?;
        if let (Some(gradient), Some(slopes)) = (gradient, slopes) {
            span.pull_back(&slopes, gradient)?;
        }
        Ok(values)
    }

    /// The value at one point, and its gradient where asked, by groups of examples.
    fn point(
        &self,
        theta: &[T],
        (inputs, rows, count, group): (&[T], Option<&[u32]>, usize, usize),
        statistics: Statistics<'_>,
        mut grad: Option<&mut [T]>,
        mut seen: Option<(&mut [f64], bool)>,
    ) -> Evaluation {
        let all: Vec<u32>;
        let rows = match rows {
            Some(rows) => rows,
            None => {
                all = (0..count as u32).collect();
                &all
            }
        };
        if matches!(statistics, Statistics::Batch)
            && grad.is_none()
            && self.needed(count, false) > self.memory
        {
            let row = self.recomputed(theta, inputs, rows);
            if let Some((seen, unbiased)) = seen {
                self.copy_row(&row, count, unbiased, seen);
            }
            let point = Point::new(&self.plan, theta, Some(&row), &self.pool);
            let sums = self.sums(&[point], inputs, Rows::Shared(rows));
            return self.value(sums[0], count, theta);
        }
        let mut sums = Sums::default();
        for first in (0..count).step_by(group) {
            let rows = &rows[first..(first + group).min(count)];
            let keep = grad.is_some();
            let mut trace = self.forward(theta, (inputs, rows), statistics, keep);
            let (part, last) = self.read(&trace, rows, keep.then(|| T::of((count as f64).recip())));
            sums += part;
            if let Some((row, unbiased)) = &mut seen {
                self.write(&trace, *unbiased, row);
            }
            if let Some(grad) = grad.as_deref_mut() {
                self.backward(&mut trace, last, statistics, &mut self.no_statistic_slopes(), grad);
            }
        }
        if let Some(grad) = grad {
            self.add_penalty(theta, grad);
        }
        self.value(sums, count, theta)
    }

    /// Adds the gradient of the regulariser.
    pub(super) fn add_penalty(&self, theta: &[T], grad: &mut [T]) {
        if self.criterion.kappa != 0. {
            let columns = self.regularized.clone();
            let theta = &theta[columns.clone()];
            self.criterion.regularizer.add_gradient(self.criterion.kappa, theta, &mut grad[columns]);
        }
    }

    /// The sums over a batch, and the derivatives with respect to the outputs times `scale` where that is given.
    pub(super) fn read<'a>(
        &'a self,
        trace: &Trace<'_, T>,
        rows: &[u32],
        scale: Option<T>,
    ) -> (Sums, Option<Store<'a, T>>) {
        let outputs = self.outputs();
        let last = scale.map(|_| self.store(trace.tiles(), outputs * T::LANES));
        let parts = self.map_tiles(trace.count, |t, examples| {
            let z =
                Mat::new(self.view(trace, self.plan.output(), t).0, outputs, T::LANES).columns(0, examples);
            let delta = last.as_ref().map(|last| {
                // SAFETY: each tile is written by its own task.
                let tile = unsafe { last.tile_mut(t) };
                tile.fill(T::zero());
                tile
            });
            let delta =
                delta.and_then(|tile| MatMut::new(tile, outputs, T::LANES).split_columns(examples).next());
            let read = self.read_out(Some(rows));
            read.apply(z, delta.map(|(_, delta)| delta), t * T::LANES, scale.unwrap_or(T::one()))
        });
        let mut sums = Sums::default();
        parts.into_iter().for_each(|part| sums += part);
        (sums, last)
    }

    /// Writes the statistics of a batch to a row of buffers.
    pub(super) fn write(&self, trace: &Trace<'_, T>, unbiased: bool, row: &mut [f64]) {
        for (step, moments) in self.plan.steps.iter().zip(&trace.moments) {
            if let (Some(norm), Some(moments)) = (&step.norm, moments) {
                moments.write(norm, trace.count * norm.positions, unbiased, row);
            }
        }
    }

    /// Copies statistics with biased variances, unbiased if asked.
    fn copy_row(&self, from: &[f64], count: usize, unbiased: bool, to: &mut [f64]) {
        for norm in self.plan.steps.iter().filter_map(|step| step.norm.as_ref()) {
            Moments::of(norm, from).write(norm, count * norm.positions, unbiased, to);
        }
    }

    /// The bytes that the values of a batch take where they are kept together: all of them for a gradient, else those
    /// that are still to be read.
    fn needed(&self, count: usize, gradient: bool) -> usize {
        let units = |x: usize| self.plan.values[x].units();
        let mut now = units(0);
        let mut most = 0;
        for step in &self.plan.steps {
            now += units(step.output) * if gradient && step.keeps_raw() { 2 } else { 1 };
            most = most.max(now);
            if !gradient {
                now -= step.dead.iter().map(|&x| units(x)).sum::<usize>();
            }
        }
        most * size_of::<T>() * count.next_multiple_of(T::LANES)
    }

    /// Says where a gradient through the statistics of a batch takes more memory than it should. It needs all values.
    pub(super) fn tell_memory(&self, count: usize) {
        let [needed, memory] = [self.needed(count, true), self.memory].map(|bytes| bytes >> 20);
        if needed > memory {
            warn!(
                examples = count,
                needed_mib = needed,
                memory_mib = memory,
                "a gradient through statistics"
            );
        }
    }
}

impl<T: Number> Objective for Graph<T> {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        self.evaluate(&Span::stack(theta)?, rows, gradient)
    }

    fn evaluate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        match gradient {
            None => self.values(span, rows, None),
            some => self.slopes(span, rows, None, some, None),
        }
    }

    fn examples(&self) -> usize {
        self.examples.len()
    }
}

impl<T: Number> Normalised for Graph<T> {
    fn given(
        &self,
        span: &Span,
        rows: Rows<'_>,
        statistics: &[f64],
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        match gradient {
            None => self.values(span, rows, Some(statistics)),
            some => self.slopes(span, rows, Some(statistics), some, None),
        }
    }

    fn batch(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
        seen: Option<Seen<'_>>,
    ) -> Result<Vec<Evaluation>> {
        self.slopes(span, rows, None, gradient, seen)
    }

    fn population(&self, span: &Span, gradient: &mut Tensor) -> Result<Vec<Evaluation>> {
        self.referenced(span, gradient)
    }

    fn statistics(&self, span: &Span, rows: &[u32], unbiased: bool) -> Result<Vec<f64>> {
        let (stack, width) = (span.materialize()?, self.network.buffers().len());
        let mut found = vec![0.; span.points() * width];
        with_slice::<T, _, Error>(&self.reference, |inputs| {
            with_slice::<T, _, _>(&stack, |stack| {
                let thetas = stack.chunks_exact(self.network.size());
                for (theta, row) in thetas.zip(found.chunks_exact_mut(width)) {
                    if self.needed(rows.len(), false) > self.memory {
                        self.copy_row(&self.recomputed(theta, inputs, rows), rows.len(), unbiased, row);
                    } else {
                        let trace = self.forward(theta, (inputs, rows), Statistics::Batch, false);
                        self.write(&trace, unbiased, row);
                    }
                }
                Ok(())
            })
        })?;
        Ok(found)
    }
}
