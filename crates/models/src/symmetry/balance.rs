//! Balanced form: the rescaling of a network that makes its parameters as short as possible.

use candle_core::{DType, Device, Tensor};

use super::Symmetry;
use crate::{Arch, Result, affine_layers};

/// Sweeps end when no scale changes by more than this, measured as $\max|\log a|$.
const CONVERGED: f64 = 1e-12;
/// The largest number of sweeps, more than any network has needed. Their result is a symmetry even without convergence.
const SWEEPS: usize = 1000;

impl Symmetry {
    /// The rescaling to balanced form, where every hidden neuron's outgoing weights have the norm of its incoming ones
    /// with the bias. Of all points that differ by scales, the balanced one has the least $\|\theta\|$.
    ///
    /// Sweeps over the layers multiply a neuron by $a=\sqrt{\|\text{out}\|/\|(\text{in},b)\|}$ until
    /// $\max|\log a|\le10^{-12}$; neurons with a norm 0 keep their scale. Networks whose activation allows no scales
    /// are left as they are.
    ///
    /// # Errors
    /// When `theta` is not a point `[S]` of `arch`.
    pub fn balancing(arch: &Arch, theta: &Tensor) -> Result<Self> {
        let mut balancing = Self::identity(arch);
        if !arch.activation().is_homogeneous() {
            return Ok(balancing);
        }
        let square = |t: &Tensor| t.to_dtype(DType::F64)?.sqr();
        let layers = affine_layers(arch, theta)?
            .iter()
            .map(|(w, b)| {
                let b = b.as_ref().map(|b| square(b)?.to_vec1::<f64>()).transpose()?;
                Ok((square(w)?, b.unwrap_or_default()))
            })
            .collect::<Result<Vec<_>>>()?;
        // Squared scales: with them, squared norms are linear in each layer's squared weights.
        let mut x: Vec<Vec<f64>> = arch.widths().iter().map(|&n| vec![1.; n]).collect();
        for _ in 0..SWEEPS {
            let mut moved: f64 = 0.;
            for k in 1..arch.depth() {
                moved = moved.max(balance(&layers[k - 1], &layers[k].0, k, &mut x)?);
            }
            if moved <= CONVERGED {
                break;
            }
        }
        for (scales, x) in balancing.scales.iter_mut().zip(&x[1..]) {
            scales.iter_mut().zip(x).for_each(|(s, x)| *s = x.sqrt());
        }
        Ok(balancing)
    }
}

/// Balances hidden layer `k` against its neighbours and returns the largest $|\log a|$.
fn balance(below: &(Tensor, Vec<f64>), above: &Tensor, k: usize, x: &mut [Vec<f64>]) -> Result<f64> {
    let inverse: Vec<f64> = x[k - 1].iter().map(|x| x.recip()).collect();
    let incoming = below
        .0
        .matmul(&Tensor::from_vec(inverse, (x[k - 1].len(), 1), &Device::Cpu)?)?
        .flatten_all()?
        .to_vec1::<f64>()?;
    let upper = Tensor::from_slice(&x[k + 1], (1, x[k + 1].len()), &Device::Cpu)?;
    let outgoing = upper.matmul(above)?.flatten_all()?.to_vec1::<f64>()?;
    let mut moved: f64 = 0.;
    for (i, (p, q)) in incoming.into_iter().zip(outgoing).enumerate() {
        let new = (q / (p + below.1.get(i).copied().unwrap_or(0.))).sqrt();
        if new > 0. && new.is_finite() {
            moved = moved.max((new / x[k][i]).ln().abs() / 2.);
            x[k][i] = new;
        }
    }
    Ok(moved)
}
