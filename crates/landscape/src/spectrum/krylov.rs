//! Krylov spaces by Lanczos' recurrence with full reorthogonalisation and thick restarts (Wu, Simon 2000).

use collado_linalg::symmetric_eigen;
use faer::Mat;

use super::basis::{combine, normalize, orthogonalize, slices};
use crate::{Error, LinearOperator, Result};

/// A space counts as invariant if the norm of what leads out of it, divided by the largest |λ|, is below this, the
/// rounding of products.
const INVARIANT: f64 = 1e-13;

/// Eigenpairs of an operator on a Krylov space.
pub(super) struct Pairs {
    /// The eigenvalues, ascending.
    pub(super) values: Vec<f64>,
    /// The eigenvectors as columns, in the basis of the space.
    pub(super) vectors: Mat<f64>,
    /// The norm of what leads out of the space.
    beta: f64,
}

impl Pairs {
    /// The norm of $Av-\lambda v$ of the i-th pair, as computed from the recurrence.
    pub(super) fn residual(&self, i: usize) -> f64 {
        self.beta * self.vectors[(self.values.len() - 1, i)].abs()
    }

    /// The largest |λ|.
    pub(super) fn size(&self) -> f64 {
        self.values.iter().fold(0., |m, v| v.abs().max(m))
    }
}

/// An orthonormal basis of a Krylov space, and the operator on it. The operator is A without the components along
/// `deflated`, which are orthonormal.
pub(super) struct Krylov<'a> {
    deflated: &'a [Vec<f64>],
    basis: Vec<Vec<f64>>,
    /// Column j of the operator on the basis, down to its diagonal.
    columns: Vec<Vec<f64>>,
    next: Vec<f64>,
    beta: f64,
    largest: f64,
    /// The squared norm of the start without its components along `deflated`.
    pub(super) start: f64,
}

impl<'a> Krylov<'a> {
    /// The space spanned by one vector; `size` is the known lower bound of the largest |λ|.
    pub(super) fn new(mut start: Vec<f64>, deflated: &'a [Vec<f64>], size: f64) -> Self {
        orthogonalize(&mut start, &slices(deflated));
        let norm = normalize(&mut start);
        let (basis, columns) = (Vec::new(), Vec::new());
        Self { deflated, basis, columns, next: start, beta: norm, largest: size, start: norm * norm }
    }

    /// Takes one product and adds one basis vector.
    pub(super) fn step(&mut self, operator: &dyn LinearOperator) -> Result<()> {
        let mut product = vec![0.; self.next.len()];
        operator.apply(&self.next, &mut product)?;
        self.basis.push(std::mem::take(&mut self.next));
        let all = [slices(self.deflated), slices(&self.basis)].concat();
        let mut taken = orthogonalize(&mut product, &all);
        let column = taken.coefficients.split_off(self.deflated.len());
        let norm = normalize(&mut product);
        self.beta = if taken.dependent { 0. } else { norm };
        if !self.beta.is_finite() || column.iter().any(|x| !x.is_finite()) {
            return Err(Error::NotFinite("a product of the operator"));
        }
        self.largest = column.iter().fold(self.largest.max(self.beta), |m, x| m.max(x.abs()));
        self.columns.push(column);
        self.next = product;
        Ok(())
    }

    /// Whether the space is mapped into itself, up to rounding.
    pub(super) fn is_invariant(&self) -> bool {
        self.beta <= INVARIANT * self.largest || self.is_complete()
    }

    /// Whether the space, together with the deflated vectors, is the whole space.
    pub(super) fn is_complete(&self) -> bool {
        self.deflated.len() + self.basis.len() >= self.next.len()
    }

    /// The dimension of the space.
    pub(super) fn len(&self) -> usize {
        self.basis.len()
    }

    /// The last column of the operator on the basis, and the norm of what leads out of the space.
    pub(super) fn last(&self) -> (&[f64], f64) {
        (self.columns.last().expect("a step was taken").as_slice(), self.beta)
    }

    /// The eigenpairs of the operator on the space.
    pub(super) fn pairs(&self) -> Result<Pairs> {
        let n = self.columns.len();
        let matrix = Mat::from_fn(n, n, |i, j| self.columns[i.max(j)][i.min(j)]);
        let eigen = symmetric_eigen(matrix.as_ref()).map_err(|_| Error::Eigen(n))?;
        Ok(Pairs { values: eigen.values, vectors: eigen.vectors, beta: self.beta })
    }

    /// Shrinks the space to the pairs `keep`; the next step goes on from where it was.
    pub(super) fn restart(&mut self, pairs: &Pairs, keep: &[usize]) {
        combine(&mut self.basis, &pairs.vectors, keep);
        let diagonal = |(j, &i): (usize, &usize)| [vec![0.; j], vec![pairs.values[i]]].concat();
        self.columns = keep.iter().enumerate().map(diagonal).collect();
    }

    /// The vectors of the pairs `keep`.
    pub(super) fn into_vectors(mut self, pairs: &Pairs, keep: &[usize]) -> Vec<Vec<f64>> {
        combine(&mut self.basis, &pairs.vectors, keep);
        self.basis
    }
}
