//! Bounds of the empirical risk on one piece of a path, by first-order models of all examples.

use std::sync::Arc;

use collado_models::{Activation, Affine, Algebra, Chain, Network};
use collado_risk::{Criterion, EmpiricalRisk, Loss, Targets};
use rayon::prelude::*;

use crate::{
    Error, Result,
    activation::{Row, activate},
    leg::Leg,
    loss::{cross_entropy, separable},
    model::Model,
    penalty::Penalty,
    piece::{FirstLayer, LayerPiece},
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
    criterion: Criterion,
    penalty: Penalty,
    tiles: Tiles,
}

/// The summed losses of a tile: upper bounds at s = δ and s = −δ, and a lower bound at 0.
#[derive(Default, Clone, Copy)]
struct Sums {
    ends: [f64; 2],
    middle: f64,
    wrong: usize,
}

impl Bounder {
    pub(crate) fn new(risk: &EmpiricalRisk) -> Result<Self> {
        let (network, criterion) = (Arc::clone(risk.network()), risk.criterion());
        network.dense_chain("a proof along a path")?;
        let penalty = Penalty::new(criterion, &network);
        Ok(Self { network, criterion, penalty, tiles: Tiles::new(risk)? })
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn chain(&self) -> &Chain {
        self.network.chain().expect("checked when it was made")
    }

    /// The moments of the data for squared losses of networks without activations; `None` for other networks and
    /// losses.
    pub(crate) fn moments(&self) -> Result<Option<Moments>> {
        let chain = self.chain();
        let linear = chain.iter().all(|layer| layer.activation == Activation::Linear);
        let polynomial = linear && self.criterion.loss == Loss::Squared;
        let (inputs, outputs) = (chain.inputs(), chain.outputs());
        polynomial.then(|| Moments::new(&self.tiles, inputs, outputs)).transpose()
    }

    pub(crate) fn criterion(&self) -> Criterion {
        self.criterion
    }

    pub(crate) fn examples(&self) -> usize {
        self.tiles.len()
    }

    /// The first layer's products at the vertices of a leg, for as many tiles as fit into `memory` bytes.
    pub(crate) fn first(&self, leg: &Leg, memory: usize) -> Result<Vec<FirstLayer>> {
        let tiles = &self.tiles.tiles;
        let sizes = tiles.iter().scan(0_usize, |sum, tile| {
            *sum = sum.saturating_add(FirstLayer::bytes(leg, &self.chain()[0], tile));
            Some(*sum)
        });
        let fit = sizes.take_while(|&size| size <= memory).count();
        tiles[..fit].par_iter().map(|tile| self.first_of(leg, tile)).collect()
    }

    fn first_of(&self, leg: &Leg, tile: &Tile) -> Result<FirstLayer> {
        Ok(FirstLayer::new(leg, &self.chain()[0], tile, &self.tiles.gather(tile)?))
    }

    /// Bounds F on the piece of `leg` that `taylor` describes; `first` holds the first layer for some of the tiles.
    pub(crate) fn bound(&self, leg: &Leg, first: &[FirstLayer], taylor: &Taylor) -> Result<Bound> {
        let affine: Vec<_> = self.chain()[1..].iter().map(|l| LayerPiece::new(leg, l, taylor)).collect();
        let margins: Vec<_> = match affine.last() {
            Some(last) if self.tiles.by_class() => (0..last.outputs).map(|y| last.margins(y)).collect(),
            _ => Vec::new(),
        };
        let tiles = self.tiles.tiles.par_iter().enumerate();
        let part = |(i, tile): (usize, &Tile)| match first.get(i) {
            Some(first) => self.tile(tile, first, (&affine, &margins), taylor),
            None => self.tile(tile, &self.first_of(leg, tile)?, (&affine, &margins), taylor),
        };
        let parts = tiles.map(part).collect::<Result<Vec<_>>>()?;
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

    fn tile(
        &self,
        tile: &Tile,
        first: &FirstLayer,
        (pieces, margins): (&[LayerPiece], &[LayerPiece]),
        taylor: &Taylor,
    ) -> Result<Sums> {
        let margins = tile.label.and_then(|y| margins.get(y as usize));
        let mut models = Models { first, pieces, margins, examples: tile.rows.len(), taylor };
        let mut model = self.network.run(&mut models, None)?.expect("a layer puts out a model");
        Ok(self.read_out(tile, &mut model, margins.is_some(), taylor.delta))
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

/// The pass of first-order models of one tile through a network. The input has no model, as the first layer has read
/// it.
struct Models<'a> {
    first: &'a FirstLayer,
    /// The layers above the first on this piece that have not been passed yet.
    pieces: &'a [LayerPiece],
    /// The last layer, which is combined with the loss.
    margins: Option<&'a LayerPiece>,
    examples: usize,
    taylor: &'a Taylor,
}

impl Algebra for Models<'_> {
    type Value = Option<Model>;
    type Error = Error;
    const NAME: &'static str = "a proof along a path";

    fn affine(&mut self, op: &Affine, x: &Option<Model>) -> Result<Option<Model>> {
        let Some(below) = x else {
            return Ok(Some(Model::first(self.first, op.inputs(), self.examples, self.taylor)));
        };
        let (next, rest) = self.pieces.split_first().expect("a piece for each layer above the first");
        self.pieces = rest;
        let layer = self.margins.filter(|_| rest.is_empty()).unwrap_or(next);
        Ok(Some(below.affine(layer, self.taylor)))
    }

    fn activation(&mut self, rho: Activation, x: Option<Model>) -> Result<Option<Model>> {
        Ok(x.map(|mut model| {
            for i in 0..model.radius.len() / model.t {
                let (c, l, r) = model.row(i);
                activate(rho, Row { c, l, r }, self.taylor.delta);
            }
            model
        }))
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
