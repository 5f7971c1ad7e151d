//! The inner loop of the weights' derivatives: sums over pixels. As for results, the sums of a block stay in registers.
// Several arrays are indexed by the same constants or lanes.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::lanes::{Number, load, part};

/// The numbers of outputs and of taps in a block.
const OUTPUTS: usize = 4;
const TAPS: usize = 3;

/// Rows of two images whose products are summed: $w_{ok}\mathrel{+}=\sum_jd_o(j)\,x(j+\text{offset}_k)$.
pub(super) struct Products<'a, T> {
    /// The derivatives; those of output o start at `o * plane`.
    pub(super) delta: &'a [T],
    pub(super) plane: usize,
    pub(super) x: &'a [T],
    pub(super) offsets: &'a [usize],
    /// Distances between rows in `delta` and `x`.
    pub(super) delta_row: usize,
    pub(super) x_row: usize,
    /// Distance between consecutive pixels in `x`; in `delta` they follow one another.
    pub(super) x_step: usize,
    pub(super) rows: usize,
    pub(super) pixels: usize,
    pub(super) outputs: usize,
}

impl<T: Number> Products<'_, T> {
    /// Adds the sums to `weights`, where those of output o start at `o * stride`.
    #[inline(always)]
    pub(super) fn run<S: Simd>(&self, simd: S, weights: &mut [T], stride: usize) {
        let taps = self.offsets.len();
        let far = self.offsets.iter().copied().max().unwrap_or(0);
        let last = (self.rows - 1) * self.x_row + (self.pixels - 1) * self.x_step + T::LANES;
        assert!(far + last <= self.x.len(), "a tap beyond the image");
        let end = (self.outputs - 1) * self.plane + (self.rows - 1) * self.delta_row;
        assert!(end + self.pixels * T::LANES <= self.delta.len(), "too few derivatives");
        assert!((self.outputs - 1) * stride + taps <= weights.len(), "too few weights");
        let mut output = 0;
        while output < self.outputs {
            let height = part(self.outputs - output, OUTPUTS);
            let mut tap = 0;
            while tap < taps {
                let width = part(taps - tap, TAPS);
                let weights = &mut weights[output * stride + tap..];
                // SAFETY: all places that a block reads are in bounds, as asserted for all outputs and taps.
                unsafe { self.choose(simd, (tap, width), (output, height), weights, stride) };
                tap += width;
            }
            output += height;
        }
    }

    /// # Safety
    /// The taps and outputs are some of those whose bounds are checked.
    #[inline(always)]
    unsafe fn choose<S: Simd>(
        &self,
        simd: S,
        (tap, width): (usize, usize),
        (output, height): (usize, usize),
        weights: &mut [T],
        stride: usize,
    ) {
        macro_rules! choose {
            ($($w:literal: $($h:literal)*);*) => {
                match (width, height) {
                    // SAFETY: the same obligations.
                    $($(($w, $h) => unsafe { self.block::<S, $w, $h>(simd, tap, output, weights, stride) },)*)*
                    _ => unreachable!("blocks have at most 3 x 4 vectors"),
                }
            };
        }
        choose!(1: 1 2 3 4; 2: 1 2 3 4; 3: 1 2 3 4);
    }

    /// # Safety
    /// The taps and outputs are some of those whose bounds are checked.
    #[inline(always)]
    unsafe fn block<S: Simd, const K: usize, const O: usize>(
        &self,
        simd: S,
        tap: usize,
        output: usize,
        weights: &mut [T],
        stride: usize,
    ) {
        let each = T::vectors::<S>();
        let lanes = T::LANES / each;
        let mut sums = [[T::splat(simd, T::zero()); K]; O];
        // SAFETY: the caller vouches for the bounds of all places.
        unsafe {
            let mut row = 0;
            while row < self.rows {
                let (mut x, mut delta) = ([self.x.as_ptr(); K], [self.delta.as_ptr(); O]);
                for k in 0..K {
                    x[k] = x[k].add(self.offsets[tap + k] + row * self.x_row);
                }
                for o in 0..O {
                    delta[o] = delta[o].add((output + o) * self.plane + row * self.delta_row);
                }
                let mut pixel = 0;
                while pixel < self.pixels {
                    let mut part = 0;
                    while part < each {
                        let (at, d) = (pixel * self.x_step + part * lanes, pixel * T::LANES + part * lanes);
                        let mut line = [sums[0][0]; K];
                        for k in 0..K {
                            line[k] = load::<S, T>(x[k].add(at));
                        }
                        for o in 0..O {
                            let delta = load::<S, T>(delta[o].add(d));
                            for k in 0..K {
                                sums[o][k] = T::multiply_add(simd, delta, line[k], sums[o][k]);
                            }
                        }
                        part += 1;
                    }
                    pixel += 1;
                }
                row += 1;
            }
        }
        for o in 0..O {
            for k in 0..K {
                weights[o * stride + k] += T::reduce(simd, sums[o][k]);
            }
        }
    }
}
