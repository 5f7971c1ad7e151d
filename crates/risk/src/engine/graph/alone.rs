//! Normalisation of each example by itself: over the channels of a pixel, or over the pixels of a group of channels.
// Several arrays are indexed by the same constants or lanes.
#![allow(clippy::needless_range_loop)]

use collado_models::{Norm, NormKind};
use pulp::Arch;

use super::{image::Image, lanes::Number};

/// The largest number of examples in a tile.
const MOST: usize = 16;

/// The means and the reciprocal deviations of the examples over a set of numbers.
pub(super) struct Moments<T> {
    pub(super) mean: [T; MOST],
    pub(super) scale: [T; MOST],
}

/// The sets of numbers with a mean and a variance of their own, as ranges of channels and of pixels.
pub(super) fn sets(
    op: &Norm,
    image: &Image,
) -> impl Iterator<Item = (std::ops::Range<usize>, std::ops::Range<usize>)> + use<> {
    let (channels, pixels) = (image.channels, image.pixels());
    let (groups, each) = match op.kind {
        NormKind::Group(groups) => (groups, false),
        _ => (pixels, true),
    };
    (0..groups).map(move |i| match each {
        true => (0..channels, i..i + 1),
        false => (i * channels / groups..(i + 1) * channels / groups, 0..pixels),
    })
}

#[inline(always)]
pub(super) fn moments<T: Number>(
    epsilon: f64,
    (x, of): (&[T], &Image),
    (channels, pixels): (&std::ops::Range<usize>, &std::ops::Range<usize>),
) -> Moments<T> {
    let count = T::of((channels.len() * pixels.len()) as f64);
    let places = || channels.clone().flat_map(|c| pixels.clone().map(move |p| place::<T>(of, c, p)));
    let mut found = Moments { mean: [T::zero(); MOST], scale: [T::zero(); MOST] };
    for at in places() {
        let x = &x[at..][..T::LANES];
        (0..T::LANES).for_each(|i| found.mean[i] += x[i]);
    }
    found.mean.iter_mut().for_each(|mean| *mean /= count);
    for at in places() {
        let x = &x[at..][..T::LANES];
        for i in 0..T::LANES {
            let centred = x[i] - found.mean[i];
            found.scale[i] += centred * centred;
        }
    }
    found.scale.iter_mut().for_each(|s| *s = (*s / count + T::of(epsilon)).sqrt().recip());
    found
}

#[inline(always)]
pub(super) fn place<T: Number>(image: &Image, channel: usize, pixel: usize) -> usize {
    image.line::<T>(channel, pixel / image.width).start + pixel % image.width * T::LANES
}

/// Normalises a tile `x` with the scales and shifts of the channels.
pub(super) fn forward<T: Number>(
    op: &Norm,
    (scale, shift): (&[T], &[T]),
    (x, of): (&[T], &Image),
    (y, to): (&mut [T], &Image),
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (channels, pixels) in sets(op, of) {
                let found = moments(op.epsilon, (x, of), (&channels, &pixels));
                for (c, p) in channels.flat_map(|c| pixels.clone().map(move |p| (c, p))) {
                    let x = &x[place::<T>(of, c, p)..][..T::LANES];
                    let y = &mut y[place::<T>(to, c, p)..][..T::LANES];
                    for i in 0..T::LANES {
                        y[i] = scale[c] * ((x[i] - found.mean[i]) * found.scale[i]) + shift[c];
                    }
                }
            }
        },
    );
}

/// Adds the derivatives with respect to a tile `x` to `d`, and those with respect to scales and shifts to `slopes`,
/// from those with respect to the result, `g`. There are no borders.
pub(super) fn reverse<T: Number>(
    op: &Norm,
    scale: &[T],
    (x, of): (&[T], &Image),
    g: &[T],
    d: Option<&mut [T]>,
    slopes: &mut [[f64; 2]],
) {
    let mut unused = Vec::new();
    let (d, wanted) = match d {
        Some(d) => (d, true),
        None => (&mut unused[..], false),
    };
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (channels, pixels) in sets(op, of) {
                let found = moments(op.epsilon, (x, of), (&channels, &pixels));
                let count = T::of((channels.len() * pixels.len()) as f64);
                let (mut sum, mut product) = ([T::zero(); MOST], [T::zero(); MOST]);
                let places =
                    || channels.clone().flat_map(|c| pixels.clone().map(move |p| (c, place::<T>(of, c, p))));
                for (c, at) in places() {
                    let (x, g) = (&x[at..][..T::LANES], &g[at..][..T::LANES]);
                    let mut part = [[T::zero(); MOST]; 2];
                    for i in 0..T::LANES {
                        let unit = (x[i] - found.mean[i]) * found.scale[i];
                        sum[i] += scale[c] * g[i];
                        product[i] += scale[c] * g[i] * unit;
                        part[0][i] = g[i] * unit;
                        part[1][i] = g[i];
                    }
                    for (slope, part) in slopes[c].iter_mut().zip(part) {
                        *slope += part.iter().map(|x| x.wide()).sum::<f64>();
                    }
                }
                if !wanted {
                    continue;
                }
                for (c, at) in places() {
                    let (x, g, d) = (&x[at..][..T::LANES], &g[at..][..T::LANES], &mut d[at..][..T::LANES]);
                    for i in 0..T::LANES {
                        let unit = (x[i] - found.mean[i]) * found.scale[i];
                        let inner = scale[c] * g[i] - (sum[i] + unit * product[i]) / count;
                        d[i] += found.scale[i] * inner;
                    }
                }
            }
        },
    );
}
