use collado_linalg::symmetric_eigenvalues;
use faer::Mat;

use crate::{Error, Result};

/// All eigenvalues of a symmetric matrix, and what rounding lets them say.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseSpectrum {
    /// Ascending.
    pub eigenvalues: Vec<f64>,
    /// Each eigenvalue is this near to one of the matrix: $S\varepsilon\max|\lambda|$ (the decomposition is backward stable), and
    /// the errors of the elements.
    pub rounding: f64,
    /// Eigenvalues below −`rounding`: the index.
    pub index: usize,
    /// Eigenvalues that rounding does not tell from 0: symmetries, dead neurons, inputs that are always 0.
    pub zero_modes: usize,
}

/// The spectrum of a symmetric `matrix` whose elements are known up to `error` each.
///
/// # Errors
/// When the matrix has elements that are not finite.
pub fn dense_spectrum(matrix: &Mat<f64>, error: f64) -> Result<DenseSpectrum> {
    let s = matrix.nrows();
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
