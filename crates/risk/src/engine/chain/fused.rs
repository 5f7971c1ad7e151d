//! The fused engine: forward pass, loss, backward pass and weight gradients of many points, tile by tile.

use candle_core::Tensor;
use rayon::prelude::*;

use std::{ops::Range, sync::Arc};

use collado_models::{Chain, Network, Real, with_slice, with_slice_mut};

use super::{
    pool::Pool,
    tile::{ReadOut, Sums},
};
use crate::{
    Criterion, EmpiricalRisk, Error, Evaluation, Examples, Objective, Result, Rows, Span,
    span::{axpy, combine},
};

/// The engine for one network on one data set, in `f32` or `f64`.
pub(crate) struct Fused<T> {
    pub(super) network: Arc<Network>,
    pub(super) chain: Chain,
    /// Number of parameters of one point.
    pub(super) size: usize,
    pub(super) examples: Arc<Examples>,
    /// The inputs `[N, n_0]`.
    inputs: Tensor,
    pub(super) criterion: Criterion,
    /// The columns that the regulariser depends on.
    regularized: Range<usize>,
    pub(super) memory: usize,
    pub(super) pool: Pool<T>,
}

/// The points of one call, seen as slices.
#[derive(Clone, Copy)]
pub(super) struct Points<'a, T> {
    /// The vertices `[V, S]`.
    pub(super) vertices: &'a [T],
    /// The coefficients `[P, V]`; `None` means the identity.
    pub(super) coefficients: Option<&'a [f64]>,
    pub(super) count: usize,
    pub(super) size: usize,
}

impl<'a, T: Real> Points<'a, T> {
    pub(super) fn vertex_count(&self) -> usize {
        self.vertices.len() / self.size
    }

    /// The coefficients of point `i`.
    pub(super) fn row(&self, i: usize) -> Option<&'a [f64]> {
        let v = self.vertex_count();
        self.coefficients.map(|c| &c[i * v..(i + 1) * v])
    }

    /// The columns `columns` of point `i`: a slice of its vertex, or the combination, written to `scratch`.
    pub(super) fn get<'b>(&self, i: usize, columns: Range<usize>, scratch: &'b mut [T]) -> &'b [T]
    where
        'a: 'b,
    {
        match self.row(i) {
            None => &self.vertices[i * self.size..][columns],
            Some(c) => {
                let vertices = self.vertices.chunks_exact(self.size).map(|v| &v[columns.clone()]);
                combine(vertices, c, &mut scratch[..columns.len()]);
                &scratch[..columns.len()]
            }
        }
    }
}

/// The destination of a gradient: `grad = keep * grad + weight * gradient`.
pub(super) struct Sink<'a, T> {
    pub(super) grad: &'a mut [T],
    pub(super) weight: f64,
    pub(super) keep: T,
}

/// The number of floating-point operations from which on several threads are used.
pub(in crate::engine) const PARALLEL_FLOPS: usize = 1 << 23;

/// Number of columns that one thread combines or scatters at a time.
const COLUMNS: usize = 1 << 14;

impl<T: Real> Fused<T> {
    pub(crate) fn new(risk: &EmpiricalRisk, chain: &Chain) -> Result<Self> {
        let (network, criterion) = (Arc::clone(risk.network()), risk.criterion());
        Ok(Self {
            size: network.size(),
            inputs: risk.data().inputs(T::DTYPE)?.clone(),
            examples: Arc::clone(risk.data()),
            regularized: criterion.regularizer.columns(&network),
            criterion,
            memory: risk.memory(),
            pool: Pool::default(),
            chain: chain.clone(),
            network,
        })
    }

    /// Number of activations of all layers for one example.
    pub(super) fn width(&self) -> usize {
        self.network.units()
    }

    /// The targets and the loss of a batch.
    pub(super) fn read_out<'a>(&'a self, rows: Option<&'a [u32]>) -> ReadOut<'a> {
        ReadOut { loss: self.criterion.loss, examples: &self.examples, rows }
    }

    /// Number of examples in a minibatch, or of all examples where there is no minibatch.
    pub(super) fn batch_size(&self, rows: Option<&[u32]>) -> usize {
        rows.map_or(self.examples.len(), <[u32]>::len)
    }

    /// The value from sums over a batch and the regulariser.
    pub(super) fn value(&self, sums: Sums, batch: usize, penalty: f64) -> Evaluation {
        let loss = sums.loss / batch as f64;
        Evaluation { risk: loss + penalty, loss, error: sums.errors / batch as f64 }
    }

    /// The penalty $\kappa R(\theta_i)$.
    pub(super) fn penalty(&self, points: Points<'_, T>, i: usize) -> f64 {
        if self.criterion.kappa == 0. {
            return 0.;
        }
        let mut scratch = self.pool.take(self.regularized.len());
        self.criterion.kappa
            * self.criterion.regularizer.value(points.get(i, self.regularized.clone(), &mut scratch))
    }

    /// Computes values, and `grad = keep grad + ` gradients, in groups of points that fit into memory.
    fn gradients(
        &self,
        points: Points<'_, T>,
        free: Range<usize>,
        inputs: &[T],
        rows: Rows<'_>,
        (grad, keep): (&mut [T], T),
    ) -> Vec<Evaluation> {
        let Some(coefficients) = points.coefficients else {
            let mut rest = grad.chunks_exact_mut(self.size);
            let mut all: Vec<_> = (0..points.count)
                .map(|i| free.contains(&i).then(|| rest.next().expect("a row for each free point")))
                .collect();
            return self.points_gradients(points, 0, inputs, rows, (&mut all, keep));
        };
        let batch_rows = self.batch_size(rows.of(0));
        if free.len() == 1 && self.is_parallel(batch_rows) {
            return self.one_vertex_gradient(points, free.start, inputs, rows, (grad, keep));
        }
        match keep == T::zero() {
            true => grad.fill(keep),
            false => grad.iter_mut().for_each(|g| *g *= keep),
        }
        let group = (self.memory / 4 / (2 * self.size * size_of::<T>())).clamp(1, points.count.max(1));
        let (mut thetas, mut slopes) = (self.pool.take(group * self.size), self.pool.take(group * self.size));
        let mut values = Vec::with_capacity(points.count);
        let v = points.vertex_count();
        for from in (0..points.count).step_by(group) {
            let count = group.min(points.count - from);
            for i in 0..count {
                self.materialize(points, from + i, &mut thetas[i * self.size..(i + 1) * self.size]);
            }
            let stack =
                Points { vertices: &thetas[..count * self.size], coefficients: None, count, size: self.size };
            let mut all: Vec<_> = slopes.chunks_exact_mut(self.size).take(count).map(Some).collect();
            values.extend(self.points_gradients(stack, from, inputs, rows, (&mut all, T::zero())));
            let c = &coefficients[from * v..(from + count) * v];
            self.scatter(c, v, &slopes[..count * self.size], free.clone(), grad);
        }
        values
    }

    /// Computes the gradient of the only free vertex `j`, added up over the points without storing a gradient for each.
    fn one_vertex_gradient(
        &self,
        points: Points<'_, T>,
        j: usize,
        inputs: &[T],
        rows: Rows<'_>,
        (grad, keep): (&mut [T], T),
    ) -> Vec<Evaluation> {
        let mut theta = self.pool.take(self.size);
        let one = |i: usize| {
            self.materialize(points, i, &mut theta);
            let weight = points.row(i).map_or(1., |c| c[j]);
            let mut sink = Sink { grad: &mut *grad, weight, keep: if i == 0 { keep } else { T::one() } };
            self.sink_gradient(&theta, inputs, rows.of(i), &mut sink)
        };
        (0..points.count).map(one).collect()
    }

    /// Computes the value at `theta`, and the gradient including that of the regulariser.
    fn sink_gradient(
        &self,
        theta: &[T],
        inputs: &[T],
        rows: Option<&[u32]>,
        sink: &mut Sink<'_, T>,
    ) -> Evaluation {
        let count = self.batch_size(rows);
        let sums = self.point_gradient(theta, inputs, rows, sink);
        let (columns, regularizer, kappa) =
            (self.regularized.clone(), self.criterion.regularizer, self.criterion.kappa);
        if kappa == 0. {
            return self.value(sums, count, 0.);
        }
        let theta = &theta[columns.clone()];
        regularizer.add_gradient(kappa * sink.weight, theta, &mut sink.grad[columns]);
        self.value(sums, count, kappa * regularizer.value(theta))
    }

    fn materialize(&self, points: Points<'_, T>, i: usize, out: &mut [T]) {
        let block = |(b, out): (usize, &mut [T])| {
            points.get(i, b * COLUMNS..b * COLUMNS + out.len(), out);
        };
        if self.size >= 4 * COLUMNS {
            out.par_chunks_mut(COLUMNS).enumerate().for_each(block);
        } else {
            out.chunks_mut(COLUMNS).enumerate().for_each(block);
        }
    }

    /// Adds $\sum_ic_{ij}g_i$ to row j of `grad`, for the free vertices j.
    fn scatter(&self, c: &[f64], v: usize, slopes: &[T], free: Range<usize>, grad: &mut [T]) {
        for (j, grad) in free.zip(grad.chunks_exact_mut(self.size)) {
            let block = |(b, grad): (usize, &mut [T])| {
                for (slope, c) in slopes.chunks_exact(self.size).zip(c.chunks_exact(v)) {
                    axpy(T::of(c[j]), &slope[b * COLUMNS..][..grad.len()], grad);
                }
            };
            if self.size >= 4 * COLUMNS {
                grad.par_chunks_mut(COLUMNS).enumerate().for_each(block);
            } else {
                grad.chunks_mut(COLUMNS).enumerate().for_each(block);
            }
        }
    }

    /// Computes values and gradients of a stack, each point with its own minibatch where there are several; `first` is
    /// the number of the stack's first point among all points.
    fn points_gradients(
        &self,
        stack: Points<'_, T>,
        first: usize,
        inputs: &[T],
        rows: Rows<'_>,
        (grads, keep): (&mut [Option<&mut [T]>], T),
    ) -> Vec<Evaluation> {
        let one = |(i, grad): (usize, &mut Option<&mut [T]>)| {
            let theta = stack.get(i, 0..self.size, &mut []);
            let mut unused = None;
            let grad = match grad {
                Some(grad) => &mut **grad,
                None => &mut unused.insert(self.pool.take(self.size))[..],
            };
            let mut sink = Sink { grad, weight: 1., keep };
            self.sink_gradient(theta, inputs, rows.of(first + i), &mut sink)
        };
        let batch_rows = self.batch_size(rows.of(first));
        if stack.count > 1 && 6 * self.size * batch_rows * stack.count >= PARALLEL_FLOPS {
            grads.par_iter_mut().enumerate().map(one).collect()
        } else {
            grads.iter_mut().enumerate().map(one).collect()
        }
    }
}

impl<T: Real> Fused<T> {
    /// Computes values, and `grad = keep grad + ` gradients.
    fn run(&self, span: &Span, rows: Rows<'_>, grad: Option<(&mut Tensor, f64)>) -> Result<Vec<Evaluation>> {
        with_slice::<T, _, _>(&self.inputs, |inputs| {
            with_slice::<T, _, _>(span.vertices(), |vertices| {
                let points = Points {
                    vertices,
                    coefficients: span.coefficients(),
                    count: span.points(),
                    size: self.size,
                };
                match grad {
                    None => Ok(self.values(points, inputs, rows)),
                    Some((grad, keep)) if grad.dims() == [span.free().len(), self.size] => {
                        with_slice_mut::<T, _, _>(grad, |grad| {
                            Ok(self.gradients(points, span.free(), inputs, rows, (grad, T::of(keep))))
                        })
                    }
                    Some((grad, _)) => {
                        let expected = format!("[{}, {}]", span.free().len(), self.size);
                        Err(Error::mismatch("gradient buffer", expected, format!("{:?}", grad.dims())))
                    }
                }
            })
        })
    }
}

impl<T: Real> Objective for Fused<T> {
    fn at(&self, theta: &Tensor, rows: Rows<'_>, gradient: Option<&mut Tensor>) -> Result<Vec<Evaluation>> {
        self.evaluate(&Span::stack(theta)?, rows, gradient)
    }

    fn evaluate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        gradient: Option<&mut Tensor>,
    ) -> Result<Vec<Evaluation>> {
        self.run(span, rows, gradient.map(|gradient| (gradient, 0.)))
    }

    fn accumulate(
        &self,
        span: &Span,
        rows: Rows<'_>,
        keep: f64,
        velocity: &mut Tensor,
    ) -> Result<Vec<Evaluation>> {
        self.run(span, rows, Some((velocity, keep)))
    }

    fn examples(&self) -> usize {
        self.examples.len()
    }
}
