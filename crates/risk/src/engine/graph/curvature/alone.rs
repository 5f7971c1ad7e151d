//! Normalisation of each example by itself, with its derivatives along a vector.
//!
//! With $u=(x-\mu)\,i$, $i=(v+\varepsilon)^{-1/2}$ over a set of n numbers and $y=\gamma u+\beta$:
//! $R\mu=\overline{Rx}$, $Ru=i(Rx-R\mu)+Ri\,(x-\mu)$ with $Ri=-i^3\,\overline{(x-\mu)Rx}$. In reverse, with $h=\gamma g$:
//! $\partial x=i\,(h-\bar h-u\,\overline{hu})$.
// Several arrays are indexed by the same lanes.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use collado_models::Norm;

use super::super::{
    alone::{moments, place, sets},
    image::Image,
    lanes::Number,
};

const LANES: usize = <f64 as Number>::LANES;

/// One number for each example of a tile.
type Lane = [f64; LANES];

/// The places of a set's numbers, with their channels.
struct Set<'a> {
    of: &'a Image,
    channels: Range<usize>,
    pixels: Range<usize>,
    mean: Lane,
    inverse: Lane,
    r_mean: Lane,
    r_inverse: Lane,
}

impl<'a> Set<'a> {
    fn all(
        norm: &'a Norm,
        (x, r, of): (&'a [f64], &'a [f64], &'a Image),
    ) -> impl Iterator<Item = Set<'a>> + 'a {
        sets(norm, of).map(move |(channels, pixels)| {
            let found = moments(norm.epsilon, (x, of), (&channels, &pixels));
            let mut set = Set {
                of,
                channels,
                pixels,
                mean: std::array::from_fn(|i| found.mean[i]),
                inverse: std::array::from_fn(|i| found.scale[i]),
                r_mean: [0.; LANES],
                r_inverse: [0.; LANES],
            };
            let (mut sum, mut product) = ([0.; LANES], [0.; LANES]);
            for (_, at) in set.places() {
                for i in 0..LANES {
                    sum[i] += r[at + i];
                    product[i] += (x[at + i] - set.mean[i]) * r[at + i];
                }
            }
            let n = set.count();
            for i in 0..LANES {
                set.r_mean[i] = sum[i] / n;
                set.r_inverse[i] = -set.inverse[i].powi(3) * product[i] / n;
            }
            set
        })
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (of, channels, pixels) = (*self.of, self.channels.clone(), self.pixels.clone());
        channels.flat_map(move |c| pixels.clone().map(move |p| (c, place::<f64>(&of, c, p))))
    }

    fn count(&self) -> f64 {
        (self.channels.len() * self.pixels.len()) as f64
    }

    /// u and Ru of example `i`.
    #[inline(always)]
    fn unit(&self, i: usize, x: f64, r: f64) -> (f64, f64) {
        let c = x - self.mean[i];
        (self.inverse[i] * c, self.inverse[i] * (r - self.r_mean[i]) + self.r_inverse[i] * c)
    }
}

/// Computes Ry of a tile from x and Rx. Scales are those of the point; scales and shifts those of the vector.
pub(super) fn forward(
    norm: &Norm,
    (scale, (r_scale, r_shift)): (&[f64], (&[f64], &[f64])),
    (x, r, of): (&[f64], &[f64], &Image),
    y: &mut [f64],
) {
    for set in Set::all(norm, (x, r, of)) {
        for (c, at) in set.places() {
            for i in 0..LANES {
                let (u, r_u) = set.unit(i, x[at + i], r[at + i]);
                y[at + i] = scale[c] * r_u + r_scale[c] * u + r_shift[c];
            }
        }
    }
}

/// The derivatives with respect to a tile, and their derivatives along the vector, in reverse.
pub(super) struct Slopes<'a> {
    pub(super) g: &'a [f64],
    pub(super) h: &'a [f64],
}

/// Adds the derivatives with respect to x, and their derivatives along the vector, to `d` and `r_d`, and the latter of
/// scales and shifts to `sums`.
pub(super) fn reverse(
    norm: &Norm,
    (scale, r_scale): (&[f64], &[f64]),
    (x, r, of): (&[f64], &[f64], &Image),
    Slopes { g, h }: Slopes<'_>,
    mut to: Option<(&mut [f64], &mut [f64])>,
    sums: &mut [[f64; 2]],
) {
    for set in Set::all(norm, (x, r, of)) {
        // The sums of γg and of γg u, and their derivatives along the vector.
        let mut all = [[0.; LANES]; 4];
        for (c, at) in set.places() {
            for i in 0..LANES {
                let (u, r_u) = set.unit(i, x[at + i], r[at + i]);
                let (g, h) = (g[at + i], h[at + i]);
                sums[c][0] += h * u + g * r_u;
                sums[c][1] += h;
                let (inner, r_inner) = (scale[c] * g, r_scale[c] * g + scale[c] * h);
                all[0][i] += inner;
                all[1][i] += inner * u;
                all[2][i] += r_inner;
                all[3][i] += r_inner * u + inner * r_u;
            }
        }
        let n = set.count();
        let Some((d, r_d)) = &mut to else { continue };
        for (c, at) in set.places() {
            for i in 0..LANES {
                let (u, r_u) = set.unit(i, x[at + i], r[at + i]);
                let (inner, r_inner) = (scale[c] * g[at + i], r_scale[c] * g[at + i] + scale[c] * h[at + i]);
                let [sum, product, r_sum, r_product] = all.map(|all| all[i] / n);
                let left = inner - sum - u * product;
                let r_left = r_inner - r_sum - r_u * product - u * r_product;
                d[at + i] += set.inverse[i] * left;
                r_d[at + i] += set.inverse[i] * r_left + set.r_inverse[i] * left;
            }
        }
    }
}
