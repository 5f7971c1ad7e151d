//! The band of pivots: tangents, nudging and even spacing.

use candle_core::{DType, Tensor};
use collado_models::{Real, dispatch, with_slice, with_slice_mut};
use collado_risk::{Path, Span, hat};
use rayon::prelude::*;

use crate::Result;

/// A chain of pivots between two ends that stay where they are.
pub(super) struct Band {
    /// The vertices `[V, S]`, with the ends.
    vertices: Tensor,
    /// The share of the arc length at which each vertex is kept.
    knots: Vec<f64>,
}

impl Band {
    /// Equidistant pivots on the straight line.
    pub(super) fn straight(a: &Tensor, b: &Tensor, pivots: usize) -> Result<Self> {
        let knots: Vec<f64> = (0..pivots + 2).map(|i| i as f64 / (pivots + 1) as f64).collect();
        let vertices = Path::segment(a, b)?.span(&knots)?.materialize()?.copy()?;
        Ok(Self { vertices, knots })
    }

    pub(super) fn vertices(&self) -> &Tensor {
        &self.vertices
    }

    pub(super) fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// The rows between the ends: a view, so that steps on it move the band.
    pub(super) fn pivots(&self) -> Result<Tensor> {
        Ok(self.vertices.narrow(0, 1, self.knots.len() - 2)?)
    }

    /// Removes from each pivot's gradient its component along the path.
    pub(super) fn nudge(&self, risks: &[f64], grad: &Tensor) -> Result<()> {
        if !self.vertices.device().is_cpu() {
            return self.nudge_tensors(risks, grad);
        }
        let size = self.vertices.dims()[1];
        dispatch!(self.vertices.dtype(), T => with_slice::<T, _, _>(&self.vertices, |vertices| {
            with_slice_mut::<T, _, crate::Error>(grad, |grad| {
                grad.par_chunks_mut(size).enumerate().for_each(|(i, grad)| {
                    let (around, risks) = (&vertices[i * size..(i + 3) * size], &risks[i..i + 3]);
                    perpendicular(around, tangent([risks[0], risks[1], risks[2]]), grad);
                });
                Ok(())
            })
        }))?;
        Ok(())
    }

    /// The same by candle operations, for other devices.
    fn nudge_tensors(&self, risks: &[f64], grad: &Tensor) -> Result<()> {
        let pivots = grad.dims()[0];
        let (up, down): (Vec<f64>, Vec<f64>) = risks.windows(3).map(|r| tangent([r[0], r[1], r[2]])).unzip();
        let column = |weights: Vec<f64>| Tensor::from_vec(weights, (pivots, 1), grad.device());
        let (vertices, wide) = (self.vertices.to_dtype(DType::F64)?, grad.to_dtype(DType::F64)?);
        let steps = (vertices.narrow(0, 1, pivots + 1)? - vertices.narrow(0, 0, pivots + 1)?)?;
        let after = steps.narrow(0, 1, pivots)?.broadcast_mul(&column(up)?)?;
        let along = (after + steps.narrow(0, 0, pivots)?.broadcast_mul(&column(down)?)?)?;
        // A tangent of length 0 has no component.
        let square = along.sqr()?.sum_keepdim(1)?.maximum(f64::MIN_POSITIVE)?;
        let share = ((&wide * &along)?.sum_keepdim(1)? / square)?;
        let rest = (wide - along.broadcast_mul(&share)?)?;
        Ok(grad.slice_set(&rest.to_dtype(grad.dtype())?, 0, 0)?)
    }

    /// Moves the pivots along the chain to their shares of its length.
    pub(super) fn respace(&mut self) -> Result<()> {
        let uniform = Path::polychain(self.vertices.clone())?;
        let places = uniform.knots();
        let mut length = vec![0.];
        for step in uniform.steps(&places)? {
            length.push(length[length.len() - 1] + step);
        }
        let total = length[length.len() - 1];
        if !(total > 0. && total.is_finite()) {
            return Ok(());
        }
        let along: Vec<f64> = length.iter().map(|l| l / total).collect();
        let last = self.knots.len() - 1;
        let table = self.knots[1..last].iter().flat_map(|&t| hat(&along, t)).collect();
        let moved = Span::new(&self.vertices, table)?.materialize()?;
        self.vertices.slice_set(&moved, 0, 1)?;
        Ok(())
    }

    /// Adds pivots at `ts`.
    pub(super) fn insert(&mut self, ts: impl IntoIterator<Item = f64>) -> Result<()> {
        let mut knots = self.knots.clone();
        knots.extend(ts);
        knots.sort_by(f64::total_cmp);
        knots.dedup();
        let span: Span = self.path()?.span(&knots)?;
        self.vertices = span.materialize()?.copy()?;
        self.knots = knots;
        Ok(())
    }
}

/// Weights of $\theta_{i+1}-\theta_i$ and $\theta_i-\theta_{i-1}$ in the improved tangent at pivot i: the difference
/// towards the higher neighbour; at extrema both, weighted so that it turns smoothly (Henkelman & Jónsson 2000, eqs.
/// 8–11).
fn tangent([before, here, after]: [f64; 3]) -> (f64, f64) {
    if after > here && here > before {
        return (1., 0.);
    }
    if after < here && here < before {
        return (0., 1.);
    }
    let (up, down) = ((after - here).abs(), (before - here).abs());
    let (large, small) = (up.max(down), up.min(down));
    match after > before {
        // Three equal risks tell nothing: the chord.
        _ if large == 0. => (1., 1.),
        true => (large, small),
        false => (small, large),
    }
}

/// Removes the component along the tangent from `grad`; `around` are the vertices i − 1, i, i + 1.
fn perpendicular<T: Real>(around: &[T], (up, down): (f64, f64), grad: &mut [T]) {
    let size = grad.len();
    let (before, rest) = around.split_at(size);
    let (here, after) = rest.split_at(size);
    let along =
        |s: usize| up * (after[s].wide() - here[s].wide()) + down * (here[s].wide() - before[s].wide());
    let (mut dot, mut square) = (0., 0.);
    for (s, g) in grad.iter().enumerate() {
        let tau = along(s);
        dot += g.wide() * tau;
        square += tau * tau;
    }
    if square > 0. {
        let share = dot / square;
        grad.iter_mut().enumerate().for_each(|(s, g)| *g -= T::of(share * along(s)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tangents_are_those_of_the_paper() {
        assert_eq!(tangent([0., 1., 2.]), (1., 0.));
        assert_eq!(tangent([2., 1., 0.]), (0., 1.));
        // A maximum with the higher neighbour after it, a minimum with it before.
        assert_eq!(tangent([0., 3., 1.]), (3., 2.));
        assert_eq!(tangent([4., 1., 2.]), (1., 3.));
        assert_eq!(tangent([1., 1., 1.]), (1., 1.));
    }

    #[test]
    fn tensor_operations_nudge_alike() {
        let device = &candle_core::Device::Cpu;
        let row = |i: usize| (0..7).map(move |j| ((i * 7 + j) as f64 * 1.3).sin());
        let numbers: Vec<f64> = (0..5).flat_map(row).collect();
        let mut vertices = Tensor::from_vec(numbers, (5, 7), device).unwrap();
        // The last two coincide, and so do their neighbours: a tangent of length 0.
        let last = vertices.narrow(0, 2, 1).unwrap();
        vertices = Tensor::cat(&[&vertices.narrow(0, 0, 3).unwrap(), &last, &last], 0).unwrap();
        let band = Band { vertices, knots: vec![0., 0.25, 0.5, 0.75, 1.] };
        let grad: Vec<f64> = (0..21).map(|i| f64::from(i).cos()).collect();
        let risks = [0.5, 1., 0.7, 0.9, 0.9];
        let here = Tensor::from_vec(grad, (3, 7), device).unwrap();
        let there = here.copy().unwrap();
        band.nudge(&risks, &here).unwrap();
        band.nudge_tensors(&risks, &there).unwrap();
        let gap = (here - there).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
        assert!(gap <= 1e-14, "{gap}");
    }

    #[test]
    fn what_is_left_is_perpendicular() {
        let around = [0., 0., 0., 1., 2., 0., 1., 3., 5.];
        let mut grad = [1_f64, -2., 0.5];
        perpendicular(&around, (1., 0.), &mut grad);
        // Towards the third vertex: (0, 1, 5).
        assert!((grad[1] + 5. * grad[2]).abs() < 1e-15 && grad[0] == 1., "{grad:?}");
    }
}
