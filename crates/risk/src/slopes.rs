//! Values and derivatives of a loss at the network's outputs.

use crate::{Error, Loss, Result, Targets, loss::loss_and_slope};

impl Loss {
    /// The derivatives $\partial\ell(\Phi_i,y_i)/\partial\Phi_{i,o}$ `[N, q]` for the network outputs `outputs` `[N,
    /// q]`, both row by row.
    ///
    /// # Errors
    /// When sizes or labels do not fit together, and for real targets under cross-entropy.
    pub fn slopes(self, outputs: &[f64], targets: &Targets) -> Result<Vec<f64>> {
        Ok(self.both(outputs, targets)?.1)
    }

    /// The losses $\ell(\Phi_i,y_i)$ `[N]` for the network outputs `outputs` `[N, q]`, row by row.
    ///
    /// # Errors
    /// When sizes or labels do not fit together, and for real targets under cross-entropy.
    pub fn values(self, outputs: &[f64], targets: &Targets) -> Result<Vec<f64>> {
        Ok(self.both(outputs, targets)?.0)
    }

    fn both(self, outputs: &[f64], targets: &Targets) -> Result<(Vec<f64>, Vec<f64>)> {
        let n = targets.len();
        if n == 0 || outputs.is_empty() || !outputs.len().is_multiple_of(n) {
            return Err(Error::mismatch("outputs", format!("a multiple of {n}"), outputs.len()));
        }
        let q = outputs.len() / n;
        targets.check(q, self)?;
        if self == Self::CrossEntropy && q < 2 {
            return Err(Error::mismatch("outputs for cross-entropy", "at least 2", q));
        }
        let mut slopes = outputs.to_vec();
        let rows = slopes.chunks_exact_mut(q).enumerate();
        let values = rows.map(|(i, z)| loss_and_slope(self, z, targets.of(i)).0).collect();
        Ok((values, slopes))
    }
}
