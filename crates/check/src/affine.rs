//! Affine maps of first-order forms.

use std::ops::Range;

use collado_models::{Affine, Map};

use crate::{
    interval::{Interval, product_up, sum_up},
    lanes::{Forms, LANES, Lanes, Rounded, collapsed},
    leg::{Local, Polynomials, Powers},
};

/// The forms of $W(s)a+b(s)$ for the examples of a block, where `at` holds the parameters in the columns of `op`.
///
/// With $W=\tilde W+E$ and $a=c+ls+e$ this is $\tilde W(c+ls)+b$, a polynomial in s, and $E(c+ls)+We$, which is a radius.
pub(crate) fn affine(op: &Affine, at: &Polynomials, x: &Forms, powers: &Powers) -> Forms {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || outputs(op, at, x, powers),
    )
}

#[inline(always)]
fn outputs(op: &Affine, at: &Polynomials, x: &Forms, powers: &Powers) -> Forms {
    let delta = powers.delta();
    let line = |i: usize, lane: usize| sum_up(x.c[i][lane].abs(), product_up(delta, x.l[i][lane].abs()));
    let lines: Vec<Lanes> = (0..x.len()).map(|i| std::array::from_fn(|lane| line(i, lane))).collect();
    let moves = x.l.iter().flatten().any(|&l| l != 0.);
    let terms = at.near.len();
    let mut out = Forms::zeros(op.units.len());
    let (mut places, mut sums) = (Vec::new(), Vec::new());
    for o in 0..out.len() {
        places.clear();
        each(op, o, |w, i| places.push((op.weight.start + w, i)));
        let bias = op.bias.as_ref().map(|bias| bias.start + channel(op, o));
        sums.clear();
        for k in 0..if moves { terms + 1 } else { terms } {
            let own = bias.filter(|_| k < terms).map_or(0., |b| at.near[k][b]);
            let mut sum = Rounded::exact(own);
            if k < terms {
                sum.add_products(&at.near[k], &x.c, &places);
            }
            if moves && k > 0 {
                sum.add_products(&at.near[k - 1], &x.l, &places);
            }
            sums.push(sum);
        }
        let mut radius = [bias.map_or(0., |b| at.off[b]); LANES];
        for &(w, i) in &places {
            let (size, off, r, line) = (at.size[w], at.off[w], &x.r[i], &lines[i]);
            for lane in 0..LANES {
                radius[lane] += size * r[lane] + off * line[lane];
            }
        }
        (out.c[o], out.l[o], out.r[o]) = collapsed(&sums, radius, places.len(), powers);
    }
    out
}

/// The last map of a network as the one that puts out the margins $z_j-z_y$ for j ≠ y, on which the cross-entropy of
/// class y depends, with its parameters on a piece.
pub(crate) struct Margins {
    pub(crate) op: Affine,
    pub(crate) parameters: Polynomials,
}

impl Margins {
    pub(crate) fn new(last: &Affine, y: usize, local: &Local) -> Self {
        let (inputs, outputs) = (last.fan_in(), last.outputs());
        let others: Vec<usize> = (0..outputs).filter(|&j| j != y).collect();
        let difference = |term: &[Interval], a: usize, b: usize| term[a] - term[b];
        let terms: Vec<Vec<Interval>> = (local.terms.iter())
            .map(|term| {
                let weights = others.iter().flat_map(|&j| {
                    (0..inputs).map(move |i| difference(term, last.column(j, i), last.column(y, i)))
                });
                let bias = last.bias.clone().map_or(0, |bias| bias.start);
                let biases = others.iter().filter(|_| last.bias.is_some());
                weights.chain(biases.map(|&j| difference(term, bias + j, bias + y))).collect()
            })
            .collect();
        let size = others.len() * inputs;
        let bias = |_: &Range<usize>| size..size + others.len();
        let op = Affine {
            name: last.name.clone(),
            map: Map::Dense { inputs, outputs: others.len() },
            weight: 0..size,
            bias: last.bias.as_ref().map(bias),
            units: 0..others.len(),
        };
        Self { op, parameters: Polynomials::new(&terms, &local.powers) }
    }
}

/// The feature or channel of the output `o` of a map.
fn channel(op: &Affine, o: usize) -> usize {
    match op.map {
        Map::Dense { outputs, .. } => o % outputs,
        Map::Conv2d(conv) => o / conv.output_size().iter().product::<usize>(),
    }
}

/// Calls `f` with the place of each weight of the output `o`, and that of the input that it multiplies.
fn each(op: &Affine, o: usize, mut f: impl FnMut(usize, usize)) {
    match op.map {
        Map::Dense { inputs, outputs } => {
            let (place, row) = (o / outputs, o % outputs);
            (0..inputs).for_each(|i| f(row * inputs + i, place * inputs + i));
        }
        Map::Conv2d(conv) => {
            let [height, width] = conv.output_size();
            let (channel, at) = (channel(op, o), [o / width % height, o % width]);
            let (depth, group) = (conv.inputs / conv.groups, channel / (conv.outputs / conv.groups));
            let inside = |axis: usize, step: usize| {
                let place = at[axis] * conv.stride[axis] + step * conv.dilation[axis];
                place.checked_sub(conv.padding[axis]).filter(|&place| place < conv.size[axis])
            };
            let [rows, columns] = conv.kernel;
            for (input, y, x) in
                (0..depth).flat_map(|i| (0..rows * columns).map(move |k| (i, k / columns, k % columns)))
            {
                if let (Some(i), Some(j)) = (inside(0, y), inside(1, x)) {
                    let weight = ((channel * depth + input) * rows + y) * columns + x;
                    f(weight, ((group * depth + input) * conv.size[0] + i) * conv.size[1] + j);
                }
            }
        }
    }
}
