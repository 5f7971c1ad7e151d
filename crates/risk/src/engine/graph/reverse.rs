//! The derivative of a convolution with respect to its images.

use pulp::{Arch, Simd, WithSimd};

use super::{
    convolution::Convolution,
    image::Image,
    lanes::{Number, part},
    rows::{Row, TAPS},
    winograd::Winograd,
};
use crate::engine::chain::Pool;

/// A convolution with some weights, prepared for its reverse pass: with transformed weights where that pays, else for each
/// remainder of rows and columns modulo the stride, the taps that reach such pixels, with their weights in the order in which
/// they are read.
pub(crate) struct Reverse<'a, T> {
    map: Convolution,
    winograd: Option<Winograd<'a, T>>,
    phases: Vec<Phase<T>>,
    /// The border that derivatives with respect to the results need.
    border: usize,
}

/// The pixels of one remainder of rows and columns modulo the stride.
struct Phase<T> {
    remainder: [usize; 2],
    /// For each tap the shift of rows and columns to the result that it contributes to.
    taps: Vec<[isize; 2]>,
    /// The weights `[input][output of the group][tap]`.
    weights: Vec<T>,
}

impl<'a, T: Number> Reverse<'a, T> {
    /// Prepares the reverse pass for images like `x`.
    pub(in crate::engine) fn new(map: Convolution, weight: &[T], x: &Image, pool: &'a Pool<T>) -> Self {
        if map.is_filtered(x) {
            let winograd = Some(Winograd::reverse(&map, weight, pool));
            return Self { map, winograd, phases: Vec::new(), border: 0 };
        }
        let y = map.image(x);
        let (inputs, outputs) = (map.inputs / map.groups, map.outputs / map.groups);
        let area = map.kernel[0] * map.kernel[1];
        let mut border = 0;
        let mut phases = Vec::new();
        for r0 in 0..map.stride[0].min(x.height) {
            for r1 in 0..map.stride[1].min(x.width) {
                let (rows, columns) = (map.shifts(0, r0), map.shifts(1, r1));
                let taps: Vec<_> = rows
                    .iter()
                    .flat_map(|&(i, di)| columns.iter().map(move |&(j, dj)| (i, j, [di, dj])))
                    .collect();
                border = border.max(reach(&rows, x.height - r0, map.stride[0], y.height)).max(reach(
                    &columns,
                    x.width - r1,
                    map.stride[1],
                    y.width,
                ));
                let mut weights = Vec::with_capacity(map.inputs * outputs * taps.len());
                for c in 0..map.inputs {
                    let (group, c) = (c / inputs, c % inputs);
                    for o in group * outputs..(group + 1) * outputs {
                        let from = (o * inputs + c) * area;
                        weights.extend(taps.iter().map(|(i, j, _)| weight[from + i * map.kernel[1] + j]));
                    }
                }
                let taps = taps.into_iter().map(|(_, _, shift)| shift).collect();
                phases.push(Phase { remainder: [r0, r1], taps, weights });
            }
        }
        Self { map, winograd: None, phases, border }
    }

    /// The border that derivatives with respect to the results need.
    pub(crate) fn border(&self) -> usize {
        self.border
    }

    /// Computes the derivatives `d` with respect to the images from those with respect to the results, or adds them to
    /// `d` where `add` is set.
    pub(crate) fn run(&self, (delta, at): (&[T], &Image), (d, to): (&mut [T], &Image), add: bool) {
        assert!(at.border >= self.border && self.map.image(to).with_border(at.border) == *at);
        match &self.winograd {
            Some(winograd) => winograd.run((delta, at), (d, to), add, |_, _| {}),
            None => Arch::new().dispatch(Run { reverse: self, delta, at, d, to, add }),
        }
    }
}

impl Convolution {
    /// The taps along one axis that reach pixels of remainder `r` modulo the stride, each with the shift from the
    /// number of the pixel among those of its remainder to the number of the result.
    fn shifts(&self, axis: usize, r: usize) -> Vec<(usize, isize)> {
        let stride = self.stride[axis] as isize;
        let shift = |tap| (r + self.padding[axis]) as isize - (tap * self.dilation[axis]) as isize;
        (0..self.kernel[axis])
            .filter(|&tap| shift(tap).rem_euclid(stride) == 0)
            .map(|tap| (tap, shift(tap).div_euclid(stride)))
            .collect()
    }
}

/// How far shifts reach beyond the results, for every `stride`-th of `pixels` pixels.
fn reach(shifts: &[(usize, isize)], pixels: usize, stride: usize, results: usize) -> usize {
    let last = pixels.div_ceil(stride) as isize - 1;
    let beyond = |&(_, shift): &(usize, isize)| (-shift).max(last + shift - (results as isize - 1));
    shifts.iter().map(beyond).max().unwrap_or(0).max(0) as usize
}

struct Run<'a, T> {
    reverse: &'a Reverse<'a, T>,
    delta: &'a [T],
    at: &'a Image,
    d: &'a mut [T],
    to: &'a Image,
    add: bool,
}

impl<T: Number> WithSimd for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { reverse: Reverse { map, phases, .. }, delta, at, d, to, add } = self;
        let (inputs, outputs) = (map.inputs / map.groups, map.outputs / map.groups);
        for phase in phases {
            let [r0, r1] = phase.remainder;
            let pixels = (to.width - r1).div_ceil(map.stride[1]);
            let taps = outputs * phase.taps.len();
            let least = |axis: usize| phase.taps.iter().map(|t| t[axis]).min().unwrap_or(0);
            let low = [least(0), least(1)];
            let place = |o: usize, t: &[isize; 2]| {
                let (i, j) = ((t[0] - low[0]) as usize, (t[1] - low[1]) as usize);
                o * at.plane::<T>() + i * at.row::<T>() + j * T::LANES
            };
            let offsets: Vec<usize> =
                (0..outputs).flat_map(|o| phase.taps.iter().map(move |t| place(o, t))).collect();
            let block = part(taps.max(1), TAPS);
            for (nth, row) in (r0..to.height).step_by(map.stride[0]).enumerate() {
                for group in 0..map.groups {
                    let d = &mut d[to.line::<T>(group * inputs, row).start + r1 * T::LANES..];
                    if taps == 0 {
                        if !add {
                            clear::<T>(d, (inputs, to.plane::<T>()), (pixels, map.stride[1] * T::LANES));
                        }
                        continue;
                    }
                    let first = at.place::<T>(nth as isize + low[0], low[1]);
                    let delta = &delta[group * outputs * at.plane::<T>() + first..];
                    for from in (0..taps).step_by(block) {
                        let row = Row {
                            weights: &phase.weights[group * inputs * taps + from..],
                            stride: taps,
                            offsets: &offsets[from..(from + block).min(taps)],
                            x: delta,
                            x_step: T::LANES,
                            out_step: map.stride[1] * T::LANES,
                            out_plane: to.plane::<T>(),
                            pixels,
                            outputs: inputs,
                        };
                        match from == 0 && !add {
                            true => row.run::<S, false>(simd, d),
                            false => row.run::<S, true>(simd, d),
                        }
                    }
                }
            }
        }
    }
}

/// Writes zeros to the pixels of a row that no tap reaches.
fn clear<T: Number>(d: &mut [T], (channels, plane): (usize, usize), (pixels, step): (usize, usize)) {
    for channel in 0..channels {
        for pixel in 0..pixels {
            d[channel * plane + pixel * step..][..T::LANES].fill(T::zero());
        }
    }
}
