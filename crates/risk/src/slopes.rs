use candle_core::{DType, Device, Tensor};

use crate::{
    Error, Loss, Result,
    loss::{Target, loss_and_slope},
};

impl Loss {
    /// $\partial\ell(\Phi_i,y_i)/\partial\Phi_{i,o}$ `[N, q]`, row by row, for the network outputs `outputs` `[N, q]`, row by row, and
    /// `targets`: class labels `u32` `[N]`, or values `[N, q]`.
    ///
    /// # Errors
    /// When sizes or labels do not fit, and for values under cross-entropy.
    pub fn slopes(self, outputs: &[f64], targets: &Tensor) -> Result<Vec<f64>> {
        let n = targets.dims().first().copied().unwrap_or(0);
        if n == 0 || outputs.is_empty() || !outputs.len().is_multiple_of(n) {
            return Err(Error::mismatch("outputs", format!("a multiple of {n}"), outputs.len()));
        }
        let q = outputs.len() / n;
        let mut slopes = outputs.to_vec();
        if targets.dtype() == DType::U32 {
            let labels = targets.to_device(&Device::Cpu)?.to_vec1::<u32>()?;
            if let Some(label) = labels.iter().find(|&&l| l as usize >= q.max(2)) {
                return Err(Error::mismatch("label", format!("less than {}", q.max(2)), label));
            }
            if self == Self::CrossEntropy && q < 2 {
                return Err(Error::mismatch("outputs for cross-entropy", "at least 2", q));
            }
            let rows = slopes.chunks_exact_mut(q).zip(labels);
            rows.for_each(|(z, label)| _ = loss_and_slope(self, z, Target::Class(label)));
            return Ok(slopes);
        }
        if self == Self::CrossEntropy {
            return Err(Error::mismatch("targets for cross-entropy", "class labels", "real values"));
        }
        let values =
            targets.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        if values.len() != outputs.len() {
            return Err(Error::mismatch("targets", outputs.len(), values.len()));
        }
        let rows = slopes.chunks_exact_mut(q).zip(values.chunks_exact(q));
        rows.for_each(|(z, y)| _ = loss_and_slope(self, z, Target::Values(y)));
        Ok(slopes)
    }
}
