//! Second-order models through operations without parameters: sums, concatenation, padding and pooling.

use collado_models::{Pad, Pool, PoolKind};

use crate::{
    line::Line,
    model::Model,
    rounding::{TINY, U, gamma},
};

impl Model {
    /// The sum: centres, slopes and radii add.
    pub(crate) fn plus(mut self, other: &Self, delta: f64) -> Self {
        self.lines.iter_mut().zip(&other.lines).for_each(|(x, y)| *x += y);
        self.radius.iter_mut().zip(&other.radius).for_each(|(x, y)| *x += y);
        let rounded = |x: Line| Line { r: (x.r + 2. * U * x.size(delta) + TINY) * (1. + 8. * U), ..x };
        (0..self.neurons()).for_each(|i| self.map_row(i, |_, x| rounded(x)));
        self
    }

    /// The neurons of several models, one model after the other.
    pub(crate) fn concat(parts: &[&Self]) -> Self {
        Self {
            lines: parts.iter().flat_map(|part| &part.lines).copied().collect(),
            radius: parts.iter().flat_map(|part| &part.radius).copied().collect(),
            ..*parts[0]
        }
    }

    /// Channels of zeros before and after.
    pub(crate) fn pad(&self, op: &Pad) -> Self {
        let zeros = |channels: usize| self.zeros(channels * self.positions, self.positions);
        Self::concat(&[&zeros(op.before), self, &zeros(op.after)])
    }

    /// The largest number or the mean of each window.
    pub(crate) fn pool(&self, op: &Pool, delta: f64) -> Self {
        let pixels: usize = op.size.iter().product();
        let outputs: usize = op.output_size().iter().product();
        let windows: Vec<Vec<usize>> = (0..outputs).map(|i| op.pixels(i).collect()).collect();
        let mut out = self.zeros(op.channels * outputs, outputs);
        let order = self.channels - 1;
        for i in 0..op.channels * outputs {
            let (first, window) = (i / outputs * pixels, &windows[i % outputs]);
            let members = || window.iter().map(|pixel| first + pixel);
            match op.kind {
                PoolKind::Max => {
                    out.map_row(i, |e, _| largest(members().map(|j| self.line(j, e)), delta, order))
                }
                PoolKind::Average => {
                    let at = [i % outputs / op.output_size()[1], i % outputs % op.output_size()[1]];
                    let area = op.divisor(at);
                    out.map_row(i, |e, _| mean(members().map(|j| self.line(j, e)), area, delta));
                }
            }
        }
        out
    }
}

/// The largest number of a window. It begins with the one whose centre is highest: that often passes as it is.
#[inline(always)]
fn largest(window: impl Iterator<Item = Line> + Clone, delta: f64, order: usize) -> Line {
    let lines = || window.clone().enumerate();
    let higher = |best: (usize, Line), next: (usize, Line)| if next.1.c > best.1.c { next } else { best };
    let (best, start) = lines().reduce(higher).expect("a window has a pixel");
    lines().filter(|(k, _)| *k != best).fold(start, |most, (_, line)| most.larger(line, delta, order))
}

/// The sum over a window divided by its `area`; pixels that are missing are 0.
#[inline(always)]
fn mean(window: impl Iterator<Item = Line>, area: usize, delta: f64) -> Line {
    let share = (area as f64).recip();
    let (mut sum, mut size) = (Line::ZERO, 0.);
    for line in window {
        sum = Line { c: sum.c + line.c, l: sum.l + line.l, q: sum.q + line.q, r: sum.r + line.r };
        size += line.size(delta);
    }
    let error = 2. * gamma(area + 8) * size * share;
    Line { c: sum.c * share, l: sum.l * share, q: sum.q * share, r: sum.r * share + error + TINY }.rounded(0.)
}
