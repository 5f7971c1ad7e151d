//! Convolutions of tiles of images, and their derivatives with respect to images and weights.

use pulp::{Arch, Simd, WithSimd};

use super::{
    image::Image,
    lanes::{Number, part},
    outer,
    products::Products,
    rows::{Row, TAPS},
};

/// What is fixed about a convolution. Each pair is of rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Convolution {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// The number of groups that channels are divided into; each output reads the inputs of its own group.
    pub(crate) groups: usize,
}

/// The bytes of the L1 cache that rows may fill.
const CACHE: usize = 24 << 10;

impl Convolution {
    /// The map of all values of images to features, as a convolution with one pixel.
    pub(crate) fn dense(x: &Image, outputs: usize) -> Self {
        Self {
            inputs: x.channels,
            outputs,
            kernel: [x.height, x.width],
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
        }
    }

    /// The images that come out for images `x`.
    pub(crate) fn image(&self, x: &Image) -> Image {
        let size = |i: usize, n: usize| {
            (n + 2 * self.padding[i] - self.dilation[i] * (self.kernel[i] - 1) - 1) / self.stride[i] + 1
        };
        Image::new(self.outputs, size(0, x.height), size(1, x.width))
    }

    /// The border that `x` needs to be read from.
    pub(crate) fn border(&self) -> usize {
        self.padding[0].max(self.padding[1])
    }

    /// Number of taps of one channel.
    fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether every result is of all numbers of an image, which follow one another.
    pub(super) fn is_dense(&self, x: &Image) -> bool {
        let whole = self.kernel == [x.height, x.width] && self.dilation == [1, 1];
        whole && x.border == 0 && self.padding == [0, 0] && self.groups == 1
    }

    /// Numbers of input and output channels of a group.
    fn group(&self) -> (usize, usize) {
        (self.inputs / self.groups, self.outputs / self.groups)
    }

    /// The place of every tap of a group's channels, relative to the place of the tap at row 0 and column 0.
    fn offsets<T: Number>(&self, x: &Image) -> Vec<usize> {
        let [d0, d1] = self.dilation;
        let mut offsets = Vec::with_capacity(self.group().0 * self.area());
        for c in 0..self.group().0 {
            for i in 0..self.kernel[0] {
                let row = c * x.plane::<T>() + i * d0 * x.row::<T>();
                offsets.extend((0..self.kernel[1]).map(|j| row + j * d1 * T::LANES));
            }
        }
        offsets
    }

    /// The place of the first tap for the first pixel of a row of results, in the first channel of `x`.
    fn first<T: Number>(&self, x: &Image, row: usize) -> usize {
        x.place::<T>((row * self.stride[0]) as isize - self.padding[0] as isize, -(self.padding[1] as isize))
    }

    /// Computes the convolution of a tile `x` with `weight` `[outputs][inputs / groups][rows][columns]`. `finish` is
    /// called after every row with the results and the number of the row, while the row is in cache.
    pub(crate) fn forward<T: Number>(
        &self,
        weight: &[T],
        (x, of): (&[T], &Image),
        (y, to): (&mut [T], &Image),
        finish: impl FnMut(&mut [T], usize),
    ) {
        assert!(
            of.border >= self.border() && self.image(of).with_border(to.border) == *to,
            "{self:?} {of:?} {to:?}"
        );
        Arch::new().dispatch(Forward { map: self, weight, x, of, y, to, finish });
    }

    /// Adds the derivatives with respect to the weights to `weight`, for a tile `x` and the derivatives `delta` with
    /// respect to the results.
    pub(crate) fn weights<T: Number>(
        &self,
        weight: &mut [T],
        (x, of): (&[T], &Image),
        (delta, at): (&[T], &Image),
    ) {
        assert!(
            of.border >= self.border() && self.image(of).with_border(at.border) == *at,
            "{self:?} {of:?} {at:?}"
        );
        Arch::new().dispatch(Weights { map: self, weight, x, of, delta, at });
    }
}

struct Forward<'a, T, F> {
    map: &'a Convolution,
    weight: &'a [T],
    x: &'a [T],
    of: &'a Image,
    y: &'a mut [T],
    to: &'a Image,
    finish: F,
}

impl<T: Number, F: FnMut(&mut [T], usize)> WithSimd for Forward<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { map, weight, x, of, y, to, mut finish } = self;
        let (inputs, outputs) = map.group();
        let offsets = map.offsets::<T>(of);
        let stride = inputs * map.area();
        let block = part(stride, TAPS);
        for row in 0..to.height {
            let first = map.first::<T>(of, row);
            for group in 0..map.groups {
                let line = to.line::<T>(group * outputs, row).start;
                let y = &mut y[line..];
                let x = &x[group * inputs * of.plane::<T>() + first..];
                let weight = &weight[group * outputs * stride..];
                for from in (0..stride).step_by(block) {
                    let row = Row {
                        weights: &weight[from..],
                        stride,
                        offsets: &offsets[from..(from + block).min(stride)],
                        x,
                        x_step: map.stride[1] * T::LANES,
                        out_step: T::LANES,
                        out_plane: to.plane::<T>(),
                        pixels: to.width,
                        outputs,
                    };
                    match from {
                        0 => row.run::<S, false>(simd, y),
                        _ => row.run::<S, true>(simd, y),
                    }
                }
            }
            finish(y, row);
        }
    }
}

struct Weights<'a, T> {
    map: &'a Convolution,
    weight: &'a mut [T],
    x: &'a [T],
    of: &'a Image,
    delta: &'a [T],
    at: &'a Image,
}

impl<T: Number> WithSimd for Weights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { map, weight, x, of, delta, at } = self;
        let (inputs, outputs) = map.group();
        let mut offsets = map.offsets::<T>(of);
        let stride = inputs * map.area();
        let mut weight = weight;
        if map.is_dense(of) && at.border == 0 {
            let done = outer::add(simd, weight, x, (delta, outputs), stride);
            if done == stride {
                return;
            }
            offsets.drain(..done);
            weight = &mut weight[done..];
        }
        // As many rows as fit into the L1 cache with four outputs and one input.
        let bytes = size_of::<T>() * (4 * at.row::<T>() + map.stride[0] * of.row::<T>());
        let rows = (CACHE / bytes).clamp(1, at.height);
        for row in (0..at.height).step_by(rows) {
            let first = map.first::<T>(of, row);
            for group in 0..map.groups {
                let products = Products {
                    delta: &delta[at.line::<T>(group * outputs, row).start..],
                    plane: at.plane::<T>(),
                    x: &x[group * inputs * of.plane::<T>() + first..],
                    offsets: &offsets,
                    delta_row: at.row::<T>(),
                    x_row: map.stride[0] * of.row::<T>(),
                    x_step: map.stride[1] * T::LANES,
                    rows: rows.min(at.height - row),
                    pixels: at.width,
                    outputs,
                };
                products.run(simd, &mut weight[group * outputs * stride..], stride);
            }
        }
    }
}
