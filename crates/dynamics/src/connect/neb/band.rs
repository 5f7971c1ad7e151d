//! The band of pivots: tangents, nudging and even spacing.

use candle_core::Tensor;
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
    fn what_is_left_is_perpendicular() {
        let around = [0., 0., 0., 1., 2., 0., 1., 3., 5.];
        let mut grad = [1_f64, -2., 0.5];
        perpendicular(&around, (1., 0.), &mut grad);
        // Towards the third vertex: (0, 1, 5).
        assert!((grad[1] + 5. * grad[2]).abs() < 1e-15 && grad[0] == 1., "{grad:?}");
    }
}
