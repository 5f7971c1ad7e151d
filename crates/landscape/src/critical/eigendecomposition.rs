//! The eigendecomposition of the Hessian at one point, with the error of rounding.

use collado_linalg::{Eigen, symmetric_eigen};
use collado_risk::{CurvatureForm, ExactCurvature};
use faer::Mat;

use crate::{Curvature, Error, LinearOperator, Result, explicit};

/// The Hessian at one point in its eigenbasis, $H=U\operatorname{diag}(\lambda)U^\top$.
pub(super) struct Eigendecomposition {
    pub(super) matrix: Mat<f64>,
    /// The eigenvalues, ascending.
    pub(super) values: Vec<f64>,
    vectors: Mat<f64>,
    /// The largest asymmetry $\max|H_{ij}-H_{ji}|$ of the computed Hessian.
    pub(super) asymmetry: f64,
    /// Eigenvalues below this size cannot be told from rounding errors.
    pub(super) rounding: f64,
}

impl Eigendecomposition {
    pub(super) fn new(curvature: &ExactCurvature, theta: &candle_core::Tensor) -> Result<Self> {
        let operator = Curvature::new(curvature, CurvatureForm::Hessian, theta)?;
        let s = operator.size();
        let (matrix, asymmetry) = explicit(&operator, &mut ())?;
        if !asymmetry.is_finite() || (0..s).any(|j| (0..=j).any(|i| !matrix[(i, j)].is_finite())) {
            return Err(Error::NotFinite("the Hessian"));
        }
        let Eigen { values, vectors } = symmetric_eigen(matrix.as_ref()).map_err(|_| Error::Eigen(s))?;
        let size = values.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        Ok(Self {
            matrix,
            values,
            vectors,
            asymmetry,
            rounding: s as f64 * (f64::EPSILON * size + asymmetry),
        })
    }

    /// The spectral norm $\|H\|$.
    pub(super) fn size(&self) -> f64 {
        self.values.iter().fold(0.0_f64, |m, x| m.max(x.abs()))
    }

    /// The coordinates $U^\top x$ in the eigenbasis.
    pub(super) fn coordinates(&self, x: &[f64]) -> Vec<f64> {
        let column = |k: usize| x.iter().enumerate().map(|(i, x)| self.vectors[(i, k)] * x).sum();
        (0..x.len()).map(column).collect()
    }

    /// The vector $Uc$ with coordinates c in the eigenbasis.
    pub(super) fn combine(&self, c: &[f64]) -> Vec<f64> {
        let mut x = vec![0.; c.len()];
        for (k, c) in c.iter().enumerate() {
            x.iter_mut().enumerate().for_each(|(i, x)| *x += c * self.vectors[(i, k)]);
        }
        x
    }

    /// Coordinates of Newton's step $-H^+g$ for the gradient with coordinates `slopes`; eigenvalues within rounding of
    /// 0 are left out, for symmetries make them.
    pub(super) fn newton(&self, slopes: &[f64]) -> Vec<f64> {
        let along =
            |(value, slope): (&f64, &f64)| if value.abs() > self.rounding { -slope / value } else { 0. };
        self.values.iter().zip(slopes).map(along).collect()
    }
}
