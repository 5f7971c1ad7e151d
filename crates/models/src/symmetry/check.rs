//! The check that a symmetry leaves the outputs of a network as they are.

use candle_core::{DType, Tensor};

use super::Symmetry;
use crate::{Error, PointTensors, Result, TensorMoments};

/// The differences between a network's outputs before and after a symmetry, over some examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputDifference {
    /// The largest difference, $\max|\Phi(x;\pi(\theta))-\Phi(x;\theta)|$.
    pub absolute: f64,
    /// The largest difference divided by $\max|\Phi(x;\theta)|$.
    pub relative: f64,
}

impl Symmetry {
    /// Compares $\Phi(\cdot;\pi(\theta))$ with $\Phi(\cdot;\theta)$ on the examples `probes` `[N, ..]`, for a point
    /// `theta` `[S]`. Parameters count as they are stored (rounded to their dtype); the comparison is done in `f64`.
    /// Batch normalisation uses the statistics of the probes.
    ///
    /// # Errors
    /// When the outputs differ by more than 1e-6 (`f32`) or 1e-12 (`f64`) of the largest: the symmetry is refused.
    pub fn check(&self, theta: &Tensor, probes: &Tensor) -> Result<OutputDifference> {
        let tolerance = if theta.dtype() == DType::F64 { 1e-12 } else { 1e-6 };
        let difference = self.difference(theta, &self.apply(theta)?, probes)?;
        // Written so that NaN is refused.
        if difference.relative <= tolerance {
            return Ok(difference);
        }
        Err(Error::Symmetry { expected: tolerance, found: difference.relative })
    }

    fn difference(&self, before: &Tensor, after: &Tensor, probes: &Tensor) -> Result<OutputDifference> {
        let network = self.arch.network();
        network.check_input(probes.dims().get(1..).unwrap_or_default())?;
        let probes = probes.to_dtype(DType::F64)?;
        let outputs = |theta: &Tensor| -> Result<Tensor> {
            let theta = theta.to_dtype(DType::F64)?;
            let mut tensors = PointTensors::new(&theta, TensorMoments::Batch);
            let tiles = network.run(&mut tensors, vec![probes.clone()])?;
            Ok(Tensor::cat(&tiles, 0)?)
        };
        let largest = |t: &Tensor| -> Result<f64> {
            let values = t.flatten_all()?.to_vec1::<f64>()?;
            Ok(values.iter().fold(0., |m: f64, v| if v.is_nan() { f64::NAN } else { m.max(v.abs()) }))
        };
        let f = outputs(before)?;
        let absolute = largest(&(outputs(after)? - &f)?)?;
        let relative = if absolute == 0. { 0. } else { absolute / largest(&f)? };
        Ok(OutputDifference { absolute, relative })
    }
}
