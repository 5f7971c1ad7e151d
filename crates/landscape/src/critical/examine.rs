//! Examination of a critical point: its spectrum, its index and its zero modes.

use collado_linalg::singular_values;
use faer::Mat;

use super::{CriticalSearch, eigendecomposition::Eigendecomposition, kink::is_on_kink, norm};
use crate::{DenseSpectrum, Error, Result, dense_spectrum};

/// A critical point and the curvature there.
#[derive(Debug, Clone, PartialEq)]
pub struct CriticalPoint {
    /// The point `[S]`, one Newton step after the search where that helped.
    pub theta: Vec<f64>,
    /// The risk F.
    pub risk: f64,
    /// The gradient norm $\|\nabla F\|$.
    pub gradient_norm: f64,
    /// Eigenvalues of the Hessian. Their error holds the distance to the critical point:
    /// $\|\nabla^3F\|\|\theta-\theta^*\|$, measured as the change of H in Newton's last step.
    pub spectrum: DenseSpectrum,
    /// Number of zero modes that are due to symmetries and to parameters without effect.
    pub idle: usize,
    /// The relative distance to the nearest kink, $\min|z|/(|W||a|+|b|)$ over ReLU neurons and examples; infinite where
    /// there are no kinks.
    pub kink: f64,
    /// Outputs of the network on the data, `[N, q]`.
    pub outputs: Vec<f64>,
}

impl CriticalPoint {
    /// The number of negative eigenvalues divided by S; zero modes never count as negative.
    pub fn index_fraction(&self) -> f64 {
        self.spectrum.index as f64 / self.spectrum.eigenvalues.len() as f64
    }

    /// The smallest |λ| of all eigenvalues except zero modes; NaN where there are none.
    pub fn smallest(&self) -> f64 {
        let real = self.spectrum.eigenvalues.iter().map(|x| x.abs()).filter(|x| *x > self.spectrum.rounding);
        real.fold(f64::NAN, f64::min)
    }

    /// Whether there are zero modes that neither symmetries nor parameters without effect explain.
    pub fn is_degenerate(&self) -> bool {
        self.spectrum.zero_modes > self.idle
    }

    /// Whether a ReLU neuron has its kink at an example: then F has no gradient there in the classical sense.
    pub fn is_on_kink(&self) -> bool {
        is_on_kink(self.kink)
    }
}

impl CriticalSearch {
    /// Examines `theta` `[S]`, the end of a search: takes one more Newton step, which is kept if it lowers the
    /// gradient, and computes the spectrum with the error that follows from the step's length.
    ///
    /// # Errors
    /// When sizes do not fit, and when the Hessian is not finite.
    pub fn examine(&self, theta: &[f64]) -> Result<CriticalPoint> {
        let (values, gradient) = self.evaluate(theta.to_vec())?;
        let (risk, before) = (values[0].risk, norm(&gradient));
        let here = Eigendecomposition::new(&self.curvature, &self.point(theta)?)?;
        let step = here.combine(&here.newton(&here.coordinates(&gradient)));
        let next: Vec<f64> = theta.iter().zip(&step).map(|(t, p)| t + p).collect();
        let (values, gradient) = self.evaluate(next.clone())?;
        let there = Eigendecomposition::new(&self.curvature, &self.point(&next)?)?;
        let change = largest_difference(&here.matrix, &there.matrix);
        let better = norm(&gradient) < before;
        let (theta, risk, gradient_norm, local) = match better {
            true => (next, values[0].risk, norm(&gradient), there),
            false => (theta.to_vec(), risk, before, here),
        };
        let spectrum = dense_spectrum(&local.matrix, change + local.asymmetry)?;
        let hidden = self.hidden(&theta)?;
        let idle = self.idle(&theta, &hidden)?;
        let idle = zero_directions(&local.matrix, &idle, spectrum.rounding + gradient_norm)?;
        Ok(CriticalPoint {
            idle: idle.min(spectrum.zero_modes),
            theta,
            risk,
            gradient_norm,
            spectrum,
            kink: hidden.margin,
            outputs: hidden.outputs,
        })
    }
}

fn largest_difference(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let s = a.nrows();
    let pairs = (0..s).flat_map(|j| (0..s).map(move |i| (i, j)));
    pairs.map(|at| (a[at] - b[at]).abs()).fold(0., f64::max)
}

/// Dimensions of the span of `basis` that the matrix takes to 0, up to `error`.
fn zero_directions(matrix: &Mat<f64>, basis: &Mat<f64>, error: f64) -> Result<usize> {
    if basis.ncols() == 0 {
        return Ok(0);
    }
    let image = matrix * basis;
    let values = singular_values(image.as_ref()).map_err(|_| Error::Eigen(matrix.nrows()))?;
    Ok(values.iter().filter(|x| **x <= error).count())
}
