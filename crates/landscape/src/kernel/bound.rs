//! Lower bounds for the gradient of a loss by the last layer's kernel.

use collado_models::{Error, Result};

use super::Kernel;

/// Lower bounds for the squared gradient of a mean loss by the last layer's kernel (docs/theory.md §11).
///
/// With $g_{i,o}=\partial\ell/\partial\Phi_o$ at example i (for the squared loss $2e$, e the residuals),
/// $$\|\nabla r\|^2\ge\|\nabla_{W_K}r\|^2=\frac1{m^2}\sum_og_o^\top\bar K_\Theta g_o\ge\frac{\lambda_\min(\bar
/// K_\Theta)}{m^2}\|g\|^2;$$ for the squared loss these are $\frac4{m^2}e^\top\bar K_\Theta e$ and $\frac4m\lambda_\min
/// r$.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientBound {
    /// The squared gradient with respect to the last layer's weights, $\|\nabla_{W_K}r\|^2$.
    pub last_layer: f64,
    /// The bound by the smallest eigenvalue, $\lambda_\min\|g\|^2/m^2$.
    pub eigenvalue: f64,
}

impl GradientBound {
    /// The bounds from $\bar K_\Theta$ `[m, m]`, its smallest eigenvalue, and g `[m, q]`, row by row.
    ///
    /// # Errors
    /// When g does not have as many rows as the kernel.
    pub fn new(kernel: &Kernel, lambda_min: f64, slopes: &[f64]) -> Result<Self> {
        let m = kernel.size();
        if m == 0 || slopes.is_empty() || !slopes.len().is_multiple_of(m) {
            let (expected, found) = (format!("a multiple of {m}"), slopes.len().to_string());
            return Err(Error::Mismatch { what: "slopes of the loss".into(), expected, found });
        }
        let outputs = slopes.len() / m;
        let column = |o: usize| slopes.iter().skip(o).step_by(outputs).copied().collect::<Vec<_>>();
        let weight = (m as f64).powi(-2);
        Ok(Self {
            last_layer: weight * (0..outputs).map(|o| kernel.quadratic(&column(o))).sum::<f64>(),
            eigenvalue: weight * lambda_min * slopes.iter().map(|g| g * g).sum::<f64>(),
        })
    }
}
