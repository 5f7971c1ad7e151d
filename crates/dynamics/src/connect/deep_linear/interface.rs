//! One interface of a deep linear network, between two factors, moved to canonical form.

use collado_linalg::{Lu, independent_columns};
use faer::Mat;

use super::factors::Factors;
use crate::Result;

/// Brings one interface to the canonical form, leg by leg, with the product $M=W_2W_1$ fixed: $W_1$ (factor `k`, of
/// which the first q columns count) becomes $\lbrack I;0\rbrack$ and $W_2$ becomes $\lbrack M\;0\rbrack$.
///
/// Every leg moves either $W_2$ inside the affine set $\lbrace W_2: W_2W_1=M\rbrace$, or rows of $W_1$ whose columns
/// of $W_2$ are 0.
pub(super) struct Interface<'a> {
    factors: &'a mut Factors,
    k: usize,
    /// The product M `[p, q]`.
    product: Mat<f64>,
    /// The rows of $W_1$ that carry M; the columns of $W_2$ elsewhere are 0.
    pivots: Vec<usize>,
}

impl<'a> Interface<'a> {
    /// Makes $W_1$ of full column rank and moves $W_2$ to its pivot rows.
    pub(super) fn new(factors: &'a mut Factors, k: usize) -> Result<Self> {
        let q = factors.rank;
        let product = factors.weights[k + 1].as_ref() * factors.weights[k].as_ref().subcols(0, q);
        factors.fill_rank(k)?;
        let rows = factors.weights[k].as_ref().subcols(0, q);
        let pivots = independent_columns(rows.transpose())[..q].to_vec();
        let mut interface = Self { factors, k, product, pivots };
        interface.carry();
        Ok(interface)
    }

    /// Goes through all the legs.
    pub(super) fn settle(mut self) {
        let q = self.product.ncols();
        for i in 0..q {
            self.exchange(i);
        }
        for i in 0..q {
            self.place(i);
        }
        for row in q..self.factors.weights[self.k].nrows() {
            self.factors.weights[self.k].row_mut(row).fill(0.);
        }
        self.factors.record();
    }

    /// Puts $e_i$ into a free row and lets it take the place of the pivot with the largest coefficient of $e_i$.
    /// Pivots before `i` are $e_0..e_{i-1}$ already.
    fn exchange(&mut self, i: usize) {
        let free = if self.pivots.contains(&i) { self.free() } else { i };
        self.set_row(free, i);
        let unit: Vec<f64> = (0..self.pivots.len()).map(|j| f64::from(u8::from(j == i))).collect();
        let coefficients = Lu::new(self.basis().transpose()).solve_vector(&unit);
        let size = |p: usize| coefficients[p].abs();
        let out = (i..self.pivots.len()).fold(i, |best, p| if size(p) > size(best) { p } else { best });
        self.pivots[out] = free;
        self.pivots.swap(i, out);
        self.carry();
    }

    /// Moves $e_i$ to row i.
    fn place(&mut self, i: usize) {
        if self.pivots[i] == i {
            return;
        }
        if let Some(other) = self.pivots.iter().position(|&row| row == i) {
            self.shift(other, self.free());
        }
        self.shift(i, i);
    }

    /// Copies $e_i$ to the free row `to` and moves the column of $W_2$ there.
    fn shift(&mut self, i: usize, to: usize) {
        self.set_row(to, i);
        self.pivots[i] = to;
        self.carry();
    }

    /// A row that is not a pivot; there is one, since the hidden width is larger than q.
    fn free(&self) -> usize {
        let mut rows = (0..self.factors.weights[self.k].nrows()).rev();
        rows.find(|row| !self.pivots.contains(row)).expect("the hidden width is larger than q")
    }

    fn set_row(&mut self, row: usize, unit: usize) {
        let mut row = self.factors.weights[self.k].row_mut(row);
        row.fill(0.);
        row[unit] = 1.;
        self.factors.record();
    }

    /// The pivot rows of $W_1$, `[q, q]`.
    fn basis(&self) -> Mat<f64> {
        let weight = &self.factors.weights[self.k];
        Mat::from_fn(self.pivots.len(), self.pivots.len(), |i, j| weight[(self.pivots[i], j)])
    }

    /// Moves $W_2$ to the unique solution of $W_2W_1=M$ that is supported on the pivots.
    fn carry(&mut self) {
        let columns = Lu::new(self.basis().transpose()).solve(self.product.transpose());
        let next = &mut self.factors.weights[self.k + 1];
        next.fill(0.);
        for (p, &pivot) in self.pivots.iter().enumerate() {
            for i in 0..next.nrows() {
                next[(i, pivot)] = columns[(p, i)];
            }
        }
        self.factors.record();
    }
}
