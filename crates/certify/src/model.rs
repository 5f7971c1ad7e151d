//! Second-order models of a tile's activations, $a(s)\in c+ls+qs^2\pm r$ for $|s|\le\delta$, layer by layer
//! (docs/theory.md §6).

use crate::{
    line::Line,
    piece::{FirstLayer, Slack},
    rounding::TINY,
    taylor::Taylor,
    tiles::TILE,
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
        let slack = Slack::first(inputs, taylor);
        let mut model = Self::empty(rows, (t, first.positions), taylor);
        let mut term = vec![0.; t];
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..rows {
                    let mut row = model.row(i);
                    row.r.iter_mut().zip(&first.bound[i * t..]).for_each(|(r, b)| *r = slack * b + TINY);
                    for k in 0..powers {
                        let vertices =
                            first.products.chunks_exact(size).map(|numbers| &numbers[i * t..][..t]);
                        taylor.combine_row(k, vertices, &mut term);
                        row.add(taylor, k, &term);
                    }
                    row.r.iter_mut().for_each(|r| *r *= 1. + 1e-12);
                }
            },
        );
        model
    }

    /// The models of a neuron.
    pub(crate) fn row(&mut self, i: usize) -> Row<'_> {
        let width = self.channels * self.t;
        let (c, rest) = self.lines[i * width..][..width].split_at_mut(self.t);
        let (l, q) = rest.split_at_mut(self.t.min(rest.len()));
        Row { parabola: [c, l, q], r: &mut self.radius[i * self.t..][..self.t] }
    }

    /// The numbers c, l, q and r of all examples in neuron i, and zeros for channels that there are not.
    #[inline(always)]
    pub(crate) fn columns(&self, i: usize) -> [&[f64]; 4] {
        static NONE: [f64; TILE] = [0.; TILE];
        let (t, width) = (self.t, self.channels * self.t);
        let row = &self.lines[i * width..][..width];
        let channel = |k: usize| if k < self.channels { &row[k * t..][..t] } else { &NONE[..t] };
        [channel(0), channel(1), channel(2), &self.radius[i * t..][..t]]
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
    pub(crate) fn add(&mut self, taylor: &Taylor, k: usize, v: &[f64]) {
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
