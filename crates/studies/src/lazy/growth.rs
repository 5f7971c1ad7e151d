//! How the smallest eigenvalue of the last layer's kernel grows with the number of neurons.

use collado_landscape::{KernelSpectrum, SpectrumSettings, Tangent, WidthLimit};

use super::{STARTS, Setup};
use crate::Result;

/// $\lambda_\min(\bar K)$ at initialisation, against the number of neurons.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// Numbers of neurons n, ascending.
    pub widths: Vec<usize>,
    /// The eigenvalue for each width and each run.
    pub lambda_min: Vec<Vec<f64>>,
}

/// Measures it for each of [`STARTS`].
pub(super) fn measure(setup: &Setup<'_>) -> Result<Vec<Growth>> {
    let of = |start: usize| {
        let widths = setup.widths.clone();
        let lambda_min = widths.iter().map(|&n| lambdas(setup, start, n)).collect::<Result<_>>()?;
        Ok(Growth { widths, lambda_min })
    };
    (0..STARTS.len()).map(of).collect()
}

fn lambdas(setup: &Setup<'_>, start: usize, neurons: usize) -> Result<Vec<f64>> {
    let (arch, stack) = (setup.arch(neurons)?, setup.stack(start, neurons)?);
    let of = |run: usize| {
        let kernel = Tangent::new(&arch, &stack.get(run)?, &setup.inputs)?.last_layer();
        Ok(KernelSpectrum::new(&kernel, &SpectrumSettings::default())?.min.value)
    };
    (0..setup.settings.runs).map(of).collect()
}

/// $\lambda_\min$ of $\mathbb E\,\rho(\langle g,\tilde x\rangle)\rho(\langle g,\tilde x'\rangle)$, the limit of $\bar K/n$ for
/// $\theta^1_j\sim N(0,1)$: as $\theta^2_j\sim N(0,1/n)$, also the covariance of the outputs.
pub(super) fn arc_cosine_lambda_min(setup: &Setup<'_>) -> Result<f64> {
    let limit = WidthLimit::new(&setup.arch(1)?, STARTS[0].init, &setup.inputs)?;
    Ok(KernelSpectrum::new(&limit.covariance, &SpectrumSettings::default())?.min.value)
}
