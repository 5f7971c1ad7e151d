//! Eigenvalues of kernels: all of them, or the two ends.

use collado_linalg::{Cholesky, dot, symmetric_eigenvalues};
use collado_models::{Error, Result};
use tracing::debug_span;

use super::{Kernel, lanczos::largest};

/// The settings by which the spectrum of a kernel is computed.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `dense` | 4096 | up to this size all eigenvalues are computed; beyond, the two ends | |
/// | `steps` | 300 | Lanczos steps for one end | ≥ 1 |
/// | `tolerance` | 1e-10 | relative residual at which Lanczos ends | ≥ 0 |
/// | `seed` | 0 | its first vector | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectrumSettings {
    /// The largest size for which all eigenvalues are computed.
    pub dense: usize,
    /// The largest number of Lanczos steps for one end.
    pub steps: usize,
    /// The relative residual at which Lanczos' method ends.
    pub tolerance: f64,
    /// The seed of the first Lanczos vector.
    pub seed: u64,
}

impl Default for SpectrumSettings {
    fn default() -> Self {
        Self { dense: 4096, steps: 300, tolerance: 1e-10, seed: 0 }
    }
}

/// One end of a spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extreme {
    /// The eigenvalue λ.
    pub value: f64,
    /// The matrix has an eigenvalue within this distance of λ, up to the rounding of one product. For a dense
    /// decomposition it is $m\varepsilon\lambda_\max$, a bound for the error of a backward stable method; for Lanczos'
    /// method it is $\|Kv-\lambda v\|$ of its vector.
    pub residual: f64,
}

/// Eigenvalues of a positive semi-definite kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelSpectrum {
    /// All eigenvalues, ascending, where they were computed.
    pub eigenvalues: Option<Vec<f64>>,
    /// The smallest eigenvalue.
    pub min: Extreme,
    /// The largest eigenvalue.
    pub max: Extreme,
    /// The error of rounding, $m\varepsilon\lambda_\max$; an eigenvalue below it cannot be told from 0.
    pub rounding: f64,
}

impl KernelSpectrum {
    /// The spectrum of `kernel`. Up to the size `settings.dense` all eigenvalues are computed. Beyond it λ_max is found
    /// by Lanczos' method on K, and λ_min by Lanczos' method on $(K+sI)^{-1}$ with $s=m\varepsilon\lambda_\max$ through
    /// a Cholesky factor, since there it is the end that converges fast.
    ///
    /// # Errors
    /// When the kernel is empty, has an element that is not finite, or is not positive semi-definite up to rounding.
    pub fn new(kernel: &Kernel, settings: &SpectrumSettings) -> Result<Self> {
        if kernel.size() == 0 || !kernel.as_slice().iter().all(|x| x.is_finite()) {
            return Err(unfit("without rows, or with elements that are not finite"));
        }
        let dense = kernel.size() <= settings.dense;
        let _span = debug_span!("spectrum of a kernel", size = kernel.size(), dense).entered();
        if dense { Self::dense(kernel) } else { Self::ends(kernel, settings) }
    }

    /// The condition number $\lambda_\max/\lambda_\min$; infinite where λ_min cannot be told from 0.
    pub fn condition(&self) -> f64 {
        if self.min.value > self.rounding { self.max.value / self.min.value } else { f64::INFINITY }
    }

    fn dense(kernel: &Kernel) -> Result<Self> {
        let eigenvalues =
            symmetric_eigenvalues(kernel.view()).map_err(|_| unfit("whose eigenvalues do not converge"))?;
        let (min, max) = (eigenvalues[0], eigenvalues[eigenvalues.len() - 1]);
        let residual = rounding(kernel.size(), max);
        let extreme = |value| Extreme { value, residual };
        Ok(Self { min: extreme(min), max: extreme(max), rounding: residual, eigenvalues: Some(eigenvalues) })
    }

    fn ends(kernel: &Kernel, settings: &SpectrumSettings) -> Result<Self> {
        let failed = |_| unfit("on which Lanczos fails");
        let size = kernel.size();
        let max = extreme(kernel, &largest(size, settings, |x| kernel.apply(x)).map_err(failed)?);
        let shift = rounding(size, max.value);
        let mut shifted = kernel.view().to_owned();
        (0..size).for_each(|i| shifted[(i, i)] += shift);
        let factor = Cholesky::new(shifted.as_ref()).map_err(|_| unfit("with negative eigenvalues"))?;
        drop(shifted);
        let solve = |x: &[f64]| factor.solve_vector(x);
        let min = extreme(kernel, &largest(size, settings, solve).map_err(failed)?);
        Ok(Self { eigenvalues: None, min, max, rounding: shift })
    }
}

fn rounding(size: usize, max: f64) -> f64 {
    size as f64 * f64::EPSILON * max.abs()
}

/// Rayleigh quotient and residual of a normalised vector.
fn extreme(kernel: &Kernel, v: &[f64]) -> Extreme {
    let product = kernel.apply(v);
    let value = dot(&product, v);
    let residual = product.iter().zip(v).map(|(p, v)| (p - value * v).powi(2)).sum::<f64>().sqrt();
    Extreme { value, residual }
}

fn unfit(found: &str) -> Error {
    let expected = "finite elements, positive semi-definite".into();
    Error::Mismatch { what: "kernel".into(), expected, found: format!("one {found}") }
}
