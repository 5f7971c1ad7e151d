//! Second-order models through normalisation, $y=\gamma(s)\,(x-\mu)\,(v+\varepsilon)^{-1/2}+\beta(s)$ (docs/theory.md §14).
//!
//! Each factor is a model of its own, and they are multiplied. Means and variances are either given, as polynomials in s
//! like the parameters, or they are those of the models themselves: over one example, or over all rows at once.

use collado_models::{Norm, NormKind};
use rayon::prelude::*;

use crate::{
    leg::Leg,
    line::Line,
    model::Model,
    rounding::{TINY, U, gamma},
    taylor::Taylor,
};

/// The parameters of a normalisation on a piece of a leg, for each channel.
pub(crate) struct NormPiece {
    gamma: Vec<Line>,
    beta: Vec<Line>,
    given: Option<Given>,
}

/// The statistics that are given, for each channel.
struct Given {
    mean: Vec<Line>,
    /// The factor $\gamma(s)\,(v(s)+\varepsilon)^{-1/2}$.
    scale: Vec<Line>,
}

impl NormPiece {
    /// The parameters of `op`; batch normalisation uses the running statistics of the leg, where it has some.
    pub(crate) fn new(leg: &Leg, op: &Norm, taylor: &Taylor) -> Self {
        let of = |rows: &[Vec<f64>], columns: &std::ops::Range<usize>| {
            let rows: Vec<&[f64]> = rows.iter().map(|row| &row[columns.clone()]).collect();
            lines(&rows, taylor)
        };
        let constant = |c: f64| vec![Line { c, ..Line::ZERO }; op.channels];
        let gamma = op.weight.as_ref().map_or_else(|| constant(1.), |columns| of(&leg.vertices, columns));
        let beta = op.bias.as_ref().map_or_else(|| constant(0.), |columns| of(&leg.vertices, columns));
        let given = op.running.as_ref().filter(|_| !leg.statistics.is_empty()).map(|places| {
            let (mean, variance) = (of(&leg.statistics, &places.mean), of(&leg.statistics, &places.variance));
            let scale = (0..op.channels).map(|channel| {
                let known = leg.statistics.iter().map(|row| row[places.variance.start + channel]);
                // A curve lies in the hull of its control points.
                let least = known.fold(f64::INFINITY, f64::min) + op.epsilon;
                let inverse =
                    shifted(variance[channel], op, taylor).inverse_root(least.next_down(), taylor.delta);
                inverse.times(gamma[channel], taylor.delta)
            });
            Given { scale: scale.collect(), mean }
        });
        Self { gamma, beta, given }
    }

    /// Normalises the models of some tiles, whose examples are all there are if statistics are over all rows.
    pub(crate) fn apply(&self, op: &Norm, mut tiles: Vec<Model>, taylor: &Taylor) -> Vec<Model> {
        let delta = taylor.delta;
        match &self.given {
            Some(given) => tiles.par_iter_mut().for_each(|tile| {
                for i in 0..op.channels * op.positions {
                    let channel = i / op.positions;
                    let (mean, scale, beta) = (given.mean[channel], given.scale[channel], self.beta[channel]);
                    tile.map_row(i, |_, x| x.minus(mean, delta).times(scale, delta).plus(beta, delta));
                }
            }),
            None => {
                let groups = Groups::new(op, &tiles);
                let means = groups.means(&tiles, delta, |_, _, x| x);
                // Around any m the mean of (x - m)² is the variance and (mean - m)².
                let squares = groups.means(&tiles, delta, |tile, at, x| {
                    let apart = x.minus(Line { r: 0., ..means.of(tile, at) }, delta);
                    apart.times(apart, delta)
                });
                let variances = squares.zip(&means, |square, mean| {
                    let half = Line { c: 0.5 * mean.r * mean.r, ..Line::ZERO };
                    square.minus(Line { r: half.c, ..half }, delta)
                });
                let inverse = variances.map(|v| shifted(v, op, taylor).inverse_root(op.epsilon, delta));
                // No number of n is farther from their mean than √(n - 1) standard deviations.
                // A check of models of first order does not know that.
                let farthest = match taylor.order {
                    1 => f64::INFINITY,
                    _ => ((groups.count - 1) as f64).sqrt() * (1. + 8. * U),
                };
                tiles.par_iter_mut().enumerate().for_each(|(tile, models)| {
                    for (group, members) in groups.members.iter().enumerate() {
                        for &i in members {
                            let channel = channel(op, i);
                            let (scale, shift) = (self.gamma[channel], self.beta[channel]);
                            models.map_row(i, |e, x| {
                                let at = (group, e);
                                let x = groups.apart(x, means.of(tile, at), delta);
                                let x = x.times(inverse.of(tile, at), delta).within(farthest, delta);
                                x.times(scale, delta).plus(shift, delta)
                            });
                        }
                    }
                });
            }
        }
        tiles
    }
}

/// The channel of neuron i.
fn channel(op: &Norm, i: usize) -> usize {
    if op.kind == NormKind::Last { i % op.channels } else { i / op.positions }
}

/// The model of $v+\varepsilon$.
fn shifted(v: Line, op: &Norm, taylor: &Taylor) -> Line {
    v.plus(Line { c: op.epsilon, ..Line::ZERO }, taylor.delta)
}

/// Models of numbers that are combined like the parameters, from their values at the vertices.
fn lines(rows: &[&[f64]], taylor: &Taylor) -> Vec<Line> {
    let n = rows[0].len();
    let mut out = vec![Line::ZERO; n];
    let mut term = vec![0.; n];
    for k in 0..taylor.rows.len() {
        taylor.combine(k, rows.iter().copied(), &mut term);
        for (line, v) in out.iter_mut().zip(&term) {
            match k {
                0 => line.c += v,
                1 => line.l += v,
                2 => line.q += v,
                _ => {
                    let near = taylor.split(k);
                    line.c += near.c * v;
                    line.l += near.l * v;
                    line.q += near.q * v;
                    line.r += near.r * v.abs();
                }
            }
        }
    }
    for (i, line) in out.iter_mut().enumerate() {
        let size = taylor.growth * rows.iter().fold(0., |most: f64, row| most.max(row[i].abs()));
        line.r += 2. * taylor.error() * size;
        *line = line.rounded(2. * size);
    }
    out
}

/// The neurons that a mean and a variance are taken over.
struct Groups {
    members: Vec<Vec<usize>>,
    /// Whether a mean is over all examples, and not over one.
    shared: bool,
    /// The number of numbers in a mean.
    count: usize,
}

/// A number for each group, and for each example of each tile unless it is shared by all.
struct Statistic {
    shared: bool,
    /// The numbers of each tile, `[example][group]`; there is one list if it is shared.
    tiles: Vec<Vec<Line>>,
    groups: usize,
}

impl Statistic {
    #[inline(always)]
    fn of(&self, tile: usize, (group, example): (usize, usize)) -> Line {
        if self.shared { self.tiles[0][group] } else { self.tiles[tile][example * self.groups + group] }
    }

    /// The numbers `f` of both.
    fn zip(mut self, other: &Self, f: impl Fn(Line, Line) -> Line) -> Self {
        let both = self.tiles.iter_mut().flatten().zip(other.tiles.iter().flatten());
        both.for_each(|(x, y)| *x = f(*x, *y));
        self
    }

    fn map(self, f: impl Fn(Line) -> Line + Sync) -> Self {
        let tiles = self.tiles.into_par_iter().map(|tile| tile.into_iter().map(&f).collect()).collect();
        Self { tiles, ..self }
    }
}

impl Groups {
    fn new(op: &Norm, tiles: &[Model]) -> Self {
        let (channels, positions) = (op.channels, op.positions);
        let (groups, shared) = match op.kind {
            NormKind::Batch => (channels, true),
            NormKind::Group(groups) => (groups, false),
            // All channels of a token, which lie one after the other.
            NormKind::Last => (positions, false),
            NormKind::Layer => {
                // All channels of a pixel.
                let pixel = |p: usize| (0..channels).map(|channel| channel * positions + p).collect();
                let members = (0..positions).map(pixel).collect();
                return Self { members, shared: false, count: channels };
            }
        };
        let size = channels / groups * positions;
        let members = (0..groups).map(|group| (group * size..(group + 1) * size).collect()).collect();
        let examples = if shared { tiles.iter().map(|tile| tile.t).sum() } else { 1 };
        Self { members, shared, count: size * examples }
    }

    /// The means of `f(tile, (group, example), model)` over each group.
    fn means(
        &self,
        tiles: &[Model],
        delta: f64,
        f: impl Fn(usize, (usize, usize), Line) -> Line + Sync,
    ) -> Statistic {
        let groups = self.members.len();
        let sums = |(tile, model): (usize, &Model)| -> Vec<(Line, f64)> {
            let lists = if self.shared { 1 } else { model.t };
            let mut sums = vec![(Line::ZERO, 0.); lists * groups];
            for (group, members) in self.members.iter().enumerate() {
                for &i in members {
                    for e in 0..model.t {
                        let x = f(tile, (group, e), model.line(i, e));
                        let place = if self.shared { group } else { e * groups + group };
                        add(&mut sums[place], (x, x.size(delta)));
                    }
                }
            }
            sums
        };
        let mut sums: Vec<Vec<(Line, f64)>> = tiles.par_iter().enumerate().map(sums).collect();
        if self.shared {
            // In the order of the tiles, whatever the number of threads.
            let total = sums.into_iter().reduce(|mut total, part| {
                total.iter_mut().zip(part).for_each(|(total, part)| add(total, part));
                total
            });
            sums = vec![total.expect("there is a tile")];
        }
        let share = (self.count as f64).recip();
        let mean = |(sum, size): (Line, f64)| {
            let error = 2. * gamma(self.count + 16) * size * share + TINY;
            Line { c: sum.c * share, l: sum.l * share, q: sum.q * share, r: sum.r * share + error }
                .rounded(0.)
        };
        let tiles = sums.into_iter().map(|tile| tile.into_iter().map(mean).collect()).collect();
        Statistic { shared: self.shared, tiles, groups }
    }

    /// A number less the mean of its group. Its own radius is in that of the mean already:
    /// $(1-\frac1n)r_i+\frac1n\sum_{j\ne i}r_j=r_i-\frac2nr_i+\bar r$.
    #[inline(always)]
    fn apart(&self, x: Line, mean: Line, delta: f64) -> Line {
        let share = (self.count as f64).recip();
        let r = (x.r * (1. - 2. * share) + mean.r).max(0.);
        Line { c: x.c - mean.c, l: x.l - mean.l, q: x.q - mean.q, r }
            .rounded(x.size(delta) + mean.size(delta))
    }
}

fn add(sum: &mut (Line, f64), (x, size): (Line, f64)) {
    sum.0 = Line { c: sum.0.c + x.c, l: sum.0.l + x.l, q: sum.0.q + x.q, r: sum.0.r + x.r };
    sum.1 += size;
}
