//! All eigenvalues of a symmetric matrix, with the error of rounding.

use collado_linalg::symmetric_eigenvalues;
use faer::Mat;
use tracing::debug_span;

use crate::{Error, Result};

/// All eigenvalues of a symmetric matrix, with the index and the zero modes that can be told despite rounding.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseSpectrum {
    /// The eigenvalues, ascending.
    pub eigenvalues: Vec<f64>,
    /// The largest distance of each eigenvalue from one of the matrix: $S\varepsilon\max|\lambda|$, as the
    /// decomposition is backward stable, plus the errors of the elements.
    pub rounding: f64,
    /// The index: the number of eigenvalues below −`rounding`.
    pub index: usize,
    /// The number of eigenvalues that cannot be told from 0. They come from symmetries, dead neurons or inputs that are
    /// always
    /// 0.
    pub zero_modes: usize,
}

/// The spectrum of a symmetric `matrix` whose elements are known up to `error` each.
///
/// # Errors
/// When the matrix has elements that are not finite.
pub fn dense_spectrum(matrix: &Mat<f64>, error: f64) -> Result<DenseSpectrum> {
    let s = matrix.nrows();
    let _span = debug_span!("eigenvalues", size = s).entered();
    if (0..s).any(|j| (0..s).any(|i| !matrix[(i, j)].is_finite())) {
        return Err(Error::NotFinite("the matrix"));
    }
    let eigenvalues = symmetric_eigenvalues(matrix.as_ref()).map_err(|_| Error::Eigen(s))?;
    let size = eigenvalues.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let rounding = s as f64 * (f64::EPSILON * size + error);
    let index = eigenvalues.iter().filter(|x| **x < -rounding).count();
    let zero_modes = eigenvalues.iter().filter(|x| x.abs() <= rounding).count();
    Ok(DenseSpectrum { eigenvalues, rounding, index, zero_modes })
}
