//! First-order models of a tile's activations, $a(s)\in c+ls\pm r$ for $|s|\le\delta$, layer by layer (theory §6).

use crate::{
    matrix::product,
    piece::{Affine, First, Slack},
    rounding::TINY,
    taylor::Taylor,
};

/// Models of one layer for a tile of `t` examples.
pub(crate) struct Model {
    /// `[neuron][c of all examples | l of all examples]`; no l at a point.
    pub(crate) lines: Vec<f64>,
    /// `[neuron][example]`.
    pub(crate) radius: Vec<f64>,
    pub(crate) t: usize,
    /// 2, or 1 at a point.
    pub(crate) channels: usize,
}

impl Model {
    /// The first layer, from its products at the vertices.
    pub(crate) fn first(first: &First, inputs: usize, t: usize, taylor: &Taylor) -> Self {
        let size = first.bound.len();
        let rows = size / t;
        let powers = taylor.rows.len();
        let mut terms = vec![0.; powers * size];
        for (k, out) in terms.chunks_exact_mut(size).enumerate() {
            taylor.combine(k, first.products.chunks_exact(size), out);
        }
        let slack = Slack::first(inputs, taylor);
        let mut model = Self::empty(rows, t, powers);
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

    /// The layer above: $z=W(s)a+b(s)$.
    pub(crate) fn affine(&self, layer: &Affine, taylor: &Taylor) -> Self {
        let (t, n, m) = (self.t, layer.outputs, layer.inputs);
        let slack = Slack::new(m, taylor);
        let width = self.channels * t;
        let powers = taylor.rows.len();
        let mut products = vec![0.; powers * n * width];
        product(&mut products, &layer.weights, &self.lines, (powers * n, m, width));
        let mut model = Self::empty(n, t, powers);
        product(&mut model.radius, &layer.radius, &self.riding(taylor, slack), (n, m, t));
        let term = |k: usize, i: usize, channel: usize| &products[(k * n + i) * width + channel * t..][..t];
        for i in 0..n {
            let (c, l, r) = model.row(i);
            let rest = slack.bias * layer.bias_bound[i] + TINY;
            r.iter_mut().for_each(|r| *r += rest);
            c.iter_mut().zip(term(0, i, 0)).for_each(|(c, p)| *c = p + layer.bias[i]);
            if self.channels == 2 {
                let (above, b) = (term(1, i, 0), layer.bias[n + i]);
                l.iter_mut().zip(term(0, i, 1)).zip(above).for_each(|((l, p), q)| *l = p + q + b);
                for k in 2..=powers {
                    let below = term(k - 1, i, 1);
                    if k < powers {
                        let (here, b) = (term(k, i, 0), layer.bias[k * n + i]);
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

    /// r and what rounds off the products: $r+g(|c|+\delta|l|)$.
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

    /// Centres, slopes (empty at a point) and radii of a neuron.
    pub(crate) fn row(&mut self, i: usize) -> (&mut [f64], &mut [f64], &mut [f64]) {
        let width = self.channels * self.t;
        let (c, l) = self.lines[i * width..][..width].split_at_mut(self.t);
        (c, l, &mut self.radius[i * self.t..][..self.t])
    }

    fn empty(rows: usize, t: usize, powers: usize) -> Self {
        let channels = powers.min(2);
        Self { lines: vec![0.; rows * channels * t], radius: vec![0.; rows * t], t, channels }
    }
}

/// Adds $s^kv$ to a model, k ≥ 2.
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
