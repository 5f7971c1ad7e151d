//! Second-order models of a tile's activations, $a(s)\in c+ls+qs^2\pm r$ for $|s|\le\delta$, layer by layer
//! (docs/theory.md §6).

use crate::{
    line::Line,
    piece::{FirstLayer, LayerPiece, Slack},
    rounding::TINY,
    taylor::Taylor,
};

/// Models of one layer for a tile of `t` examples.
#[derive(Clone)]
pub(crate) struct Model {
    /// The parabolas, `[neuron][c of all examples | l of all examples | q of all examples]`; at a single point there is
    /// only c.
    pub(crate) lines: Vec<f64>,
    /// The radii, `[neuron][example]`.
    pub(crate) radius: Vec<f64>,
    pub(crate) t: usize,
    /// The number of channels: 3, or 2 of models of first order, which have no q, or 1 at a single point.
    pub(crate) channels: usize,
    /// The half-width δ.
    pub(crate) delta: f64,
    /// The number of neurons, or pixels, that share a bias.
    pub(crate) positions: usize,
}

impl Model {
    /// The models of inputs `x` `[T, ..]`, which are known, with `positions` pixels in a channel.
    pub(crate) fn exact(x: &[f64], (t, positions): (usize, usize), taylor: &Taylor) -> Self {
        let size = x.len() / t;
        let mut model = Self::empty(size, (t, positions), taylor);
        for i in 0..size {
            model.row(i).parabola[0].iter_mut().enumerate().for_each(|(e, c)| *c = x[e * size + i]);
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
        let mut model = Self::empty(rows, (t, first.positions), taylor);
        for i in 0..rows {
            let mut row = model.row(i);
            row.r.iter_mut().zip(&first.bound[i * t..]).for_each(|(r, b)| *r = slack * b + TINY);
            for k in 0..powers {
                row.add(taylor, k, &terms[k * size + i * t..][..t]);
            }
            row.r.iter_mut().for_each(|r| *r *= 1. + 1e-12);
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
        let mut model = Self::empty(n, (t, layer.positions), taylor);
        layer.product(&mut model.radius, &layer.radius, &self.riding(taylor, slack), t);
        let term = |k: usize, i: usize, channel: usize| &products[(k * n + i) * width + channel * t..][..t];
        let mut sum = vec![0.; t];
        for i in 0..n {
            let mut row = model.row(i);
            let o = i / layer.positions;
            let rest = slack.bias * layer.bias_bound[o] + TINY;
            row.r.iter_mut().for_each(|r| *r += rest);
            for power in 0..powers + self.channels - 1 {
                let bias = if power < powers { layer.bias[power * outputs + o] } else { 0. };
                sum.fill(bias);
                for channel in power.saturating_sub(powers - 1)..=power.min(self.channels - 1) {
                    let term = term(power - channel, i, channel);
                    sum.iter_mut().zip(term).for_each(|(sum, x)| *sum += x);
                }
                row.add(taylor, power, &sum);
            }
            row.r.iter_mut().for_each(|r| *r *= slack.up);
        }
        model
    }

    /// The radii with the rounding errors of the products, $r+g(|c|+\delta|l|+\delta^2|q|)$.
    fn riding(&self, taylor: &Taylor, slack: Slack) -> Vec<f64> {
        let t = self.t;
        let mut out = self.radius.clone();
        for (i, out) in out.chunks_exact_mut(t).enumerate() {
            let row = &self.lines[i * self.channels * t..][..self.channels * t];
            for (k, numbers) in row.chunks_exact(t).enumerate() {
                let share = slack.product * taylor.power(k);
                out.iter_mut().zip(numbers).for_each(|(r, x)| *r += share * x.abs() + TINY);
            }
        }
        out
    }

    /// The models of a neuron.
    pub(crate) fn row(&mut self, i: usize) -> Row<'_> {
        let width = self.channels * self.t;
        let (c, rest) = self.lines[i * width..][..width].split_at_mut(self.t);
        let (l, q) = rest.split_at_mut(self.t.min(rest.len()));
        Row { parabola: [c, l, q], r: &mut self.radius[i * self.t..][..self.t] }
    }

    /// The model of example e in neuron i.
    #[inline(always)]
    pub(crate) fn line(&self, i: usize, e: usize) -> Line {
        let row = &self.lines[i * self.channels * self.t..];
        let channel = |k: usize| if k < self.channels { row[k * self.t + e] } else { 0. };
        Line { c: row[e], l: channel(1), q: channel(2), r: self.radius[i * self.t + e] }
    }

    /// Replaces the model of example e in neuron i.
    pub(crate) fn set_line(&mut self, i: usize, e: usize, line: Line) {
        let line = if self.channels == 2 { line.straight(self.delta) } else { line };
        let Row { parabola, r } = self.row(i);
        for (numbers, x) in parabola.into_iter().zip([line.c, line.l, line.q]) {
            if let Some(number) = numbers.get_mut(e) {
                *number = x;
            }
        }
        r[e] = line.r;
    }

    /// Replaces the models of neuron i: that of example e becomes `f(e, model)`.
    #[inline(always)]
    pub(crate) fn map_row(&mut self, i: usize, f: impl Fn(usize, Line) -> Line) {
        let delta = self.delta;
        let Row { parabola: [c, l, q], r } = self.row(i);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || match (l, q) {
                ([], _) => {
                    for (e, (c, r)) in c.iter_mut().zip(r).enumerate() {
                        let line = f(e, Line { c: *c, r: *r, ..Line::ZERO });
                        (*c, *r) = (line.c, line.r);
                    }
                }
                (l, []) => {
                    for (e, ((c, l), r)) in c.iter_mut().zip(l).zip(r).enumerate() {
                        let line = f(e, Line { c: *c, l: *l, q: 0., r: *r }).straight(delta);
                        (*c, *l, *r) = (line.c, line.l, line.r);
                    }
                }
                (l, q) => {
                    for (e, (((c, l), q), r)) in c.iter_mut().zip(l).zip(q).zip(r).enumerate() {
                        let line = f(e, Line { c: *c, l: *l, q: *q, r: *r });
                        (*c, *l, *q, *r) = (line.c, line.l, line.q, line.r);
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
    pub(crate) fn empty(rows: usize, (t, positions): (usize, usize), taylor: &Taylor) -> Self {
        let (channels, delta) = (taylor.channels(), taylor.delta);
        Self {
            lines: vec![0.; rows * channels * t],
            radius: vec![0.; rows * t],
            t,
            channels,
            delta,
            positions,
        }
    }

    /// Models that are 0, with `positions` pixels in a channel and otherwise like these.
    pub(crate) fn zeros(&self, rows: usize, positions: usize) -> Self {
        let (lines, radius) = (vec![0.; rows * self.channels * self.t], vec![0.; rows * self.t]);
        Self { lines, radius, positions, ..*self }
    }
}

/// The models of one neuron: c, l and q of each example, as far as there are such channels, and the radii.
pub(crate) struct Row<'a> {
    pub(crate) parabola: [&'a mut [f64]; 3],
    pub(crate) r: &'a mut [f64],
}

impl Row<'_> {
    /// Adds the terms $s^kv$.
    #[inline(always)]
    fn add(&mut self, taylor: &Taylor, k: usize, v: &[f64]) {
        if k < taylor.channels() {
            self.parabola[k].iter_mut().zip(v).for_each(|(x, v)| *x += v);
            return;
        }
        let near = if k < 3 || taylor.order == 1 { taylor.split_line(k) } else { taylor.split(k) };
        for (numbers, share) in self.parabola.iter_mut().zip([near.c, near.l, near.q]) {
            if share != 0. {
                numbers.iter_mut().zip(v).for_each(|(x, v)| *x += share * v);
            }
        }
        self.r.iter_mut().zip(v).for_each(|(r, v)| *r += near.r * v.abs());
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

    /// 2x as an integer; the models here have nothing finer than quarters, radii aside.
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
            let channels = taylor.channels();
            let lines = terms.iter().flat_map(|&(_, c, l)| [c * i64::from(centre), l * i64::from(slope), 0]);
            let lines = lines.map(|x| x as f64).enumerate().filter(|(i, _)| i % 3 < channels);
            let lines = lines.map(|(_, x)| x).collect();
            let below = Model { lines, radius: vec![0.; n], t: 1, channels, delta: taylor.delta, positions: 1 };
            let mut model = below.affine(&LayerPiece::new(leg, layer, &taylor), &taylor);
            let Row { parabola: [c, l, q], r } = model.row(0);
            let size: f64 = terms.iter().map(|t| (t.0 as f64 * t.1 as f64).abs()).sum();
            // c + s l at s = ±½, doubled: all that is there cancels.
            for sign in [1, -1] {
                let bend = q.first().map_or(0, |q| (0.5 * q).round() as i128);
                let claim = twice(c[0], f64::round) + i128::from(sign) * l.first().map_or(0, |l| l.round() as i128) + bend;
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
