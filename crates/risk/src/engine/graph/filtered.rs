//! Which convolutions minimal filtering computes, and the derivatives with respect to their weights: with the transforms of
//! `winograd.rs`,
//!
//! $$
//! \frac{\partial}{\partial g}=G^\top\Big[\sum (A\,\delta A^\top)\odot(B^\top dB)\Big]G,
//! $$
//!
//! where the sum is over patches d of the images and δ of the derivatives with respect to the results.

use pulp::{Arch, Simd, WithSimd};

use super::{
    convolution::Convolution,
    image::Image,
    lanes::{Number, part},
    patches::{Lines, PLACES},
    products::Products,
    winograd::odd_lines,
};
use crate::engine::chain::Pool;

/// The bytes of the L2 cache that a line of the transforms of a block of patches may fill.
const CACHE: usize = 256 << 10;

/// The least number of patches of an image for which sums at each place pay.
const LEAST: usize = 16;

impl Convolution {
    /// Whether minimal filtering computes this map to images `y`.
    pub(super) fn is_filtered(&self, y: &Image) -> bool {
        self.can_be_filtered() && self.filtering_pays(y)
    }

    /// Whether minimal filtering is right for this map.
    pub(super) fn can_be_filtered(&self) -> bool {
        let plain = self.stride == [1, 1] && self.dilation == [1, 1];
        plain && self.kernel == [3, 3] && self.padding.iter().all(|&p| p <= 2)
    }

    /// Whether it takes less time: as measured, the transforms of a patch in all channels take as much as about five products
    /// for each input and each output, and small images fill their patches in part only.
    fn filtering_pays(&self, y: &Image) -> bool {
        let [inputs, outputs] = [self.inputs, self.outputs].map(|n| (n / self.groups) as f64);
        let patches = y.height.div_ceil(2) * y.width.div_ceil(2);
        (PLACES * patches) as f64 * (1. + 5. / inputs + 5. / outputs) < (9 * y.pixels()) as f64
    }

    /// Whether the derivatives with respect to the weights are sums over patches, for results `y`.
    pub(super) fn has_filtered_weights(&self, y: &Image) -> bool {
        self.is_filtered(y) && y.height.div_ceil(2) * y.width.div_ceil(2) >= LEAST
    }

    /// Number of sums over patches.
    pub(super) fn filtered_sums(&self) -> usize {
        PLACES * self.outputs * (self.inputs / self.groups)
    }

    /// Adds the sums over the patches of a tile `x` and of the derivatives `delta` with respect to the results to `sums`
    /// `[place][output][input of the group]`. The borders of the tiles are not used.
    pub(super) fn add_patches<T: Number>(
        &self,
        sums: &mut [T],
        (x, of): (&[T], &Image),
        (delta, at): (&[T], &Image),
        pool: &Pool<T>,
    ) {
        assert!(self.can_be_filtered() && sums.len() == self.filtered_sums(), "{self:?}");
        assert!(self.image(of).with_border(at.border) == *at, "{self:?} {of:?} {at:?}");
        Arch::new().dispatch(Patches { map: self, sums, x, of, delta, at, pool });
    }

    /// Adds the derivatives with respect to the weights, $G^\top sG$ of the sums s, to `weight`.
    pub(super) fn weights_of_sums<T: Number>(&self, sums: &[T], weight: &mut [T]) {
        let (half, count) = (T::of(0.5), self.filtered_sums() / PLACES);
        let line = |a: T, b: T, c: T, d: T| [a + half * (b + c), half * (b - c), half * (b + c) + d];
        for (i, weight) in weight.chunks_exact_mut(9).enumerate() {
            let s = |place: usize| sums[place * count + i];
            let columns = [0, 1, 2, 3].map(|j| line(s(j), s(4 + j), s(8 + j), s(12 + j)));
            for r in 0..3 {
                let row = line(columns[0][r], columns[1][r], columns[2][r], columns[3][r]);
                weight[3 * r..3 * r + 3].iter_mut().zip(row).for_each(|(w, slope)| *w += slope);
            }
        }
    }
}

struct Patches<'a, T> {
    map: &'a Convolution,
    sums: &'a mut [T],
    x: &'a [T],
    of: &'a Image,
    delta: &'a [T],
    at: &'a Image,
    pool: &'a Pool<T>,
}

impl<T: Number> WithSimd for Patches<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { map, sums, x, of, delta, at, pool } = self;
        let (inputs, outputs) = (map.inputs / map.groups, map.outputs / map.groups);
        let [rows, columns] = at.size().map(|n| n.div_ceil(2));
        let most = (CACHE / (4 * (inputs + outputs) * T::LANES * size_of::<T>())).max(columns);
        let high = part(rows, (most / columns).max(1));
        // Odd numbers of cache lines, so that what is written at once has places in the cache.
        let channel = odd_lines::<T>(high * columns);
        let [v_place, d_place] = [inputs, outputs].map(|n| odd_lines::<T>(n * channel / T::LANES));
        let zeros = (2 * columns + 2) * T::LANES;
        let mut work = pool.take(zeros + 4 * (v_place + d_place));
        let (zeros, work) = work.split_at_mut(zeros);
        zeros.fill(T::zero());
        let (v, d) = work.split_at_mut(4 * v_place);
        let offsets: Vec<usize> = (0..inputs).map(|c| c * channel).collect();
        for row in (0..rows).step_by(high) {
            let high = high.min(rows - row);
            for group in 0..map.groups {
                for line in 0..4 {
                    for i in 0..high {
                        let (first, begin) = (2 * (row + i) as isize, i * columns * T::LANES);
                        let [p, q] = map.padding.map(|p| p as isize);
                        for c in 0..inputs {
                            let lines =
                                Lines::new((x, of), group * inputs + c, [first - p, -q], zeros, columns);
                            lines.transform_line(simd, line, &mut v[begin + c * channel..], v_place);
                        }
                        for o in 0..outputs {
                            let lines =
                                Lines::new((delta, at), group * outputs + o, [first, 0], zeros, columns);
                            lines.spread_line(simd, line, &mut d[begin + o * channel..], d_place);
                        }
                    }
                    for j in 0..4 {
                        let products = Products {
                            delta: &d[j * d_place..][..d_place],
                            plane: channel,
                            x: &v[j * v_place..][..v_place],
                            offsets: &offsets,
                            delta_row: 0,
                            x_row: 0,
                            x_step: T::LANES,
                            rows: 1,
                            pixels: high * columns,
                            outputs,
                        };
                        let from = ((4 * line + j) * map.outputs + group * outputs) * inputs;
                        products.run(simd, &mut sums[from..], inputs);
                    }
                }
            }
        }
    }
}
