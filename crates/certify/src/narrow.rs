//! The step of models through a dense layer in single precision, all but the product of centres.

use crate::{
    affine::{Products, add, ride},
    matrix::{product, product_of},
    model::Model,
    piece::{LayerPiece, Slack},
    room,
    single::{Errors, NORM, Single, is_ordinary_size, is_small, largest},
    taylor::Taylor,
};

/// The powers of s beyond the second are not computed but bounded where these bounds are less than this share of the radii.
const SHARE: f64 = 1. / 64.;

/// The products of a layer of n neurons with the models below, of t examples.
pub(crate) struct Narrow<'a> {
    /// The product $D_0c$, `[neuron]`.
    centres: &'a [f64],
    /// The terms of the powers $s,s^2,\dots$ that were computed, `[power][neuron]`.
    terms: &'a [f32],
    /// The products of the radii, `[neuron]`.
    radii: &'a [f32],
    /// The norms of the channels of each example.
    norms: [Vec<f64>; 3],
    /// The factors of these norms in the radii, `[channel][neuron]`: for what single precision loses of $D_kc$, and for the
    /// terms that were not computed.
    factors: [Vec<f64>; 3],
    errors: Errors,
    /// The number of terms that were computed.
    kept: usize,
    n: usize,
    t: usize,
}

impl Products for Narrow<'_> {
    #[inline(always)]
    fn powers(&self) -> usize {
        1 + self.kept
    }

    #[inline(always)]
    fn add(&self, power: usize, i: usize, sum: &mut [f64]) {
        let t = self.t;
        match power {
            0 => add(sum, &self.centres[i * t..][..t]),
            _ => add(sum, &self.terms[((power - 1) * self.n + i) * t..][..t]),
        }
    }

    #[inline(always)]
    fn radius(&self, i: usize, out: &mut [f64]) {
        let Errors { relative, absolute } = self.errors;
        let radii = &self.radii[i * self.t..][..self.t];
        out.iter_mut().zip(radii).for_each(|(r, &x)| *r = f64::from(x) * (1. + relative) + absolute);
        for (factors, norms) in self.factors.iter().zip(&self.norms) {
            if factors[i] > 0. {
                out.iter_mut().zip(norms).for_each(|(r, norm)| *r += factors[i] * norm);
            }
        }
    }
}

impl<'a> Narrow<'a> {
    /// The products of a layer with the models below.
    pub(crate) fn new(
        below: &Model,
        (layer, matrices): (&LayerPiece, &Single),
        (taylor, slack): (&Taylor, Slack),
        (centres, [stack, riding, radii, terms]): (&'a mut Vec<f64>, &'a mut [Vec<f32>; 4]),
    ) -> Self {
        let (n, m, t, channels) = (layer.outputs, layer.inputs, below.t, below.channels);
        let errors = Errors::new(m, taylor.degree());
        let (stack, riding) = (room::first(stack, channels * m * t), room::first(riding, m * t));
        let norms = below.narrowed((stack, riding), (taylor, slack), errors);
        let (centres, radii) = (room::first(centres, n * t), room::first(radii, n * t));
        product_of(centres, &layer.weights[..n * m], (&below.lines, channels * t), (n, m, t));
        product(radii, &matrices.radius, riding, (n, m, t));
        let (kept, factors) = factors(matrices, (taylor, errors), &norms, radii);
        let terms = room::first(terms, kept * n * t);
        for (term, out) in matrices.terms.iter().zip(terms.chunks_exact_mut(n * t)) {
            let (first, count) = term.channels;
            product(out, &term.matrix, &stack[first * m * t..], (n, count * m, t));
        }
        Self { centres, terms, radii, norms, factors, errors, kept, n, t }
    }
}

/// The number of terms to compute, and the factors of the norms of channels in the radii, `[channel][neuron]`.
///
/// By Cauchy and Schwarz a row of $\sum_kA_kx$ is at most the sum of the products of the norms. So what single precision loses of
/// $\sum_{k\ge1}\delta^k|D_k||c|$ is bounded, and the terms of high powers where they are far below the radii.
fn factors(
    matrices: &Single,
    (taylor, errors): (&Taylor, Errors),
    norms: &[Vec<f64>; 3],
    radii: &[f32],
) -> (usize, [Vec<f64>; 3]) {
    let rows = matrices.norms[0].len();
    let mut factors = std::array::from_fn(|_| vec![0.; rows]);
    let mut raise = |channel: usize, norms: &[f64], share: f64| {
        let factors: &mut Vec<f64> = &mut factors[channel];
        factors.iter_mut().zip(norms).for_each(|(factor, norm)| *factor += share * norm);
    };
    for (k, norms) in matrices.norms.iter().enumerate().skip(1) {
        raise(0, norms, NORM * errors.relative * taylor.power(k));
    }
    let sum = |x: &[f64]| x.iter().sum::<f64>();
    let mut room = SHARE * radii.iter().copied().map(f64::from).sum::<f64>();
    let mut kept = matrices.terms.len();
    while let Some(term) = matrices.terms[..kept].last().filter(|_| kept > 2) {
        let (first, count) = term.channels;
        let parts = (first..first + count).map(|j| (j, &matrices.norms[kept - j]));
        let share = NORM * taylor.power(kept);
        room -= parts.clone().map(|(j, rows)| share * sum(rows) * sum(&norms[j])).sum::<f64>();
        if room < 0. {
            break;
        }
        parts.for_each(|(j, rows)| raise(j, rows, share));
        kept -= 1;
    }
    (kept, factors)
}

impl Model {
    /// Whether single precision neither overflows nor underflows with these numbers: centres, what moves, and radii.
    pub(crate) fn is_ordinary(&self) -> bool {
        let (mut centre, mut moving) = (0_f64, 0_f64);
        for row in self.lines.chunks_exact(self.channels * self.t) {
            let (c, rest) = row.split_at(self.t);
            // NaN is larger than any number.
            let larger = |x: f64, y: f64| if x.total_cmp(&y).is_ge() { x } else { y };
            centre = larger(centre, largest(c));
            moving = larger(moving, largest(rest));
        }
        is_ordinary_size(centre) && is_ordinary_size(moving) && is_small(&self.radius)
    }

    /// Writes the channels to `stack`, `[channel][neuron]`, and the radii with what the products lose to `riding`:
    /// $r+g|c|+(g+h)(\delta|l|+\delta^2|q|)$. Returns upper bounds of the norms of the channels of each example.
    fn narrowed(
        &self,
        (stack, riding): (&mut [f32], &mut [f32]),
        (taylor, slack): (&Taylor, Slack),
        errors: Errors,
    ) -> [Vec<f64>; 3] {
        let (t, size) = (self.t, self.radius.len());
        let mut norms = std::array::from_fn(|_| vec![0.; t]);
        let shares = std::array::from_fn::<_, 3, _>(|j| match j {
            0 => slack.product,
            _ => (slack.product + errors.relative) * taylor.power(j),
        });
        let mut sum = vec![0.; t];
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..size / t {
                    sum.copy_from_slice(&self.radius[i * t..][..t]);
                    for (j, share) in shares.into_iter().enumerate().take(self.channels) {
                        let numbers = &self.lines[(i * self.channels + j) * t..][..t];
                        let out = &mut stack[j * size + i * t..][..t];
                        out.iter_mut().zip(numbers).for_each(|(out, &x)| *out = x as f32);
                        let norms: &mut Vec<f64> = &mut norms[j];
                        norms.iter_mut().zip(numbers).for_each(|(norm, x)| *norm += x * x);
                        ride(&mut sum, numbers, share);
                    }
                    let out = &mut riding[i * t..][..t];
                    out.iter_mut().zip(&sum).for_each(|(out, &x)| *out = x as f32);
                }
            },
        );
        norms.iter_mut().flatten().for_each(|norm| *norm = NORM * norm.sqrt());
        norms
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor};
    use collado_models::{Activation, Arch};
    use collado_risk::Path;

    use super::*;
    use crate::{leg::Leg, model::Row, room};

    /// The control points of $x_0+x_1u+x_2u^2+x_3u^3$ on $|u|\le\frac12$.
    fn control([x0, x1, x2, x3]: [f64; 4]) -> [f64; 4] {
        let point = |u: f64, square: f64, cube: f64| x0 + x1 * u + x2 * square + x3 * cube;
        // Blossoms of u, u² and u³.
        [
            point(-0.5, 0.25, -0.125),
            point(-1. / 6., -1. / 12., 0.125),
            point(1. / 6., -1. / 12., -0.125),
            point(0.5, 0.25, 0.125),
        ]
    }

    /// Where all numbers are positive every error is as large as it can be at s = δ, and all have one sign: so the bound is
    /// nearly attained there, and each part of it is needed. Terms of high powers are computed where radii are small, and
    /// bounded where they are not.
    #[test]
    fn what_is_not_computed_is_bounded() {
        let (n, t, coefficients) = (16, 4, [1., 2., 3., 4.]);
        let arch = Arch::dense(Activation::Relu, &[1, n, 1], false).unwrap();
        let network = arch.network();
        let layer = &network.chain().unwrap()[1];
        let points: Vec<Vec<f64>> =
            control(coefficients).map(|w| [vec![1.; n], vec![w; n]].concat()).to_vec();
        let path = Path::bezier(Tensor::new(points, &Device::Cpu).unwrap()).unwrap();
        let leg = &Leg::all(&path, network.size()).unwrap()[0];
        let mut kept = std::collections::BTreeSet::new();
        for (delta, r) in [(0.25, 0.), (0.25, 10.), (0.05, 1e-3), (0.05, 1.), (0.01, 1e-9), (0.01, 0.1)] {
            let taylor = Taylor::new(3, 0.5 - delta, 0.5 + delta).in_single(true);
            let (c, l, q) = (1., 2., 3.);
            let lines = [[c; 4], [l; 4], [q; 4]].concat().repeat(n);
            let below =
                Model { lines, radius: vec![r; n * t], t, channels: 3, delta: taylor.delta, positions: 1 };
            let piece = LayerPiece::new(leg, layer, &taylor);
            let matrices = piece.single.as_ref().unwrap();
            let slack = Slack::new(n, &taylor);
            kept.insert(room::with(|double, single| {
                Narrow::new(&below, (&piece, matrices), (&taylor, slack), (&mut double[0], single)).kept
            }));
            let mut model = below.affine(&piece, &taylor);
            let Row { parabola: [c1, l1, q1], r: r1 } = model.row(0);
            let weight = coefficients.iter().rev().fold(0., |sum, x| sum * delta + x);
            let exact = n as f64 * weight * (c + l * delta + q * delta * delta + r);
            for e in 0..t {
                let upper = c1[e] + delta * l1[e] + delta * delta * q1[e] + r1[e];
                assert!(upper >= exact * (1. - 1e-14), "{delta} {r}: {upper} {exact}");
                assert!(upper <= exact * (1. + 0.02), "{delta} {r}: {upper} {exact}");
            }
        }
        assert!(kept.len() > 2 && kept.contains(&5), "{kept:?}");
    }
}
