//! The step of second-order models through affine layers, $z=W(s)a+b(s)$.

use crate::{
    model::Model,
    narrow::Narrow,
    piece::{LayerPiece, Slack},
    room,
    rounding::TINY,
    taylor::Taylor,
};

/// What the matrices of a layer of t examples give.
pub(crate) trait Products {
    /// The number of powers of s that they give terms of.
    fn powers(&self) -> usize;

    /// Adds the i-th row of the term of this power to `sum`.
    fn add(&self, power: usize, i: usize, sum: &mut [f64]);

    /// Writes the i-th row of the radii.
    fn radius(&self, i: usize, out: &mut [f64]);
}

/// The products of the matrices $D_k$ of a layer of n neurons with the parabolas below, in double precision.
struct Double<'a> {
    /// `[k][neuron][channel]`.
    products: &'a [f64],
    radii: &'a [f64],
    degree: usize,
    channels: usize,
    n: usize,
    t: usize,
}

impl Products for Double<'_> {
    #[inline(always)]
    fn powers(&self) -> usize {
        self.degree + self.channels
    }

    #[inline(always)]
    fn add(&self, power: usize, i: usize, sum: &mut [f64]) {
        for channel in power.saturating_sub(self.degree)..=power.min(self.channels - 1) {
            let row = (power - channel) * self.n + i;
            add(sum, &self.products[(row * self.channels + channel) * self.t..][..self.t]);
        }
    }

    #[inline(always)]
    fn radius(&self, i: usize, out: &mut [f64]) {
        out.copy_from_slice(&self.radii[i * self.t..][..self.t]);
    }
}

/// Adds `x` to `sum`.
#[inline(always)]
pub(crate) fn add<T: Copy + Into<f64>>(sum: &mut [f64], x: &[T]) {
    sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x.into());
}

/// Adds a share of the sizes of numbers to radii, and what underflows.
#[inline(always)]
pub(crate) fn ride(radii: &mut [f64], numbers: &[f64], share: f64) {
    radii.iter_mut().zip(numbers).for_each(|(r, x)| *r += share * x.abs() + TINY);
}

impl Model {
    /// The models of the next layer.
    pub(crate) fn affine(&self, layer: &LayerPiece, taylor: &Taylor) -> Self {
        let slack = Slack::new(layer.inputs, taylor);
        room::with(|double, single| match &layer.single {
            Some(matrices) if self.is_ordinary() => {
                let narrow = Narrow::new(self, (layer, matrices), (taylor, slack), (&mut double[0], single));
                self.assemble(layer, (taylor, slack), &narrow)
            }
            _ => self.assemble(layer, (taylor, slack), &self.in_double(layer, (taylor, slack), double)),
        })
    }

    /// The models of the next layer, from these products.
    fn assemble(
        &self,
        layer: &LayerPiece,
        (taylor, slack): (&Taylor, Slack),
        products: &impl Products,
    ) -> Self {
        let (n, outputs, biases) = (layer.neurons(), layer.outputs, taylor.rows.len());
        let mut model = Self::empty(n, (self.t, layer.positions), taylor);
        let mut sum = vec![0.; self.t];
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for i in 0..n {
                    let mut row = model.row(i);
                    let o = i / layer.positions;
                    products.radius(i, row.r);
                    let rest = slack.bias * layer.bias_bound[o] + TINY;
                    row.r.iter_mut().for_each(|r| *r += rest);
                    for power in 0..biases.max(products.powers()) {
                        sum.fill(if power < biases { layer.bias[power * outputs + o] } else { 0. });
                        if power < products.powers() {
                            products.add(power, i, &mut sum);
                        }
                        row.add(taylor, power, &sum);
                    }
                    row.r.iter_mut().for_each(|r| *r *= slack.up);
                }
            },
        );
        model
    }

    /// The products in double precision.
    fn in_double<'a>(
        &self,
        layer: &LayerPiece,
        (taylor, slack): (&Taylor, Slack),
        [products, radii]: &'a mut [Vec<f64>; 2],
    ) -> Double<'a> {
        let (t, n, channels) = (self.t, layer.neurons(), self.channels);
        let products = room::first(products, taylor.rows.len() * n * channels * t);
        layer.product(products, &layer.weights, &self.lines, channels * t);
        let radii = room::first(radii, n * t);
        layer.product(radii, &layer.radius, &self.riding(taylor, slack), t);
        Double { products, radii, degree: taylor.rows.len() - 1, channels, n, t }
    }

    /// The radii with the rounding errors of the products, $r+g(|c|+\delta|l|+\delta^2|q|)$.
    fn riding(&self, taylor: &Taylor, slack: Slack) -> Vec<f64> {
        let t = self.t;
        let mut out = self.radius.clone();
        for (i, out) in out.chunks_exact_mut(t).enumerate() {
            let row = &self.lines[i * self.channels * t..][..self.channels * t];
            for (k, numbers) in row.chunks_exact(t).enumerate() {
                ride(out, numbers, slack.product * taylor.power(k));
            }
        }
        out
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
