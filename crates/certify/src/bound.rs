use collado_models::Activation;
use collado_risk::{Criterion, Loss};
use rayon::prelude::*;

use crate::{
    EmpiricalRisk, Result,
    activation::{Row, activate},
    empirical_risk::{Examples, Targets, Tile},
    leg::{Layer, Leg},
    loss::{cross_entropy, separable},
    model::Model,
    penalty::Penalty,
    piece::{Affine, FirstLayer},
    polynomial::Moments,
    rounding::{U, gamma},
    taylor::Taylor,
};

/// What is proved of F on a piece, or at a point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) lower: f64,
    /// +∞ when it overflows.
    pub(crate) upper: f64,
    /// Examples that may be misclassified somewhere on the piece.
    pub(crate) wrong: usize,
}

/// Bounds a risk on pieces of legs.
pub(crate) struct Bounder {
    layers: Vec<Layer>,
    activation: Activation,
    criterion: Criterion,
    penalty: Penalty,
    examples: Examples,
}

/// Losses of a tile, summed: at s = δ, at −δ, and a lower bound at 0.
#[derive(Default, Clone, Copy)]
struct Sums {
    ends: [f64; 2],
    middle: f64,
    wrong: usize,
}

impl Bounder {
    pub(crate) fn new(risk: &EmpiricalRisk<'_>) -> Result<Self> {
        let layers = Layer::all(risk.arch);
        let penalty = Penalty::new(risk.criterion, &layers);
        let examples = Examples::new(risk)?;
        let activation = risk.arch.activation();
        Ok(Self { layers, activation, criterion: risk.criterion, penalty, examples })
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What squared losses of a network without activations need; none for other networks and losses.
    pub(crate) fn moments(&self) -> Result<Option<Moments>> {
        let polynomial = self.activation == Activation::Linear && self.criterion.loss == Loss::Squared;
        let (inputs, outputs) = (self.layers[0].inputs, self.layers[self.layers.len() - 1].outputs);
        polynomial.then(|| Moments::new(&self.examples, inputs, outputs)).transpose()
    }

    pub(crate) fn criterion(&self) -> Criterion {
        self.criterion
    }

    pub(crate) fn examples(&self) -> usize {
        self.examples.len()
    }

    /// The first layer's products at the vertices of a leg, for as many tiles as fit into `memory` bytes.
    pub(crate) fn first(&self, leg: &Leg, memory: usize) -> Result<Vec<FirstLayer>> {
        let tiles = &self.examples.tiles;
        let sizes = tiles.iter().scan(0_usize, |sum, tile| {
            *sum = sum.saturating_add(FirstLayer::bytes(leg, &self.layers[0], tile));
            Some(*sum)
        });
        let fit = sizes.take_while(|&size| size <= memory).count();
        tiles[..fit].par_iter().map(|tile| self.first_of(leg, tile)).collect()
    }

    fn first_of(&self, leg: &Leg, tile: &Tile) -> Result<FirstLayer> {
        Ok(FirstLayer::new(leg, &self.layers[0], tile, &self.examples.gather(tile)?))
    }

    /// F on the piece of `leg` that `taylor` describes; `first` holds the first layer for some of the tiles.
    pub(crate) fn bound(&self, leg: &Leg, first: &[FirstLayer], taylor: &Taylor) -> Result<Bound> {
        let affine: Vec<_> = self.layers[1..].iter().map(|l| Affine::new(leg, l, taylor)).collect();
        let margins: Vec<_> = match affine.last() {
            Some(last) if self.examples.by_class() => (0..last.outputs).map(|y| last.margins(y)).collect(),
            _ => Vec::new(),
        };
        let tiles = self.examples.tiles.par_iter().enumerate();
        let part = |(i, tile): (usize, &Tile)| match first.get(i) {
            Some(first) => Ok(self.tile(tile, first, (&affine, &margins), taylor)),
            None => Ok(self.tile(tile, &self.first_of(leg, tile)?, (&affine, &margins), taylor)),
        };
        let parts = tiles.map(part).collect::<Result<Vec<_>>>()?;
        let mut sums = Sums::default();
        for part in &parts {
            sums.ends[0] += part.ends[0];
            sums.ends[1] += part.ends[1];
            sums.middle += part.middle;
            sums.wrong += part.wrong;
        }
        let n = self.examples.len() as f64;
        let error = gamma(parts.len() + 128);
        let penalty = self.penalty.bound(leg, taylor);
        let upper = |i: usize| (sums.ends[i] / n) * (1. + error) + penalty.ends[i];
        let (a, b) = (upper(0) * (1. + 8. * U), upper(1) * (1. + 8. * U));
        let upper = if a > b || a.is_nan() { a } else { b };
        if !upper.is_finite() {
            return Ok(Bound { lower: 0., upper: f64::INFINITY, wrong: self.examples.len() });
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
        (affine, margins): (&[Affine], &[Affine]),
        taylor: &Taylor,
    ) -> Sums {
        let mut model = Model::first(first, self.layers[0].inputs, tile.rows.len(), taylor);
        let margins = tile.label.and_then(|y| margins.get(y as usize));
        for (k, layer) in affine.iter().enumerate() {
            for i in 0..self.layers[k].outputs {
                let (c, l, r) = model.row(i);
                activate(self.activation, Row { c, l, r }, taylor.delta);
            }
            let last = k + 1 == affine.len();
            model = model.affine(margins.filter(|_| last).unwrap_or(layer), taylor);
        }
        self.read_out(tile, &mut model, margins.is_some(), taylor.delta)
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
                loss => separable(loss, u, &r, |j| self.examples.targets.value(row, j, q), sign),
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
        let Targets::Classes(labels) = &self.examples.targets else { return false };
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
        matches!(self.examples.targets, Targets::Classes(_))
    }
}

/// Outputs become margins $z_j-z_y$ of the other outputs.
fn against(c: &mut Vec<f64>, l: &mut Vec<f64>, r: &mut Vec<f64>, y: usize, delta: f64) {
    let (cy, ly, ry) = (c.remove(y), l.remove(y), r.remove(y));
    for j in 0..c.len() {
        r[j] += ry + 4. * U * (c[j].abs() + cy.abs() + delta * (l[j].abs() + ly.abs()) + r[j] + ry);
        c[j] -= cy;
        l[j] -= ly;
    }
}
