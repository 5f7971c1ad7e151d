//! Symmetric linear operators that are given by their products with vectors.

mod difference;
mod explicit;

use candle_core::{DType, Device, Tensor};
use collado_risk::{CurvatureForm, CurvaturePoint, ExactCurvature};
use faer::Mat;

pub use self::{difference::CentralDifference, explicit::explicit};
use crate::{Error, Result};

/// A symmetric matrix $A\in\mathbb R^{S\times S}$ that is given by its products with vectors.
pub trait LinearOperator: Sync {
    /// The number S of rows and columns.
    fn size(&self) -> usize;

    /// Writes $Av$ for the rows v of `vectors` `[B, S]` over `out` `[B, S]`.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    fn apply(&self, vectors: &[f64], out: &mut [f64]) -> Result<()>;
}

/// Hessian, Gauss–Newton or empirical Fisher matrix of a dense network at one point, exact and on all examples
/// (see [`ExactCurvature`]).
#[derive(Debug)]
pub struct Curvature<'a> {
    of: &'a ExactCurvature,
    form: CurvatureForm,
    point: CurvaturePoint,
}

impl<'a> Curvature<'a> {
    /// The matrix `form` at the point `theta` `[S]`.
    ///
    /// # Errors
    /// When the sizes do not fit together.
    pub fn new(of: &'a ExactCurvature, form: CurvatureForm, theta: &Tensor) -> Result<Self> {
        let theta = theta.flatten_all()?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1()?;
        Ok(Self { of, form, point: of.at(theta)? })
    }
}

impl LinearOperator for Curvature<'_> {
    fn size(&self) -> usize {
        self.of.size()
    }

    fn apply(&self, vectors: &[f64], out: &mut [f64]) -> Result<()> {
        Ok(self.of.apply(self.form, &self.point, vectors, out)?)
    }
}

/// A dense matrix as an operator; it has to be symmetric.
impl LinearOperator for Mat<f64> {
    fn size(&self) -> usize {
        self.nrows()
    }

    fn apply(&self, vectors: &[f64], out: &mut [f64]) -> Result<()> {
        let s = self.nrows();
        if vectors.len() != out.len() || s == 0 || !vectors.len().is_multiple_of(s) || self.ncols() != s {
            return Err(Error::mismatch("vectors", format!("a multiple of {s}"), vectors.len()));
        }
        let block = faer::MatRef::from_column_major_slice(vectors, s, vectors.len() / s);
        let product = self * block;
        for (out, column) in out.chunks_exact_mut(s).zip(product.col_iter()) {
            out.iter_mut().zip(column.iter()).for_each(|(out, x)| *out = *x);
        }
        Ok(())
    }
}
