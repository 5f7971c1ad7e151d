//! One batch along one vector: the derivatives of all values, then those of all slopes.

use super::{
    super::{Graph, forward::Trace, lanes::Number, plan::ValueId, store::Store},
    norm::{MomentSlopes, MomentsAlong},
    packed::Packed,
    tangent::Tangent,
};
use crate::{CurvatureForm, engine::curvature::LossCurvature, loss::loss_and_slope};

/// What the statistics of batch normalisation are taken over.
#[derive(Clone, Copy)]
pub(super) enum Source<'s> {
    /// Nothing: they are constants, or there are none.
    Constant,
    /// Other examples; their derivatives along the vector are given for each step.
    Reference(&'s [Option<MomentsAlong>]),
    /// The examples of the batch.
    Batch,
}

/// One batch along one vector.
pub(super) struct Pass<'s, 'g> {
    pub(super) graph: &'g Graph<f64>,
    /// The values of the batch.
    pub(super) trace: &'s Trace<'g, f64>,
    pub(super) form: CurvatureForm,
    pub(super) theta: &'s Packed<'s>,
    pub(super) vector: &'s Packed<'s>,
    pub(super) source: Source<'s>,
}

/// What passes in reverse are added to.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    /// The product `[S]`.
    pub(super) product: Vec<f64>,
    /// For each step and channel the slopes with respect to statistics that are taken over other examples.
    pub(super) moments: Vec<Vec<MomentSlopes>>,
}

impl Sums {
    pub(super) fn zero(graph: &Graph<f64>) -> Self {
        let channels = |step: &super::super::plan::Step| step.norm.as_ref().map_or(0, |norm| norm.channels);
        Self {
            product: vec![0.; graph.network.size()],
            moments: graph.plan.steps.iter().map(|step| vec![[0.; 4]; channels(step)]).collect(),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.product.iter_mut().zip(&other.product).for_each(|(x, y)| *x += y);
        for (x, y) in self.moments.iter_mut().flatten().zip(other.moments.iter().flatten()) {
            x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
        }
    }
}

/// The slopes of one value: the derivatives of the loss with respect to it, and their derivatives along the vector. The
/// first are wanted for the Hessian only; the other matrices are products of Jacobians.
pub(super) struct Slope<'g> {
    pub(super) plain: Option<Store<'g, f64>>,
    pub(super) along: Store<'g, f64>,
}

impl<'g> Pass<'_, 'g> {
    /// Adds the product of the batch, whose examples have the weight `scale` each.
    pub(super) fn run(&self, rows: &[u32], scale: f64, sums: &mut Sums) {
        let tangent = self.tangent();
        let top = self.read_out(&tangent, rows, scale);
        self.reverse(&tangent, Some(top), &[], sums);
    }

    /// A store of zeros for the value `x`.
    pub(super) fn zeros(&self, x: ValueId) -> Store<'g, f64> {
        let store = self.graph.store(self.trace.tiles(), self.graph.plan.values[x].len::<f64>());
        // SAFETY: nothing reads the store yet, and one tile is written after the other.
        (0..self.trace.tiles()).for_each(|t| unsafe { store.tile_mut(t) }.fill(0.));
        store
    }

    /// The slopes of the outputs; zeros beyond the examples.
    fn read_out(&self, tangent: &Tangent<'_>, rows: &[u32], scale: f64) -> Slope<'g> {
        let (graph, output, lanes) = (self.graph, self.graph.plan.output(), f64::LANES);
        let plain = (self.form == CurvatureForm::Hessian).then(|| self.zeros(output));
        let along = self.zeros(output);
        graph.map_tiles(self.trace.count, |t, examples| {
            let z = graph.view(self.trace, output, t).0;
            let r = tangent.view(output, t);
            for lane in 0..examples {
                let column = |x: &[f64]| x.iter().skip(lane).step_by(lanes).copied().collect::<Vec<_>>();
                let (mut z, mut v) = (column(z), column(r));
                // Each position has outputs, and a loss, of its own.
                let positions = graph.examples.targets().positions();
                let (width, share) = (z.len() / positions, (positions as f64).recip());
                let curvatures: Vec<_> =
                    z.chunks_exact(width).map(|z| LossCurvature::new(graph.criterion.loss, z)).collect();
                let target = graph.examples.target(rows[t * lanes + lane] as usize);
                loss_and_slope(graph.criterion.loss, &mut z, target);
                if self.form == CurvatureForm::Fisher {
                    let share: f64 = v.iter().zip(&z).map(|(v, z)| v * z).sum();
                    v.iter_mut().zip(&z).for_each(|(v, z)| *v = share * z);
                } else {
                    for (curvature, v) in curvatures.iter().zip(v.chunks_exact_mut(width)) {
                        curvature.apply(v);
                        v.iter_mut().for_each(|v| *v *= share);
                    }
                }
                // SAFETY: each tile is written by its own task.
                let (g, h) = unsafe { (plain.as_ref().map(|plain| plain.tile_mut(t)), along.tile_mut(t)) };
                h.iter_mut().skip(lane).step_by(lanes).zip(&v).for_each(|(h, v)| *h = v * scale);
                if let Some(g) = g {
                    g.iter_mut().skip(lane).step_by(lanes).zip(&z).for_each(|(g, z)| *g = z * scale);
                }
            }
        });
        Slope { plain, along }
    }
}
