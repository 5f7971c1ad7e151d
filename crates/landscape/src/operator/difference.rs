//! Hessian-vector products of any objective by central differences.

use candle_core::{DType, Device, Tensor};
use collado_models::with_slice;
use collado_risk::{Objective, Rows};

use super::LinearOperator;
use crate::{Error, Result};

/// Hessian-vector products of any objective by central differences of its gradients, with their error.
///
/// For a unit vector v, $D_h=(\nabla F(\theta+hv)-\nabla F(\theta-hv))/2h$ at h and 2h; the product is
/// $(4D_h-D_{2h})/3$ (Richardson), and its stated error $\|D_h-D_{2h}\|/3+2\varepsilon\|\nabla F\|/h$: the correction,
/// which is larger than what is left after it where F is smooth, and the rounding of the gradients. All points of a
/// block are one stack.
pub struct CentralDifference<'a> {
    objective: &'a dyn Objective,
    theta: Vec<f64>,
    step: f64,
}

impl<'a> CentralDifference<'a> {
    /// The Hessian of `objective` at `theta` `[S]` in `f64`; `step` is h, for which 1e-4 is a good value if parameters
    /// are of size 1.
    ///
    /// # Errors
    /// When the step is not positive, or the point is not in `f64`.
    pub fn new(objective: &'a dyn Objective, theta: &Tensor, step: f64) -> Result<Self> {
        if !(step > 0. && step.is_finite()) {
            return Err(Error::Setting {
                name: "step",
                expected: "a finite number > 0",
                found: step.to_string(),
            });
        }
        if theta.dtype() != DType::F64 {
            return Err(Error::mismatch("dtype of the point", "F64", format!("{:?}", theta.dtype())));
        }
        Ok(Self { objective, theta: theta.flatten_all()?.to_vec1()?, step })
    }

    /// Computes the products like [`apply`](LinearOperator::apply), and returns the norm of each product's error.
    ///
    /// # Errors
    /// The errors of the objective.
    pub fn apply_with_errors(&self, vectors: &[f64], out: &mut [f64]) -> Result<Vec<f64>> {
        let s = self.theta.len();
        if vectors.len() != out.len() || !vectors.len().is_multiple_of(s) {
            return Err(Error::mismatch("vectors", format!("a multiple of {s}"), vectors.len()));
        }
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let norms: Vec<f64> = vectors.chunks_exact(s).map(norm).collect();
        let mut points = Vec::with_capacity(4 * vectors.len());
        for (v, n) in vectors.chunks_exact(s).zip(&norms) {
            let unit = if *n > 0. { 1. / n } else { 0. };
            for h in [self.step, -self.step, 2. * self.step, -2. * self.step] {
                points.extend(self.theta.iter().zip(v).map(|(t, v)| t + h * unit * v));
            }
        }
        let points = Tensor::from_vec(points, (4 * norms.len(), s), &Device::Cpu)?;
        let mut grad = points.zeros_like()?;
        self.objective.at(&points, Rows::All, Some(&mut grad))?;
        with_slice::<f64, _, _>(&grad, |grad| {
            let all = grad.chunks_exact(4 * s).zip(out.chunks_exact_mut(s)).zip(&norms);
            Ok(all.map(|((g, out), n)| self.combine(g, out, *n)).collect())
        })
    }

    fn combine(&self, gradients: &[f64], out: &mut [f64], norm: f64) -> f64 {
        let s = self.theta.len();
        let (mut correction, mut size) = (0., 0.);
        for (i, out) in out.iter_mut().enumerate() {
            let g = |k: usize| gradients[k * s + i];
            let near = (g(0) - g(1)) / (2. * self.step);
            let far = (g(2) - g(3)) / (4. * self.step);
            *out = norm * (4. * near - far) / 3.;
            correction += (near - far) * (near - far);
            size += g(0) * g(0);
        }
        norm * (f64::sqrt(correction) / 3. + 2. * f64::EPSILON * f64::sqrt(size) / self.step)
    }
}

impl LinearOperator for CentralDifference<'_> {
    fn size(&self) -> usize {
        self.theta.len()
    }

    fn apply(&self, vectors: &[f64], out: &mut [f64]) -> Result<()> {
        self.apply_with_errors(vectors, out).map(|_| ())
    }
}
