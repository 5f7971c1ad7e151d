//! Matrix products on strided views, by the `gemm` crate (AVX2 and AVX-512 kernels chosen at run time).

use std::marker::PhantomData;

use collado_models::Real;

/// A strided `[rows, cols]` view.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Mat<'a, T> {
    data: *const T,
    rows: usize,
    cols: usize,
    strides: (isize, isize),
    life: PhantomData<&'a [T]>,
}

// SAFETY: a view is a shared slice with strides, and shared slices of `Sync` numbers may go to other threads.
unsafe impl<T: Sync> Send for Mat<'_, T> {}
// SAFETY: the same; nothing is written through it.
unsafe impl<T: Sync> Sync for Mat<'_, T> {}

impl<'a, T: Real> Mat<'a, T> {
    /// A row-major view of the first `rows * cols` elements.
    pub(in crate::engine) fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        assert!(rows * cols <= data.len(), "a {rows}x{cols} view of {} elements", data.len());
        Self { data: data.as_ptr(), rows, cols, strides: (cols as isize, 1), life: PhantomData }
    }

    /// The transposed view.
    pub(in crate::engine) fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, strides: (self.strides.1, self.strides.0), ..self }
    }

    /// The numbers of rows and columns.
    pub(in crate::engine) fn size(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Row `i` of a view whose rows are contiguous.
    #[inline(always)]
    pub(in crate::engine) fn row(self, i: usize) -> &'a [T] {
        assert!(self.strides.1 == 1 && i < self.rows);
        // SAFETY: row `i` is one of the view's own, which lie in the slice it was made of and live as long.
        unsafe { std::slice::from_raw_parts(self.data.offset(i as isize * self.strides.0), self.cols) }
    }

    /// The rows of a view whose rows are contiguous, as slices.
    #[inline(always)]
    pub(in crate::engine) fn each_row(self) -> impl Iterator<Item = &'a [T]> {
        (0..self.rows).map(move |i| self.row(i))
    }

    /// The columns `from..to`.
    pub(in crate::engine) fn columns(self, from: usize, to: usize) -> Self {
        self.t().part(from, to).t()
    }

    /// The rows `from..to`.
    pub(in crate::engine) fn part(self, from: usize, to: usize) -> Self {
        assert!(from <= to && to <= self.rows);
        // In bounds, if there is a row: the view's own elements, checked when it was made.
        let data = self.data.wrapping_offset(self.strides.0 * from as isize);
        Self { data, rows: to - from, ..self }
    }
}

/// A strided `[rows, cols]` view that is written to; every row is contiguous.
pub(in crate::engine) struct MatMut<'a, T> {
    data: *mut T,
    rows: usize,
    cols: usize,
    row_stride: usize,
    life: PhantomData<&'a mut [T]>,
}

// SAFETY: a view is an exclusive slice with strides, and exclusive slices of `Send` numbers may go to other threads.
unsafe impl<T: Send> Send for MatMut<'_, T> {}
// SAFETY: through `&MatMut` numbers are only read.
unsafe impl<T: Sync> Sync for MatMut<'_, T> {}

impl<'a, T: Real> MatMut<'a, T> {
    /// A row-major view of the first `rows * cols` elements.
    pub(in crate::engine) fn new(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        assert!(rows * cols <= data.len(), "a {rows}x{cols} view of {} elements", data.len());
        Self { data: data.as_mut_ptr(), rows, cols, row_stride: cols, life: PhantomData }
    }

    /// Disjoint views of `width` columns each (the last may be narrower), with their first column.
    pub(in crate::engine) fn split_columns(self, width: usize) -> impl Iterator<Item = (usize, Self)> {
        (0..self.cols).step_by(width).map(move |from| {
            let cols = width.min(self.cols - from);
            // Disjoint from the other views, each owns its columns; in bounds, if there is a row.
            let data = self.data.wrapping_add(from);
            (from, Self { data, cols, ..self })
        })
    }

    /// Disjoint views of `height` rows and `width` columns (the last ones may be smaller), with their first row and
    /// column.
    pub(in crate::engine) fn blocks(
        self,
        height: usize,
        width: usize,
    ) -> impl Iterator<Item = (usize, usize, Self)> {
        (0..self.rows).step_by(height).flat_map(move |row| {
            let rows = height.min(self.rows - row);
            // Disjoint from the other views, each owns its rows; in bounds.
            let data = self.data.wrapping_add(row * self.row_stride);
            let band = MatMut { data, rows, life: PhantomData, ..self };
            band.split_columns(width).map(move |(column, block)| (row, column, block))
        })
    }

    /// Splits the view into the rows `..at` and the other rows.
    pub(in crate::engine) fn split_rows(&mut self, at: usize) -> (MatMut<'_, T>, MatMut<'_, T>) {
        assert!(at <= self.rows);
        let upper = MatMut { rows: at, life: PhantomData, ..*self };
        // SAFETY: `at` is at most the number of rows: inside the slice, or just behind it.
        let data = unsafe { self.data.add(at * self.row_stride) };
        (upper, MatMut { data, rows: self.rows - at, life: PhantomData, ..*self })
    }

    /// The given rows.
    pub(in crate::engine) fn rows_mut(&mut self, rows: std::ops::Range<usize>) -> MatMut<'_, T> {
        assert!(rows.start <= rows.end && rows.end <= self.rows);
        // SAFETY: `rows.start` is at most the number of rows: inside the slice, or just behind it.
        let data = unsafe { self.data.add(rows.start * self.row_stride) };
        MatMut { data, rows: rows.len(), life: PhantomData, ..*self }
    }

    /// The given rows, for reading.
    pub(in crate::engine) fn rows(&self, rows: std::ops::Range<usize>) -> Mat<'_, T> {
        assert!(rows.start <= rows.end && rows.end <= self.rows);
        // SAFETY: `rows.start` is at most the number of rows: inside the slice, or just behind it.
        let data = unsafe { self.data.add(rows.start * self.row_stride) };
        let strides = (self.row_stride as isize, 1);
        Mat { data, rows: rows.len(), cols: self.cols, strides, life: PhantomData }
    }

    /// Number of columns.
    pub(in crate::engine) fn cols(&self) -> usize {
        self.cols
    }

    /// Number of rows.
    pub(in crate::engine) fn count(&self) -> usize {
        self.rows
    }

    /// The first `rows` rows of a view without gaps.
    pub(in crate::engine) fn as_slice_mut(&mut self, rows: usize) -> &mut [T] {
        assert!(rows <= self.rows && self.row_stride == self.cols);
        // SAFETY: the first rows of a view without gaps lie in its slice one after the other, and `self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.data, rows * self.cols) }
    }

    /// Row `i`.
    #[inline(always)]
    pub(in crate::engine) fn row_mut(&mut self, i: usize) -> &mut [T] {
        assert!(i < self.rows);
        // SAFETY: row `i` is one of the view's own, and `self` is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(i * self.row_stride), self.cols) }
    }

    /// The rows as slices.
    #[inline(always)]
    pub(in crate::engine) fn each_row(&mut self) -> impl Iterator<Item = &mut [T]> {
        (0..self.rows).map(|i| {
            // SAFETY: the view's own rows, which do not overlap, each given out once while `self` is exclusive.
            unsafe { std::slice::from_raw_parts_mut(self.data.add(i * self.row_stride), self.cols) }
        })
    }

    /// Computes `self = keep self + a b`. Previous elements are ignored when `keep` is 0, even if they are NaN.
    pub(in crate::engine) fn product(&mut self, a: Mat<'_, T>, b: Mat<'_, T>, keep: T) {
        assert_eq!((self.rows, self.cols, a.cols), (a.rows, b.cols, b.rows), "matrix product");
        if self.rows == 0 || self.cols == 0 {
            return;
        }
        // SAFETY: sizes fit together as asserted, all elements of the three views lie in their slices, and `self`,
        // which alone is written to, is exclusive.
        unsafe {
            gemm::gemm(
                self.rows,
                self.cols,
                a.cols,
                self.data,
                1,
                self.row_stride as isize,
                keep != T::zero(),
                a.data,
                a.strides.1,
                a.strides.0,
                b.data,
                b.strides.1,
                b.strides.0,
                keep,
                T::one(),
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_match_triple_loops() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 64, 33), (64, 10, 100)] {
            let a: Vec<f64> = (0..m * k).map(|i| (i % 13) as f64 - 6.).collect();
            let b: Vec<f64> = (0..n * k).map(|i| (i % 7) as f64 - 3.).collect();
            let mut c = vec![1.; m * n];
            for (from, mut block) in MatMut::new(&mut c, m, n).split_columns(4) {
                let to = (from + 4).min(n);
                block.product(Mat::new(&a, m, k), Mat::new(&b, n, k).t().columns(from, to), 1.);
            }
            for i in 0..m {
                for j in 0..n {
                    let dot: f64 = (0..k).map(|l| a[i * k + l] * b[j * k + l]).sum();
                    assert_eq!(c[i * n + j], 1. + dot);
                }
            }
        }
    }
}
