//! The step of second-order models through affine layers, $z=W(s)a+b(s)$.

use crate::{
    matrix::product,
    model::Model,
    piece::{LayerPiece, Slack},
    room,
    rounding::TINY,
    single::{Errors, Single, is_ordinary, is_small, narrowed, sizes},
    taylor::Taylor,
};

/// The products of the matrices $D_k$ of a layer of n neurons with the parabolas below, of t examples.
struct Products<'a> {
    /// Those of all channels, `[k][neuron][channel]`, or $D_0c$ alone.
    double: &'a [f64],
    /// In single precision, if not in double: $D_kc$ for k ≥ 1, and those of l and q, `[k][neuron][channel]`.
    single: Option<[&'a [f32]; 2]>,
    channels: usize,
    n: usize,
    t: usize,
}

impl Products<'_> {
    /// Adds the i-th row of the product of $D_k$ with a channel to `sum`.
    #[inline(always)]
    fn add(&self, (k, i, channel): (usize, usize, usize), sum: &mut [f64]) {
        let (t, row) = (self.t, k * self.n + i);
        let Some([turned, moving]) = self.single else {
            return add(sum, &self.double[(row * self.channels + channel) * t..][..t]);
        };
        match (k, channel) {
            (0, 0) => add(sum, &self.double[i * t..][..t]),
            (_, 0) => add(sum, &turned[(row - self.n) * t..][..t]),
            _ => add(sum, &moving[(row * (self.channels - 1) + channel - 1) * t..][..t]),
        }
    }
}

/// Adds `x` to `sum`.
#[inline(always)]
fn add<T: Copy + Into<f64>>(sum: &mut [f64], x: &[T]) {
    sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x.into());
}

impl Model {
    /// The models of the next layer.
    pub(crate) fn affine(&self, layer: &LayerPiece, taylor: &Taylor) -> Self {
        let (n, outputs, powers) = (layer.neurons(), layer.outputs, taylor.rows.len());
        let slack = Slack::new(layer.inputs, taylor);
        let mut model = Self::empty(n, (self.t, layer.positions), taylor);
        room::with(|[double, radii], single| {
            let radii = room::first(radii, n * self.t);
            let products = match self.narrowed(layer, (taylor, slack)) {
                Some(narrow) => narrow.products(layer, taylor, (radii, double, single)),
                None => self.in_double(layer, (taylor, slack), (radii, double)),
            };
            let mut sum = vec![0.; self.t];
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for i in 0..n {
                        let mut row = model.row(i);
                        let o = i / layer.positions;
                        let rest = slack.bias * layer.bias_bound[o] + TINY;
                        let below = &radii[i * self.t..][..self.t];
                        row.r.iter_mut().zip(below).for_each(|(r, x)| *r = x + rest);
                        for power in 0..powers + self.channels - 1 {
                            sum.fill(if power < powers { layer.bias[power * outputs + o] } else { 0. });
                            for channel in power.saturating_sub(powers - 1)..=power.min(self.channels - 1) {
                                products.add((power - channel, i, channel), &mut sum);
                            }
                            row.add(taylor, power, &sum);
                        }
                        row.r.iter_mut().for_each(|r| *r *= slack.up);
                    }
                },
            );
        });
        model
    }

    /// The products in double precision, and the radii of the next layer.
    fn in_double<'a>(
        &self,
        layer: &LayerPiece,
        (taylor, slack): (&Taylor, Slack),
        (radii, double): (&mut [f64], &'a mut Vec<f64>),
    ) -> Products<'a> {
        let (t, n, channels) = (self.t, layer.neurons(), self.channels);
        let double = room::first(double, taylor.rows.len() * n * channels * t);
        layer.product(double, &layer.weights, &self.lines, channels * t);
        layer.product(radii, &layer.radius, &self.riding(taylor, [slack.product; 2]), t);
        Products { double, single: None, channels, n, t }
    }

    /// What goes through the layer in single precision, if that is allowed and the numbers are of ordinary size.
    fn narrowed<'a>(&self, layer: &'a LayerPiece, (taylor, slack): (&Taylor, Slack)) -> Option<Narrow<'a>> {
        let single = layer.single.as_ref()?;
        let errors = Errors::new(layer.inputs, taylor.degree());
        let (mut centres, mut others) = (Vec::new(), Vec::new());
        for row in self.lines.chunks_exact(self.channels * self.t) {
            centres.extend_from_slice(&row[..self.t]);
            others.extend_from_slice(&row[self.t..]);
        }
        let riding = self.riding(taylor, [slack.product, slack.product + errors.relative]);
        let fit = is_ordinary(&centres) && is_ordinary(&others) && is_small(&riding);
        fit.then(|| Narrow {
            single,
            errors,
            centres,
            others: narrowed(&others),
            riding: narrowed(&riding),
            channels: self.channels,
            t: self.t,
        })
    }

    /// The radii with the rounding errors of the products, $r+g|c|+h(\delta|l|+\delta^2|q|)$ for `[g, h]`.
    fn riding(&self, taylor: &Taylor, [still, moving]: [f64; 2]) -> Vec<f64> {
        let t = self.t;
        let mut out = self.radius.clone();
        for (i, out) in out.chunks_exact_mut(t).enumerate() {
            let row = &self.lines[i * self.channels * t..][..self.channels * t];
            for (k, numbers) in row.chunks_exact(t).enumerate() {
                let share = if k == 0 { still } else { moving * taylor.power(k) };
                out.iter_mut().zip(numbers).for_each(|(r, x)| *r += share * x.abs() + TINY);
            }
        }
        out
    }
}

/// The models below a layer, all but the centres in single precision.
struct Narrow<'a> {
    single: &'a Single,
    errors: Errors,
    centres: Vec<f64>,
    /// The parabolas without their centres, and the radii with what rides on them.
    others: Vec<f32>,
    riding: Vec<f32>,
    channels: usize,
    t: usize,
}

impl Narrow<'_> {
    /// The products, of which that of centres, $D_0c$, is in double precision, and the radii of the next layer.
    fn products<'a>(
        &self,
        layer: &LayerPiece,
        taylor: &Taylor,
        (radii, double, [turned, moving, radius]): (&mut [f64], &'a mut Vec<f64>, &'a mut [Vec<f32>; 3]),
    ) -> Products<'a> {
        let Self { single, errors, channels, t, .. } = *self;
        let (n, m, d, resting) = (layer.outputs, layer.inputs, taylor.degree(), layer.outputs * layer.inputs);
        let double = room::first(double, n * t);
        product(double, &layer.weights[..resting], &self.centres, (n, m, t));
        let centres = narrowed(&self.centres);
        let turned = room::first(turned, d * n * t);
        product(turned, &single.weights[resting..], &centres, (d * n, m, t));
        let moving = room::first(moving, (d + 1) * n * (channels - 1) * t);
        product(moving, &single.weights, &self.others, ((d + 1) * n, m, (channels - 1) * t));
        let radius = room::first(radius, n * t);
        product(radius, &single.radius, &self.riding, (n, m, t));
        let up = |x: f32| f64::from(x) * (1. + errors.relative) + errors.absolute;
        radii.iter_mut().zip(&*radius).for_each(|(r, x)| *r = up(*x));
        // What is lost of the centres' products with D_k, k ≥ 1.
        product(radius, &single.moving, &sizes(&centres), (n, m, t));
        radii.iter_mut().zip(&*radius).for_each(|(r, x)| *r += errors.relative * f64::from(*x));
        Products { double, single: Some([turned, moving]), channels, n, t }
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
    use crate::{leg::Leg, model::Row};

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

    /// What the parameters' errors may add to a weight that stays 1 is in the radius, also where it meets a radius alone, and
    /// where it is as large as the weight itself.
    #[test]
    fn radii_meet_the_errors_of_parameters() {
        let arch = Arch::dense(Activation::Relu, &[1, 1, 1], false).unwrap();
        let network = arch.network();
        let layer = &network.chain().unwrap()[1];
        for degree in [1, 5, 29, 31, 45] {
            let stack = Tensor::new(vec![vec![1., 1.]; degree + 1], &Device::Cpu).unwrap();
            let leg = &Leg::all(&Path::bezier(stack).unwrap(), 2).unwrap()[0];
            let taylor = Taylor::new(degree, 0., 1.);
            let (lines, radius, delta) = (vec![0.; 3], vec![1.], taylor.delta);
            let below = Model { lines, radius, t: 1, channels: 3, delta, positions: 1 };
            let mut model = below.affine(&LayerPiece::new(leg, layer, &taylor), &taylor);
            let r = model.row(0).r[0];
            assert!(r >= 1. + taylor.growth * taylor.error(), "{degree}: {r}");
        }
    }
}
