//! The largest numbers of windows, and their reverse, in vector instructions.

use collado_models::Pool;
use pulp::{Simd, WithSimd};

use super::{
    image::Image,
    lanes::{Number, load, store},
};

/// The largest number of examples in a tile.
const MOST: usize = 16;

/// The windows of a pooling from images `of` to images `to`.
#[derive(Clone, Copy)]
pub(super) struct Windows<'a> {
    op: &'a Pool,
    of: &'a Image,
    to: &'a Image,
}

/// A window: the place of its first pixel and that of its result, with its rows and columns.
struct Window {
    first: usize,
    result: usize,
    rows: usize,
    columns: usize,
}

impl<'a> Windows<'a> {
    pub(super) fn new(op: &'a Pool, of: &'a Image, to: &'a Image) -> Self {
        assert!(op.size == of.size() && op.output_size() == to.size() && of.channels == to.channels);
        Self { op, of, to }
    }

    /// Whether every pixel is in exactly one window.
    pub(super) fn hold_each_pixel_once(&self) -> bool {
        let Self { op, of, to } = self;
        op.stride == op.kernel && [0, 1].map(|i| to.size()[i] * op.kernel[i]) == of.size()
    }

    /// Visits all windows. Their pixels are places of a tile of images `of`, their results of one of images `to`.
    #[inline(always)]
    fn each<T: Number>(&self, mut visit: impl FnMut(Window)) {
        let Self { op, of, to } = self;
        for channel in 0..to.channels {
            for row in 0..to.height {
                let [rows, _] = op.window([row, 0]);
                let from = of.line::<T>(channel, rows.start).start;
                let result = to.line::<T>(channel, row).start;
                for column in 0..to.width {
                    let [_, columns] = op.window([row, column]);
                    visit(Window {
                        first: from + columns.start * T::LANES,
                        result: result + column * T::LANES,
                        rows: rows.len(),
                        columns: columns.len(),
                    });
                }
            }
        }
    }
}

/// The largest number of each window of `x`, written to `y`; NaN is passed on, as in PyTorch.
pub(super) struct Largest<'a, T> {
    pub(super) windows: Windows<'a>,
    pub(super) x: &'a [T],
    pub(super) y: &'a mut [T],
}

impl<T: Number> WithSimd for Largest<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { windows, x, y } = self;
        assert!(x.len() >= windows.of.len::<T>() && y.len() >= windows.to.len::<T>(), "images too small");
        let (row, lanes) = (windows.of.row::<T>(), T::LANES / T::vectors::<S>());
        windows.each::<T>(
            #[inline(always)]
            |window| {
                for part in (0..T::LANES).step_by(lanes) {
                    // SAFETY: all pixels and results of windows are in the images.
                    unsafe {
                        let x = x.as_ptr().add(window.first + part);
                        // The usual size as constants, so that the loops are unrolled.
                        let found = match (window.rows, window.columns) {
                            (2, 2) => largest(simd, x, row, [2, 2]),
                            (rows, columns) => largest(simd, x, row, [rows, columns]),
                        };
                        store::<S, T>(y.as_mut_ptr().add(window.result + part), found);
                    }
                }
            },
        );
    }
}

/// The largest numbers of a window that begins at `x`.
///
/// # Safety
/// The pixels of the window, in rows that are `row` apart, can be read.
#[inline(always)]
unsafe fn largest<S: Simd, T: Number>(
    simd: S,
    x: *const T,
    row: usize,
    [rows, columns]: [usize; 2],
) -> T::Vector<S> {
    let mut found = T::splat(simd, T::neg_infinity());
    for r in 0..rows {
        for c in 0..columns {
            // SAFETY: as the caller vouches.
            let x = unsafe { load::<S, T>(x.add(r * row + c * T::LANES)) };
            found = T::larger(simd, found, x);
        }
    }
    found
}

/// The reverse of [`Largest`]: from the derivatives with respect to the results, `g`, those with respect to the pixels,
/// written or with `ADD` added to `d`. Each belongs to the first pixel that is the largest.
pub(super) struct Slopes<'a, T, const ADD: bool> {
    pub(super) windows: Windows<'a>,
    pub(super) x: &'a [T],
    pub(super) y: &'a [T],
    pub(super) g: &'a [T],
    pub(super) d: &'a mut [T],
}

impl<T: Number, const ADD: bool> WithSimd for Slopes<'_, T, ADD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { windows, x, y, g, d } = self;
        let (pixels, results) = (x.len().min(d.len()), y.len().min(g.len()));
        let (of, to) = (windows.of.len::<T>(), windows.to.len::<T>());
        assert!(pixels >= of && results >= to, "images too small");
        let (row, lanes) = (windows.of.row::<T>(), T::LANES / T::vectors::<S>());
        windows.each::<T>(
            #[inline(always)]
            |window| {
                for part in (0..T::LANES).step_by(lanes) {
                    let (first, result) = (window.first + part, window.result + part);
                    // SAFETY: all pixels and results of windows are in the images.
                    unsafe {
                        let pixels = (x.as_ptr().add(first), d.as_mut_ptr().add(first));
                        let result =
                            [load::<S, T>(y.as_ptr().add(result)), load::<S, T>(g.as_ptr().add(result))];
                        match (window.rows, window.columns) {
                            (2, 2) => give::<S, T, ADD>(simd, pixels, result, row, [2, 2]),
                            (rows, columns) => {
                                give::<S, T, ADD>(simd, pixels, result, row, [rows, columns]);
                            }
                        }
                    }
                }
            },
        );
    }
}

/// Gives the derivative `rest` of a window's largest numbers `y` to the first of its pixels `x` that are equal to them.
///
/// # Safety
/// The pixels of the window, in rows that are `row` apart, can be read in `x` and written in `d`.
#[inline(always)]
unsafe fn give<S: Simd, T: Number, const ADD: bool>(
    simd: S,
    (x, d): (*const T, *mut T),
    [y, mut rest]: [T::Vector<S>; 2],
    row: usize,
    [rows, columns]: [usize; 2],
) {
    let (zero, one) = (T::splat(simd, T::zero()), T::splat(simd, T::one()));
    for r in 0..rows {
        for c in 0..columns {
            let at = r * row + c * T::LANES;
            // SAFETY: as the caller vouches.
            unsafe {
                let (x, d) = (load::<S, T>(x.add(at)), d.add(at));
                let mut slope = T::where_equal(simd, x, y, rest, zero);
                if ADD {
                    slope = T::multiply_add(simd, one, slope, load::<S, T>(d));
                }
                store::<S, T>(d, slope);
                rest = T::where_equal(simd, x, y, zero, rest);
            }
        }
    }
}

/// Computes the derivatives of the largest numbers of windows, `out`, along a direction from those of the pixels, `r`: each
/// is that of the first pixel that is the largest.
pub(super) fn along<T: Number>(
    op: &Pool,
    (x, r, of): (&[T], &[T], &Image),
    (y, to): (&[T], &Image),
    out: &mut [T],
) {
    for (channel, row) in (0..to.channels).flat_map(|c| (0..to.height).map(move |r| (c, r))) {
        let line = to.line::<T>(channel, row).start;
        for column in 0..to.width {
            let [rows, columns] = op.window([row, column]);
            let at = line + column * T::LANES;
            let mut is_open = [true; MOST];
            for pixel in rows.flat_map(|r| columns.clone().map(move |c| (r, c))) {
                let from = of.line::<T>(channel, pixel.0).start + pixel.1 * T::LANES;
                for i in 0..T::LANES {
                    if is_open[i] && x[from + i] == y[at + i] {
                        (out[at + i], is_open[i]) = (r[from + i], false);
                    }
                }
            }
        }
    }
}
