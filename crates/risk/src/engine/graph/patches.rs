//! The transforms of patches of images to and from minimal filtering, for a row of patches of a channel.

use std::ops::Range;

use pulp::Simd;

use super::{
    image::Image,
    lanes::{Number, load, store},
};

/// The number of places of a transformed patch.
pub(super) const PLACES: usize = 16;

/// The four lines of a channel that a row of patches reads, from some column on; zeros beyond the image.
pub(super) struct Lines<T> {
    lines: [*const T; 4],
    zeros: *const T,
    /// The columns within the image, relative to the first.
    inside: Range<usize>,
    count: usize,
}

impl<T: Number> Lines<T> {
    #[inline(always)]
    pub(super) fn new(
        (x, of): (&[T], &Image),
        channel: usize,
        [row, column]: [isize; 2],
        zeros: &[T],
        count: usize,
    ) -> Self {
        let columns = 2 * count + 2;
        assert!(zeros.len() >= columns * T::LANES && x.len() >= (channel + 1) * of.plane::<T>());
        let clamp = |k: isize| k.clamp(0, columns as isize) as usize;
        let inside = clamp(-column)..clamp(of.width as isize - column);
        let line = |i: isize| match row + i {
            row if row < 0 || row >= of.height as isize => zeros.as_ptr(),
            row => {
                let place = channel * of.plane::<T>() + of.place::<T>(row, 0);
                x.as_ptr().wrapping_add(place).wrapping_offset(column * T::LANES as isize)
            }
        };
        Self { lines: [line(0), line(1), line(2), line(3)], zeros: zeros.as_ptr(), inside, count }
    }

    /// Writes $B^\top dB$ of each patch.
    #[inline(always)]
    pub(super) fn transform<S: Simd>(&self, simd: S, v: &mut [T], plane: usize) {
        for line in 0..4 {
            self.transform_line(simd, line, &mut v[4 * line * plane..], plane);
        }
    }

    /// Writes one line of $B^\top dB$ of each patch.
    #[inline(always)]
    pub(super) fn transform_line<S: Simd>(&self, simd: S, line: usize, v: &mut [T], plane: usize) {
        assert!(v.len() >= 3 * plane + self.count * T::LANES);
        for part in (0..T::LANES).step_by(T::LANES / T::vectors::<S>()) {
            let v = v.as_mut_ptr().wrapping_add(part);
            let [a, b, c, d] = self.lines.map(|line| line.wrapping_add(part));
            // SAFETY: the columns inside the image can be read, and the places were checked.
            unsafe {
                match line {
                    0 => self.line::<S, false>(simd, [a, c], v, plane),
                    1 => self.line::<S, true>(simd, [b, c], v, plane),
                    2 => self.line::<S, false>(simd, [c, b], v, plane),
                    _ => self.line::<S, false>(simd, [b, d], v, plane),
                }
            }
        }
    }

    /// Writes one line of $A\,\delta A^\top$ of each patch, whose δ are in the first two lines.
    #[inline(always)]
    pub(super) fn spread_line<S: Simd>(&self, simd: S, line: usize, d: &mut [T], plane: usize) {
        assert!(d.len() >= 3 * plane + self.count * T::LANES);
        for part in (0..T::LANES).step_by(T::LANES / T::vectors::<S>()) {
            let d = d.as_mut_ptr().wrapping_add(part);
            let [a, b, _, _] = self.lines.map(|line| line.wrapping_add(part));
            let zeros = self.zeros.wrapping_add(part);
            // SAFETY: the columns inside the image can be read, and the places were checked.
            unsafe {
                match line {
                    0 => self.spread::<S, true>(simd, [a, zeros], d, plane),
                    1 => self.spread::<S, true>(simd, [a, b], d, plane),
                    2 => self.spread::<S, false>(simd, [a, b], d, plane),
                    _ => self.spread::<S, false>(simd, [zeros, b], d, plane),
                }
            }
        }
    }

    /// Writes a line of $A\,\delta A^\top$ from the sum or the difference of two lines.
    ///
    /// # Safety
    /// The columns inside can be read, and four planes of a pixel for each patch can be written.
    #[inline(always)]
    unsafe fn spread<S: Simd, const SUM: bool>(
        &self,
        simd: S,
        lines: [*const T; 2],
        d: *mut T,
        plane: usize,
    ) {
        let zero = T::splat(simd, T::zero());
        for patch in 0..self.count {
            let s = self.at::<S, SUM>(simd, lines, 2 * patch);
            let t = self.at::<S, SUM>(simd, lines, 2 * patch + 1);
            // SAFETY: as the caller vouches.
            unsafe {
                let d = d.add(patch * T::LANES);
                store::<S, T>(d, s);
                store::<S, T>(d.add(plane), T::plus(simd, s, t));
                store::<S, T>(d.add(2 * plane), T::minus(simd, s, t));
                store::<S, T>(d.add(3 * plane), T::minus(simd, zero, t));
            }
        }
    }

    /// The sum or the difference of two lines at a column; 0 where that is not inside.
    #[inline(always)]
    fn at<S: Simd, const SUM: bool>(&self, simd: S, lines: [*const T; 2], column: usize) -> T::Vector<S> {
        if !self.inside.contains(&column) {
            return T::splat(simd, T::zero());
        }
        let [a, b] = lines;
        // SAFETY: the column is inside.
        let (a, b) = unsafe {
            (load::<S, T>(a.wrapping_add(column * T::LANES)), load::<S, T>(b.wrapping_add(column * T::LANES)))
        };
        match SUM {
            true => T::plus(simd, a, b),
            false => T::minus(simd, a, b),
        }
    }

    /// Writes a row of $B^\top dB$ from the sum or the difference of two lines.
    ///
    /// # Safety
    /// The columns inside can be read, and four planes of a pixel for each patch can be written.
    #[inline(always)]
    unsafe fn line<S: Simd, const SUM: bool>(&self, simd: S, lines: [*const T; 2], v: *mut T, plane: usize) {
        let (mut s, mut t) = (self.at::<S, SUM>(simd, lines, 0), self.at::<S, SUM>(simd, lines, 1));
        for patch in 0..self.count {
            let u = self.at::<S, SUM>(simd, lines, 2 * patch + 2);
            let w = self.at::<S, SUM>(simd, lines, 2 * patch + 3);
            // SAFETY: as the caller vouches.
            unsafe {
                let v = v.add(patch * T::LANES);
                store::<S, T>(v, T::minus(simd, s, u));
                store::<S, T>(v.add(plane), T::plus(simd, t, u));
                store::<S, T>(v.add(2 * plane), T::minus(simd, u, t));
                store::<S, T>(v.add(3 * plane), T::minus(simd, t, w));
            }
            (s, t) = (u, w);
        }
    }
}

/// Writes $A^\top mA$ of a row of patches to a channel of `y`, or adds it.
#[inline(always)]
pub(super) fn give<S: Simd, T: Number, const ADD: bool>(
    simd: S,
    (m, plane): (&[T], usize),
    (y, to): (&mut [T], &Image),
    channel: usize,
    [row, column]: [usize; 2],
    count: usize,
) {
    assert!(m.len() >= (PLACES - 1) * plane + count * T::LANES);
    let rows = 2.min(to.height - row);
    let y = &mut y[to.line::<T>(channel, row).start + column * T::LANES..];
    let columns = (to.width - column).min(2 * count);
    assert!(columns > 2 * (count - 1) && y.len() >= (rows - 1) * to.row::<T>() + columns * T::LANES);
    for part in (0..T::LANES).step_by(T::LANES / T::vectors::<S>()) {
        for patch in 0..count {
            let both = columns > 2 * patch + 1;
            // SAFETY: the places of all patches are in `m`, and the pixels in the image, as asserted.
            unsafe {
                let m = m.as_ptr().add(patch * T::LANES + part);
                let (a, e) = sums(simd, m, 4 * plane);
                let (b, f) = sums(simd, m.add(plane), 4 * plane);
                let (c, g) = sums(simd, m.add(2 * plane), 4 * plane);
                let (d, h) = sums(simd, m.add(3 * plane), 4 * plane);
                let y = y.as_mut_ptr().add(2 * patch * T::LANES + part);
                write::<S, T, ADD>(simd, y, [a, b, c, d], both);
                if rows > 1 {
                    write::<S, T, ADD>(simd, y.add(to.row::<T>()), [e, f, g, h], both);
                }
            }
        }
    }
}

/// $(a+b+c,\ b-c-d)$ of four numbers that are `step` apart.
///
/// # Safety
/// They can be read.
#[inline(always)]
unsafe fn sums<S: Simd, T: Number>(simd: S, m: *const T, step: usize) -> (T::Vector<S>, T::Vector<S>) {
    // SAFETY: as the caller vouches.
    unsafe {
        let (a, b) = (load::<S, T>(m), load::<S, T>(m.add(step)));
        let (c, d) = (load::<S, T>(m.add(2 * step)), load::<S, T>(m.add(3 * step)));
        (T::plus(simd, a, T::plus(simd, b, c)), T::minus(simd, T::minus(simd, b, c), d))
    }
}

/// Writes or adds $(a+b+c,\ b-c-d)$ to two pixels, or the first alone.
///
/// # Safety
/// They can be written.
#[inline(always)]
unsafe fn write<S: Simd, T: Number, const ADD: bool>(
    simd: S,
    y: *mut T,
    [a, b, c, d]: [T::Vector<S>; 4],
    both: bool,
) {
    let first = T::plus(simd, a, T::plus(simd, b, c));
    let second = T::minus(simd, T::minus(simd, b, c), d);
    // SAFETY: as the caller vouches.
    unsafe {
        store::<S, T>(y, if ADD { T::plus(simd, load::<S, T>(y), first) } else { first });
        if both {
            let y = y.add(T::LANES);
            store::<S, T>(y, if ADD { T::plus(simd, load::<S, T>(y), second) } else { second });
        }
    }
}
