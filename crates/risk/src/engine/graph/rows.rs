//! The inner loop of convolutions: sums over taps. The sums of a block of results stay in registers, which works only
//! where they are indexed by constants.
// Several arrays are indexed by the same constants or lanes.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::lanes::{Number, load, part, store, wide};

/// A row of results $\mathrm{out}_o(j)=\sum_kw_{ok}\,x(j+\text{offset}_k)$.
pub(super) struct Row<'a, T> {
    /// The weights; those of output o start at `o * stride`, one for each offset.
    pub(super) weights: &'a [T],
    pub(super) stride: usize,
    /// The places of the taps relative to the place of a pixel.
    pub(super) offsets: &'a [usize],
    pub(super) x: &'a [T],
    /// Distance between the places of consecutive pixels in `x`.
    pub(super) x_step: usize,
    /// Distance between consecutive pixels, and between outputs, in the results.
    pub(super) out_step: usize,
    pub(super) out_plane: usize,
    pub(super) pixels: usize,
    pub(super) outputs: usize,
}

/// The largest number of taps whose sums are taken at a time: the pixels that they read fill half of an L1 cache.
pub(super) const TAPS: usize = 256;

/// The number of outputs in a block. With 2 vectors of 32 bytes, or 4 of 64 bytes, the sums of a block and what is
/// multiplied need 15 of 16, or 29 of 32 registers. (Blocks of 4 outputs and 3 vectors of 32 bytes would need all 16, and
/// the compiler then keeps some in memory: they take twice the time.)
const OUTPUTS: usize = 6;

impl<T: Number> Row<'_, T> {
    /// Writes the sums to `out`, or adds them to it.
    #[inline(always)]
    pub(super) fn run<S: Simd, const ADD: bool>(&self, simd: S, out: &mut [T]) {
        let last = (self.pixels - 1) * self.x_step + T::LANES;
        let taps = self.offsets.len();
        let far = self.offsets.iter().copied().max().unwrap_or(0);
        assert!(far + last <= self.x.len(), "a tap beyond the image");
        assert!((self.outputs - 1) * self.stride + taps <= self.weights.len(), "too few weights");
        let end = (self.outputs - 1) * self.out_plane + (self.pixels - 1) * self.out_step + T::LANES;
        assert!(end <= out.len(), "too few results");
        let vectors = self.pixels * T::vectors::<S>();
        let most = if wide::<S, T>() { 4 } else { 2 };
        let mut from = 0;
        while from < vectors {
            let width = part(vectors - from, most);
            let mut output = 0;
            while output < self.outputs {
                let height = part(self.outputs - output, OUTPUTS);
                // SAFETY: all places that a block reads and writes are in bounds, as asserted for the whole row.
                unsafe { self.choose::<S, ADD>(simd, (from, width), (output, height), out) };
                output += height;
            }
            from += width;
        }
    }

    /// # Safety
    /// The vectors and outputs are some of the row's, and the row's bounds are checked.
    #[inline(always)]
    unsafe fn choose<S: Simd, const ADD: bool>(
        &self,
        simd: S,
        (from, width): (usize, usize),
        (output, height): (usize, usize),
        out: &mut [T],
    ) {
        macro_rules! choose {
            ($($w:literal: $($h:literal)*);*) => {
                match (width, height) {
                    // SAFETY: the same obligations.
                    $($(($w, $h) => unsafe { self.block::<S, ADD, $w, $h>(simd, from, output, out) },)*)*
                    _ => unreachable!("larger blocks are not made"),
                }
            };
        }
        if wide::<S, T>() {
            choose!(1: 1 2 3 4 5 6; 2: 1 2 3 4 5 6; 3: 1 2 3 4 5 6; 4: 1 2 3 4 5 6);
        } else {
            choose!(1: 1 2 3 4 5 6; 2: 1 2 3 4 5 6);
        }
    }

    /// # Safety
    /// The vectors and outputs are some of the row's, and the row's bounds are checked.
    #[inline(always)]
    unsafe fn block<S: Simd, const ADD: bool, const P: usize, const O: usize>(
        &self,
        simd: S,
        from: usize,
        output: usize,
        out: &mut [T],
    ) {
        let each = T::vectors::<S>();
        let lanes = T::LANES / each;
        let place = |p: usize, step: usize| (from + p) / each * step + (from + p) % each * lanes;
        // SAFETY: the caller vouches for the bounds of all places.
        unsafe {
            // Plain loops: what the compiler does not inline here would put the sums into memory.
            let (mut x, mut to) = ([self.x.as_ptr(); P], [out.as_mut_ptr(); P]);
            for p in 0..P {
                x[p] = x[p].add(place(p, self.x_step));
                to[p] = to[p].add(output * self.out_plane + place(p, self.out_step));
            }
            let mut weights = [self.weights.as_ptr(); O];
            for o in 0..O {
                weights[o] = weights[o].add((output + o) * self.stride);
            }
            let mut sums = [[T::splat(simd, T::zero()); P]; O];
            if ADD {
                for o in 0..O {
                    for p in 0..P {
                        sums[o][p] = load::<S, T>(to[p].add(o * self.out_plane));
                    }
                }
            }
            let (offsets, taps) = (self.offsets.as_ptr(), self.offsets.len());
            let mut k = 0;
            while k < taps {
                let offset = *offsets.add(k);
                let mut row = [sums[0][0]; P];
                for p in 0..P {
                    row[p] = load::<S, T>(x[p].add(offset));
                }
                for o in 0..O {
                    let w = T::splat(simd, *weights[o].add(k));
                    for p in 0..P {
                        sums[o][p] = T::multiply_add(simd, w, row[p], sums[o][p]);
                    }
                }
                k += 1;
            }
            for o in 0..O {
                for p in 0..P {
                    store::<S, T>(to[p].add(o * self.out_plane), sums[o][p]);
                }
            }
        }
    }
}
