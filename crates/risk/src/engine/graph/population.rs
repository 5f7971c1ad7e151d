//! Gradients over all examples through the statistics of reference rows, where those are other rows.

use candle_core::Tensor;
use collado_models::{with_slice, with_slice_mut};

use super::{Graph, forward::Statistics, lanes::Number, risk::GROUP};
use crate::{Error, Evaluation, Result, Span, engine::chain::Sums};

impl<T: Number> Graph<T> {
    /// The values over all examples with the statistics of the reference rows, and the gradient through both.
    pub(super) fn referenced(&self, span: &Span, gradient: &mut Tensor) -> Result<Vec<Evaluation>> {
        self.tell_memory(self.reference_rows.len());
        let (size, stack) = (self.network.size(), span.materialize()?);
        let slopes = stack.zeros_like()?;
        let values = with_slice::<T, _, Error>(&self.inputs, |inputs| {
            with_slice::<T, _, _>(&self.reference, |reference| {
                with_slice::<T, _, _>(&stack, |stack| {
                    with_slice_mut::<T, _, _>(&slopes, |slopes| {
                        let both = stack.chunks_exact(size).zip(slopes.chunks_exact_mut(size));
                        Ok(both.map(|(theta, grad)| self.through(theta, [inputs, reference], grad)).collect())
                    })
                })
            })
        })?;
        span.pull_back(&slopes, gradient)?;
        Ok(values)
    }

    /// The value at one point. The examples give derivatives with respect to the parameters and to the statistics, and the
    /// reference rows pass the latter on to the parameters that their values depend on.
    fn through(&self, theta: &[T], [inputs, reference]: [&[T]; 2], grad: &mut [T]) -> Evaluation {
        let mut batch = self.forward(theta, (reference, &self.reference_rows), Statistics::Batch, true);
        let mut row = vec![0.; self.network.buffers().len()];
        self.write(&batch, false, &mut row);
        let count = self.examples.len();
        let all: Vec<u32> = (0..count as u32).collect();
        let (given, mut of_statistics) = (Statistics::Given(&row), self.no_statistic_slopes());
        let mut sums = Sums::default();
        for rows in all.chunks(GROUP) {
            let mut trace = self.forward(theta, (inputs, rows), given, true);
            let (part, last) = self.read(&trace, rows, Some(T::of((count as f64).recip())));
            sums += part;
            self.backward(&mut trace, last, given, &mut of_statistics, grad);
        }
        self.backward(&mut batch, None, Statistics::Batch, &mut of_statistics, grad);
        self.add_penalty(theta, grad);
        self.value(sums, count, theta)
    }
}
