//! First-order models of a tile's activations, $a(s)\in c+ls\pm r$ for $|s|\le\delta$, layer by layer (docs/theory.md
//! §6).

use crate::{
    line::Line,
    piece::{FirstLayer, LayerPiece, Slack},
    rounding::TINY,
    taylor::Taylor,
};

/// Models of one layer for a tile of `t` examples.
#[derive(Clone)]
pub(crate) struct Model {
    /// The centres and slopes, `[neuron][c of all examples | l of all examples]`; at a single point there are no
    /// slopes.
    pub(crate) lines: Vec<f64>,
    /// The radii, `[neuron][example]`.
    pub(crate) radius: Vec<f64>,
    pub(crate) t: usize,
    /// The number of channels: 2, or 1 at a single point.
    pub(crate) channels: usize,
    /// The number of neurons, or pixels, that share a bias.
    pub(crate) positions: usize,
}

impl Model {
    /// The models of inputs `x` `[T, ..]`, which are known, with `positions` pixels in a channel.
    pub(crate) fn exact(x: &[f64], (t, positions): (usize, usize), taylor: &Taylor) -> Self {
        let size = x.len() / t;
        let mut model = Self::empty(size, (t, positions), taylor.rows.len());
        for i in 0..size {
            model.row(i).0.iter_mut().enumerate().for_each(|(e, c)| *c = x[e * size + i]);
        }
        model
    }

    /// The models of the first layer, from its products at the vertices, with dot products of length `inputs`.
    pub(crate) fn first(first: &FirstLayer, inputs: usize, t: usize, taylor: &Taylor) -> Self {
        let size = first.bound.len();
        let rows = size / t;
        let powers = taylor.rows.len();
        let mut terms = vec![0.; powers * size];
        for (k, out) in terms.chunks_exact_mut(size).enumerate() {
            taylor.combine(k, first.products.chunks_exact(size), out);
        }
        let slack = Slack::first(inputs, taylor);
        let mut model = Self::empty(rows, (t, first.positions), powers);
        for i in 0..rows {
            let (c, l, r) = model.row(i);
            r.iter_mut().zip(&first.bound[i * t..]).for_each(|(r, b)| *r = slack * b + TINY);
            c.copy_from_slice(&terms[i * t..][..t]);
            if let Some(term) = terms.get(size + i * t..).filter(|_| powers > 1) {
                l.copy_from_slice(&term[..t]);
            }
            for k in 2..powers {
                let v = &terms[k * size + i * t..][..t];
                spread(taylor, k, |e| v[e], (c, l, r));
            }
            r.iter_mut().for_each(|r| *r *= 1. + 1e-12);
        }
        model
    }

    /// The models of the next layer, $z=W(s)a+b(s)$.
    pub(crate) fn affine(&self, layer: &LayerPiece, taylor: &Taylor) -> Self {
        let (t, n, outputs) = (self.t, layer.neurons(), layer.outputs);
        let slack = Slack::new(layer.inputs, taylor);
        let width = self.channels * t;
        let powers = taylor.rows.len();
        let mut products = vec![0.; powers * n * width];
        layer.product(&mut products, &layer.weights, &self.lines, width);
        let mut model = Self::empty(n, (t, layer.positions), powers);
        layer.product(&mut model.radius, &layer.radius, &self.riding(taylor, slack), t);
        let term = |k: usize, i: usize, channel: usize| &products[(k * n + i) * width + channel * t..][..t];
        for i in 0..n {
            let (c, l, r) = model.row(i);
            let o = i / layer.positions;
            let rest = slack.bias * layer.bias_bound[o] + TINY;
            r.iter_mut().for_each(|r| *r += rest);
            c.iter_mut().zip(term(0, i, 0)).for_each(|(c, p)| *c = p + layer.bias[o]);
            if self.channels == 2 {
                let (above, b) = (term(1, i, 0), layer.bias[outputs + o]);
                l.iter_mut().zip(term(0, i, 1)).zip(above).for_each(|((l, p), q)| *l = p + q + b);
                for k in 2..=powers {
                    let below = term(k - 1, i, 1);
                    if k < powers {
                        let (here, b) = (term(k, i, 0), layer.bias[k * outputs + o]);
                        spread(taylor, k, |e| here[e] + below[e] + b, (c, l, r));
                    } else {
                        spread(taylor, k, |e| below[e], (c, l, r));
                    }
                }
            }
            r.iter_mut().for_each(|r| *r *= slack.up);
        }
        model
    }

    /// The radii with the rounding errors of the products, $r+g(|c|+\delta|l|)$.
    fn riding(&self, taylor: &Taylor, slack: Slack) -> Vec<f64> {
        let t = self.t;
        let mut out = self.radius.clone();
        for (i, out) in out.chunks_exact_mut(t).enumerate() {
            let row = &self.lines[i * self.channels * t..][..self.channels * t];
            let (c, l) = row.split_at(t);
            out.iter_mut().zip(c).for_each(|(r, c)| *r += slack.product * c.abs() + TINY);
            let share = slack.product * taylor.delta;
            out.iter_mut().zip(l).for_each(|(r, l)| *r += share * l.abs());
        }
        out
    }

    /// The centres, slopes (empty at a single point) and radii of a neuron.
    pub(crate) fn row(&mut self, i: usize) -> (&mut [f64], &mut [f64], &mut [f64]) {
        let width = self.channels * self.t;
        let (c, l) = self.lines[i * width..][..width].split_at_mut(self.t);
        (c, l, &mut self.radius[i * self.t..][..self.t])
    }

    /// The model of example e in neuron i.
    pub(crate) fn line(&self, i: usize, e: usize) -> Line {
        let row = &self.lines[i * self.channels * self.t..];
        let l = if self.channels == 2 { row[self.t + e] } else { 0. };
        Line { c: row[e], l, r: self.radius[i * self.t + e] }
    }

    /// Replaces the models of neuron i: that of example e becomes `f(e, model)`.
    #[inline(always)]
    pub(crate) fn map_row(&mut self, i: usize, f: impl Fn(usize, Line) -> Line) {
        let (c, l, r) = self.row(i);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for e in 0..c.len() {
                    let slope = l.get(e).copied().unwrap_or(0.);
                    let line = f(e, Line { c: c[e], l: slope, r: r[e] });
                    (c[e], r[e]) = (line.c, line.r);
                    if let Some(l) = l.get_mut(e) {
                        *l = line.l;
                    }
                }
            },
        );
    }

    /// The number of neurons.
    pub(crate) fn neurons(&self) -> usize {
        self.radius.len() / self.t
    }

    /// Models that are 0, of `rows` neurons of `t` examples, with `positions` pixels in a channel.
    pub(crate) fn empty(rows: usize, (t, positions): (usize, usize), powers: usize) -> Self {
        let channels = powers.min(2);
        Self { lines: vec![0.; rows * channels * t], radius: vec![0.; rows * t], t, channels, positions }
    }
}

/// Adds a term $s^kv$ with k ≥ 2 to a model.
#[inline(always)]
fn spread(
    taylor: &Taylor,
    k: usize,
    v: impl Fn(usize) -> f64,
    (c, l, r): (&mut [f64], &mut [f64], &mut [f64]),
) {
    let (share, radius) = taylor.split(k);
    let line = if k.is_multiple_of(2) { c } else { l };
    for (e, (line, r)) in line.iter_mut().zip(r).enumerate() {
        let v = v(e);
        *line += share * v;
        *r += radius * v.abs();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor};
    use collado_models::{Activation, Arch};
    use collado_risk::Path;
    use proptest::prelude::*;

    use super::*;
    use crate::leg::Leg;

    /// 2x as an integer; the models here have nothing finer than halves, radii aside.
    fn twice(x: f64, round: fn(f64) -> f64) -> i128 {
        round(2. * x) as i128
    }

    proptest! {
        /// A layer against integers: terms of 104 bits cancel in centre, slope, or both. On the whole of a segment,
        /// whose weights stay as they are or move, what is claimed has to hold at both ends, s = ±½; and at a vertex.
        #[test]
        fn a_layer_holds_what_integers_say(
            terms in prop::collection::vec((-(1i64 << 51)..1 << 51, 0..1i64 << 51, -(1i64 << 51)..1 << 51), 1..7)
                .prop_map(|t| t.iter().flat_map(|&(w, c, l)| [(w, c, l), (-w, c, l)]).collect::<Vec<_>>())
                .prop_shuffle(),
            (centre, slope, moves, vertex) in (any::<bool>(), any::<bool>(), -3i64..4, any::<bool>()),
        ) {
            let n = terms.len();
            let arch = Arch::dense(Activation::Relu, &[1, n, 1], false).unwrap();
            let network = arch.network();
            let layer = &network.chain().unwrap()[1];
            let point = |w: &dyn Fn(i64) -> i64| -> Vec<f64> {
                (0..n).map(|_| 1.).chain(terms.iter().map(|t| w(t.0) as f64)).collect()
            };
            // A weight and the one that it cancels with move alike, by their sign.
            let (a, b) = (point(&|w| w), point(&|w| w + moves * w.signum()));
            let stack = Tensor::new(vec![a, b], &Device::Cpu).unwrap();
            let leg = &Leg::all(&Path::polychain(stack).unwrap(), network.size()).unwrap()[0];
            let taylor = if vertex { Taylor::point(1, 0.) } else { Taylor::new(1, 0., 1.) };
            let channels = taylor.rows.len();
            let lines = terms.iter().flat_map(|&(_, c, l)| [c * i64::from(centre), l * i64::from(slope)]);
            let lines = lines.map(|x| x as f64).enumerate().filter(|(i, _)| channels == 2 || i % 2 == 0);
            let lines = lines.map(|(_, x)| x).collect();
            let below = Model { lines, radius: vec![0.; n], t: 1, channels, positions: 1 };
            let mut model = below.affine(&LayerPiece::new(leg, layer, &taylor), &taylor);
            let (c, l, r) = model.row(0);
            let size: f64 = terms.iter().map(|t| (t.0 as f64 * t.1 as f64).abs()).sum();
            // c + s l at s = ±½, doubled: all that is there cancels.
            for sign in [1, -1] {
                let claim = twice(c[0], f64::round) + i128::from(sign) * l.first().map_or(0, |l| l.round() as i128);
                let radius = twice(r[0], f64::ceil);
                let exact: i128 = terms.iter().map(|&(w, c, l)| {
                    let w = i128::from(if sign < 0 { w } else { w + moves * w.signum() });
                    let line = 2 * i128::from(c * i64::from(centre)) + i128::from(sign * l * i64::from(slope));
                    w * line
                }).sum();
                prop_assert_eq!(exact, 0);
                prop_assert!(claim.abs() <= radius + 2, "{} {}", claim, radius);
                if vertex {
                    prop_assert!(r[0] <= 1e-13 * size, "{}", r[0]);
                }
            }
        }
    }
}
