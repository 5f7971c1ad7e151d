//! Normalisation of first-order forms, $y=\gamma(s)\,(x-\mu)\,(v+\varepsilon)^{-1/2}+\beta(s)$.
//!
//! Means and variances are given, as polynomials in s like the parameters, or those of the forms themselves: over one
//! example, or over all examples at once.

use collado_models::{Norm, NormKind};
use rayon::prelude::*;

use crate::{
    form::Form,
    interval::{Interval, largest, least, product_up, sum_up},
    lanes::{Forms, LANES, Lanes, Rounded},
    leg::{Leg, Local},
};

/// A normalisation on a piece.
pub(crate) struct Normalisation<'a> {
    op: &'a Norm,
    delta: f64,
    /// γ and β of each channel.
    scale: Vec<Form>,
    shift: Vec<Form>,
}

impl<'a> Normalisation<'a> {
    pub(crate) fn new(op: &'a Norm, local: &Local) -> Self {
        let of = |columns: &Option<std::ops::Range<usize>>, default: f64| match columns {
            Some(columns) => columns.clone().map(|i| local.parameters.form(i, &local.powers)).collect(),
            None => vec![Form::constant(default); op.channels],
        };
        Self { op, delta: local.delta(), scale: of(&op.weight, 1.), shift: of(&op.bias, 0.) }
    }

    /// The channel of number i.
    fn channel(&self, i: usize) -> usize {
        match self.op.kind {
            NormKind::Last => i % self.op.channels,
            _ => i / self.op.positions,
        }
    }

    /// The form of $(v+\varepsilon)^{-1/2}$ for a variance that is at least `floor`.
    fn inverse(&self, variance: Form, floor: f64) -> Form {
        let epsilon = Form::constant(self.op.epsilon);
        let floor = (floor + self.op.epsilon).next_down();
        variance.plus(epsilon, self.delta).inverse_root(floor, self.delta)
    }

    /// The normalisation by running statistics.
    pub(crate) fn given(&self, blocks: &[Forms], leg: &Leg, local: &Local) -> Vec<Forms> {
        let (delta, places) = (self.delta, self.op.running.as_ref().expect("batch normalisation has some"));
        let factors: Vec<(Form, Form)> = (0..self.op.channels)
            .map(|channel| {
                let of = |i: usize| local.statistics.form(i, &local.powers);
                let at = places.variance.start + channel;
                // A curve lies between its control points.
                let floor = leg.statistics.iter().map(|row| row[at]).fold(f64::INFINITY, least);
                let inverse = self.inverse(of(at), floor);
                (of(places.mean.start + channel), inverse.product(self.scale[channel], delta))
            })
            .collect();
        let each = |i: usize, x: Form| {
            let channel = self.channel(i);
            let (mean, factor) = factors[channel];
            x.minus(mean, delta).product(factor, delta).plus(self.shift[channel], delta)
        };
        blocks.par_iter().map(|block| block.map(|i, _, x| each(i, x))).collect()
    }

    /// The normalisation by the statistics of the forms; `counts` are the numbers of examples of the blocks.
    pub(crate) fn own(&self, blocks: &[Forms], counts: &[usize]) -> Vec<Forms> {
        let (op, delta) = (self.op, self.delta);
        let (groups, shared) = self.groups();
        let examples = if shared { counts.iter().sum() } else { 1 };
        let size = op.channels * op.positions / groups * examples;
        let means = Means::new(self, blocks, (counts, size), |block, i, lane| blocks[block].get(i, lane));
        let apart = |block: usize, i: usize, lane: usize| {
            means.apart(blocks[block].get(i, lane), means.at(block, self.group(i), lane), delta)
        };
        let squares = Means::new(self, blocks, (counts, size), |block, i, lane| {
            let x = apart(block, i, lane);
            x.product(x, delta)
        });
        let inverses = squares.map(|variance| self.inverse(variance, 0.));
        let each = |block: usize, i: usize, lane: usize| {
            let (channel, inverse) = (self.channel(i), inverses.at(block, self.group(i), lane));
            let x = apart(block, i, lane).product(inverse, delta);
            x.product(self.scale[channel], delta).plus(self.shift[channel], delta)
        };
        let blocks = blocks.par_iter().enumerate();
        blocks.map(|(block, forms)| Forms::from_fn(forms.len(), |i, lane| each(block, i, lane))).collect()
    }

    /// The number of groups that have a mean each, and whether it is over all examples.
    fn groups(&self) -> (usize, bool) {
        match self.op.kind {
            NormKind::Batch => (self.op.channels, true),
            NormKind::Group(groups) => (groups, false),
            // All channels of a pixel, or of a token.
            NormKind::Layer | NormKind::Last => (self.op.positions, false),
        }
    }

    /// The group of number i.
    fn group(&self, i: usize) -> usize {
        let Norm { channels, positions, .. } = *self.op;
        match self.op.kind {
            NormKind::Batch => i / positions,
            NormKind::Group(groups) => i / (channels / groups * positions),
            NormKind::Layer => i % positions,
            NormKind::Last => i / channels,
        }
    }
}

/// A mean for each group, of each example or of all.
struct Means {
    shared: bool,
    /// The number of numbers in a mean.
    size: usize,
    /// For each block and lane the means of all groups; there is one list if they are over all examples.
    lists: Vec<Vec<Form>>,
}

/// Sums of the forms of a group, for the examples of a block.
#[derive(Clone)]
struct Sums {
    c: Rounded,
    l: Rounded,
    r: Lanes,
}

impl Means {
    /// The means of `x(block, i, lane)` over `size` numbers each.
    fn new(
        norm: &Normalisation<'_>,
        blocks: &[Forms],
        (counts, size): (&[usize], usize),
        x: impl Fn(usize, usize, usize) -> Form + Sync,
    ) -> Self {
        let (groups, shared) = norm.groups();
        let zero = Sums { c: Rounded::exact(0.), l: Rounded::exact(0.), r: [0.; LANES] };
        let sums = |(block, forms): (usize, &Forms)| -> Vec<Sums> {
            let mut sums = vec![zero.clone(); groups];
            for i in 0..forms.len() {
                let sum = &mut sums[norm.group(i)];
                let (mut c, mut l) = ([0.; LANES], [0.; LANES]);
                for lane in 0..LANES {
                    let form = x(block, i, lane);
                    (c[lane], l[lane]) = (form.c, form.l);
                    sum.r[lane] = sum_up(sum.r[lane], form.r);
                }
                sum.c.add_scaled(1., &c);
                sum.l.add_scaled(1., &l);
            }
            sums
        };
        let sums: Vec<Vec<Sums>> = blocks.par_iter().enumerate().map(sums).collect();
        let of = |sum: &Rounded, lane: usize| Interval::point(sum.sum[lane]).widened(sum.error(lane));
        let total = |all: &mut dyn Iterator<Item = (&Sums, usize)>| {
            let start = (Interval::ZERO, Interval::ZERO, 0.);
            let (c, l, r) = all.fold(start, |(c, l, r), (sum, lane)| {
                (c + of(&sum.c, lane), l + of(&sum.l, lane), sum_up(r, sum.r[lane]))
            });
            let count = Interval::point(size as f64);
            Form::of(c.over(count), l.over(count), Interval::point(r).over(count).hi, norm.delta)
        };
        let lists = match shared {
            true => {
                let members = |group: usize| {
                    let lanes = sums.iter().zip(counts).map(move |(sums, &count)| (&sums[group], count));
                    lanes.flat_map(|(sums, count)| (0..count).map(move |lane| (sums, lane)))
                };
                vec![(0..groups).map(|group| total(&mut members(group))).collect()]
            }
            false => {
                let lanes = sums.iter().flat_map(|sums| (0..LANES).map(move |lane| (sums, lane)));
                lanes
                    .map(|(sums, lane)| {
                        sums.iter().map(|sum| total(&mut std::iter::once((sum, lane)))).collect()
                    })
                    .collect()
            }
        };
        Self { shared, size, lists }
    }

    fn at(&self, block: usize, group: usize, lane: usize) -> Form {
        self.lists[if self.shared { 0 } else { block * LANES + lane }][group]
    }

    fn map(self, f: impl Fn(Form) -> Form) -> Self {
        let lists = self.lists.into_iter().map(|list| list.into_iter().map(&f).collect()).collect();
        Self { lists, ..self }
    }

    /// A number less the mean of its group. Its own radius is in that of the mean already:
    /// $(1-\frac1n)r_i+\frac1n\sum_{j\ne i}r_j=(1-\frac2n)r_i+\bar r$.
    fn apart(&self, x: Form, mean: Form, delta: f64) -> Form {
        let rest = sum_up(1., -(2. / self.size as f64).next_down());
        let (c, l) =
            (Interval::point(x.c) - Interval::point(mean.c), Interval::point(x.l) - Interval::point(mean.l));
        let r = sum_up(product_up(rest, x.r), mean.r);
        Form::of(c, l, largest(r, 0.), delta)
    }
}
