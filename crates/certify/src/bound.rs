//! Bounds of the empirical risk on one piece of a path, by first-order models of all examples.

use std::sync::Arc;

use collado_models::{Chain, Network};
use collado_risk::{Criterion, EmpiricalRisk, Loss, Targets};
use rayon::prelude::*;

use crate::{
    Error, Result,
    leg::Leg,
    loss::{cross_entropy, separable},
    model::Model,
    pass::{Pass, Traveller, Value},
    penalty::Penalty,
    piece::FirstLayer,
    plan::{Pieces, Plan, first_layer, linear_chain, live},
    polynomial::Moments,
    rounding::{U, gamma},
    taylor::Taylor,
    tiles::{Tile, Tiles},
};

/// Proved bounds of F on a piece or at a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) lower: f64,
    /// The upper bound, +∞ when it overflows.
    pub(crate) upper: f64,
    /// The number of examples that may be misclassified somewhere on the piece.
    pub(crate) wrong: usize,
}

/// Bounds a risk on pieces of legs.
pub(crate) struct Bounder {
    network: Arc<Network>,
    plan: Plan,
    criterion: Criterion,
    penalty: Penalty,
    tiles: Tiles,
    /// The memory for products of the first layer, in bytes.
    memory: usize,
}

/// The summed losses of a tile: upper bounds at s = δ and s = −δ, and a lower bound at 0.
#[derive(Default, Clone, Copy)]
struct Sums {
    ends: [f64; 2],
    middle: f64,
    wrong: usize,
}

impl Bounder {
    /// The bounds of `risk` within `memory` bytes.
    pub(crate) fn new(risk: &EmpiricalRisk, memory: usize) -> Result<Self> {
        let (network, criterion) = (Arc::clone(risk.network()), risk.criterion());
        let plan = Plan::new(risk)?;
        let penalty = Penalty::new(criterion, &network);
        let tiles = Tiles::new(risk)?;
        let rows = tiles.len();
        // Centre, slope and radius of each number of all rows.
        let row = if plan.couples { 3 * size_of::<f64>() * live(&network) } else { 0 };
        if row * rows > memory {
            return Err(Error::Memory { rows, fit: memory / row, mib: memory >> 20 });
        }
        Ok(Self { network, plan, criterion, penalty, tiles, memory: memory - row * rows })
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// The layers, where the network is a chain of dense layers.
    pub(crate) fn chain(&self) -> Option<&Chain> {
        self.network.chain()
    }

    /// Whether the rule for statistics takes those of the files.
    pub(crate) fn interpolates(&self) -> bool {
        self.plan.interpolates
    }

    /// The moments of the data for squared losses of chains without activations; `None` for other networks and losses.
    pub(crate) fn moments(&self) -> Result<Option<Moments>> {
        let chain = linear_chain(&self.network).filter(|_| self.criterion.loss == Loss::Squared);
        chain.map(|chain| Moments::new(&self.tiles, chain.inputs(), chain.outputs())).transpose()
    }

    pub(crate) fn criterion(&self) -> Criterion {
        self.criterion
    }

    pub(crate) fn examples(&self) -> usize {
        self.tiles.len()
    }

    /// The first layer's products at the vertices of a leg, for as many tiles as fit into the memory.
    pub(crate) fn first(&self, leg: &Leg) -> Result<Vec<FirstLayer>> {
        let Some(layer) = first_layer(&self.network, &self.plan) else { return Ok(Vec::new()) };
        let tiles = &self.tiles.tiles;
        let sizes = tiles.iter().scan(0_usize, |sum, tile| {
            *sum = sum.saturating_add(FirstLayer::bytes(leg, layer, tile));
            Some(*sum)
        });
        let fit = sizes.take_while(|&size| size <= self.memory).count();
        let first = |tile: &Tile| Ok(FirstLayer::new(leg, layer, tile, &self.tiles.gather(tile)?));
        tiles[..fit].par_iter().map(first).collect()
    }

    /// Bounds F on the piece of `leg` that `taylor` describes; `first` holds the first layer for some of the tiles.
    pub(crate) fn bound(&self, leg: &Leg, first: &[FirstLayer], taylor: &Taylor) -> Result<Bound> {
        let pieces = Pieces::new(&self.network, &self.plan, self.tiles.by_class(), leg, taylor);
        let traveller = |(i, tile)| self.traveller(tile, first.get(i), &pieces);
        let tiles = self.tiles.tiles.iter().enumerate().map(traveller);
        // Where statistics couple all rows they go together, otherwise one tile after the other.
        let groups: Vec<Vec<Traveller<'_>>> =
            if self.plan.couples { vec![tiles.collect()] } else { tiles.map(|tile| vec![tile]).collect() };
        let parts = groups.into_par_iter().map(|tiles| self.sums((leg, taylor), &pieces, tiles));
        let parts = parts.collect::<Result<Vec<_>>>()?.concat();
        let mut sums = Sums::default();
        for part in &parts {
            sums.ends[0] += part.ends[0];
            sums.ends[1] += part.ends[1];
            sums.middle += part.middle;
            sums.wrong += part.wrong;
        }
        let n = self.tiles.len() as f64;
        let error = gamma(parts.len() + 128);
        let penalty = self.penalty.bound(leg, taylor);
        let upper = |i: usize| (sums.ends[i] / n) * (1. + error) + penalty.ends[i];
        let (a, b) = (upper(0) * (1. + 8. * U), upper(1) * (1. + 8. * U));
        let upper = if a > b || a.is_nan() { a } else { b };
        if !upper.is_finite() {
            return Ok(Bound { lower: 0., upper: f64::INFINITY, wrong: self.tiles.len() });
        }
        // The lower losses are convex in s and below the upper ones: h(s) ≥ 2h(0) - max h(±δ).
        let middle = sums.middle / n * (1. - error);
        let high = sums.ends[0].max(sums.ends[1]) / n * (1. + error);
        let loss = if taylor.delta == 0. { middle } else { (2. * middle - high) - 8. * U * high };
        let lower = (loss.max(0.) + penalty.lower) * (1. - 8. * U);
        Ok(Bound { lower: lower.max(0.), upper, wrong: sums.wrong })
    }

    fn traveller<'a>(
        &self,
        tile: &'a Tile,
        first: Option<&'a FirstLayer>,
        pieces: &'a Pieces,
    ) -> Traveller<'a> {
        let margins = tile.label.and_then(|y| pieces.margins.get(y as usize));
        Traveller { tile, first, margins }
    }

    /// The summed losses of each of some tiles.
    fn sums(
        &self,
        (leg, taylor): (&Leg, &Taylor),
        pieces: &Pieces,
        tiles: Vec<Traveller<'_>>,
    ) -> Result<Vec<Sums>> {
        let mut pass = Pass::new((&self.plan, pieces), (leg, taylor), &self.tiles, tiles);
        let positions = self.network.input()[1..].iter().product();
        let output = self.network.run(&mut pass, Value::Input(positions))?;
        let models = pass.models(output)?.into_par_iter().zip(&pass.tiles);
        let read = |(model, one): (Arc<Model>, &Traveller<'_>)| {
            self.read_out(one.tile, &mut Arc::unwrap_or_clone(model), one.margins.is_some(), taylor.delta)
        };
        Ok(models.map(read).collect())
    }

    fn read_out(&self, tile: &Tile, model: &mut Model, margins: bool, delta: f64) -> Sums {
        let q = model.radius.len() / model.t;
        let mut out = Sums::default();
        let (mut c, mut l, mut r) = (vec![0.; q], vec![0.; q], vec![0.; q]);
        for (e, &row) in tile.rows.iter().enumerate() {
            for j in 0..q {
                let (cs, ls, rs) = model.row(j);
                (c[j], l[j], r[j]) = (cs[e], ls.get(e).copied().unwrap_or(0.), rs[e]);
            }
            let (mut c, mut l, mut r) = (c.clone(), l.clone(), r.clone());
            if let (false, Some(y)) = (margins, tile.label) {
                against(&mut c, &mut l, &mut r, y as usize, delta);
            }
            (0..c.len()).for_each(|j| r[j] += 16. * U * (c[j].abs() + delta * l[j].abs() + r[j]));
            let at = |s: f64| -> Vec<f64> { c.iter().zip(&l).map(|(c, l)| c + s * l).collect() };
            let loss = |u: &[f64], sign: f64| match self.criterion.loss {
                Loss::CrossEntropy => cross_entropy(u, &r, sign),
                loss => separable(loss, u, &r, |j| self.tiles.targets().value(row, j, q), sign),
            };
            out.ends[0] += loss(&at(delta), 1.);
            out.ends[1] += if delta > 0. { loss(&at(-delta), 1.) } else { 0. };
            out.middle += loss(&c, -1.);
            out.wrong += usize::from(self.may_err(row, tile.label.is_some(), (&c, &l, &r), delta));
        }
        if delta == 0. {
            out.ends[1] = out.ends[0];
        }
        out
    }

    /// Whether an example's margin allows a wrong class somewhere on the piece.
    fn may_err(&self, row: usize, margins: bool, (c, l, r): (&[f64], &[f64], &[f64]), delta: f64) -> bool {
        let Targets::Classes(labels) = self.tiles.targets() else { return false };
        let y = labels[row] as usize;
        let reach = |j: usize| delta * l[j].abs() + r[j];
        if margins {
            // A single output under cross-entropy has no margin; its sign, which decides, is not at hand.
            return c.is_empty() || !(0..c.len()).all(|j| c[j] + reach(j) < 0.);
        }
        if let [c] = c {
            let threshold = self.criterion.loss.threshold();
            return !(if y == 1 { c - reach(0) > threshold } else { c + reach(0) < threshold });
        }
        let (mut c, mut l, mut r) = (c.to_vec(), l.to_vec(), r.to_vec());
        against(&mut c, &mut l, &mut r, y, delta);
        !(0..c.len()).all(|j| c[j] + delta * l[j].abs() + r[j] < 0.)
    }

    /// Whether the targets are classes, so that an error rate exists.
    pub(crate) fn is_classes(&self) -> bool {
        self.tiles.targets().classes().is_some()
    }
}

/// Replaces outputs by the margins $z_j-z_y$ of the other outputs.
fn against(c: &mut Vec<f64>, l: &mut Vec<f64>, r: &mut Vec<f64>, y: usize, delta: f64) {
    let (cy, ly, ry) = (c.remove(y), l.remove(y), r.remove(y));
    for j in 0..c.len() {
        r[j] += ry + 4. * U * (c[j].abs() + cy.abs() + delta * (l[j].abs() + ly.abs()) + r[j] + ry);
        c[j] -= cy;
        l[j] -= ly;
    }
}
