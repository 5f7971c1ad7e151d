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
        let mut marks = [vec![0; self.t], vec![0; self.t]];
        for i in 0..op.channels * outputs {
            let (first, window) = (i / outputs * pixels, &windows[i % outputs]);
            let members = window.iter().map(|pixel| first + pixel);
            match op.kind {
                PoolKind::Max => self.largest(members, (&mut out, i), &mut marks),
                PoolKind::Average => {
                    let at = [i % outputs / op.output_size()[1], i % outputs % op.output_size()[1]];
                    let area = op.divisor(at);
                    out.map_row(i, |e, _| mean(members.clone().map(|j| self.line(j, e)), area, delta));
                }
            }
        }
        out
    }

    /// Writes the largest number of a window to neuron i of `out`. It begins with the one whose centre is highest: that often
    /// passes as it is. What bounds decide is decided for all examples at once, the rest one by one.
    fn largest(
        &self,
        window: impl Iterator<Item = usize> + Clone,
        (out, i): (&mut Self, usize),
        [best, marks]: &mut [Vec<Mark>; 2],
    ) {
        let (t, delta, order) = (self.t, self.delta, self.channels - 1);
        let members = || (0..).zip(window.clone());
        let (_, first) = members().next().expect("a window has a pixel");
        best.fill(0);
        marks.fill(NEW);
        out.take(i, (self, first), marks);
        for (k, j) in members().skip(1) {
            let centres = out.columns(i)[0].iter().zip(self.columns(j)[0]);
            for ((best, mark), (old, new)) in best.iter_mut().zip(&mut *marks).zip(centres) {
                let higher = new > old;
                *mark = if higher { NEW } else { OLD };
                *best = if higher { k } else { *best };
            }
            out.take(i, (self, j), marks);
        }
        for (k, j) in members() {
            ahead((out.columns(i), self.columns(j)), delta, marks);
            marks
                .iter_mut()
                .zip(&*best)
                .for_each(|(mark, &best)| *mark = if best == k { OLD } else { *mark });
            out.take(i, (self, j), marks);
            for e in (0..t).filter(|&e| marks[e] == CROSSING) {
                out.set_line(i, e, out.line(i, e).larger(self.line(j, e), delta, order));
            }
        }
    }

    /// Takes the models of another neuron where they are marked so.
    fn take(&mut self, i: usize, (from, j): (&Self, usize), marks: &[Mark]) {
        let (t, width) = (self.t, self.channels * self.t);
        let lines = self.lines[i * width..][..width].chunks_exact_mut(t);
        let lines = lines.zip(from.lines[j * width..][..width].chunks_exact(t));
        let radii = (&mut self.radius[i * t..][..t], &from.radius[j * t..][..t]);
        for (old, new) in lines.chain(std::iter::once(radii)) {
            for ((x, &y), &mark) in old.iter_mut().zip(new).zip(marks) {
                *x = if mark == NEW { y } else { *x };
            }
        }
    }
}

/// Which of two numbers is the larger one, in the size of numbers, so that it is decided for several at once.
type Mark = u64;
const OLD: Mark = 0;
const NEW: Mark = 1;
const CROSSING: Mark = 2;

/// Marks for each example which of two numbers is the larger one on the whole piece.
fn ahead(([c, l, q, r], [d, m, p, s]): ([&[f64]; 4], [&[f64]; 4]), delta: f64, marks: &mut [Mark]) {
    let old = c.iter().zip(l).zip(q).zip(r);
    let new = d.iter().zip(m).zip(p).zip(s);
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for ((mark, (((&c, &l), &q), &r)), (((&d, &m), &p), &s)) in marks.iter_mut().zip(old).zip(new) {
                let (lo, hi) = Line { c, l, q, r }.ahead(Line { c: d, l: m, q: p, r: s }, delta);
                *mark = if hi <= 0. {
                    OLD
                } else if lo >= 0. {
                    NEW
                } else {
                    CROSSING
                };
            }
        },
    );
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
