use collado_landscape::{KernelSpectrum, SpectrumSettings, Tangent, WidthLimit};

use super::{Problem, STARTS};
use crate::Result;

/// $\lambda_\min(\bar K)$ at initialisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// n, ascending.
    pub widths: Vec<usize>,
    /// For each width, of each run.
    pub lambda_min: Vec<Vec<f64>>,
}

/// For both initialisations.
pub(super) fn measure(problem: &Problem<'_>) -> Result<Vec<Growth>> {
    let of = |start: usize| {
        let widths = problem.widths.clone();
        let lambda_min = widths.iter().map(|&n| lambdas(problem, start, n)).collect::<Result<_>>()?;
        Ok(Growth { widths, lambda_min })
    };
    (0..STARTS.len()).map(of).collect()
}

fn lambdas(problem: &Problem<'_>, start: usize, neurons: usize) -> Result<Vec<f64>> {
    let (arch, stack) = (problem.arch(neurons)?, problem.stack(start, neurons)?);
    let of = |run: usize| {
        let kernel = Tangent::new(&arch, &stack.get(run)?, &problem.inputs)?.last_layer();
        Ok(KernelSpectrum::new(&kernel, &SpectrumSettings::default())?.min.value)
    };
    (0..problem.settings.runs).map(of).collect()
}

/// $\lambda_\min$ of $\mathbb E\,\rho(\langle g,\tilde x\rangle)\rho(\langle g,\tilde x'\rangle)$, the limit of $\bar K/n$ for
/// $\theta^1_j\sim N(0,1)$: as $\theta^2_j\sim N(0,1/n)$, also the covariance of the outputs.
pub(super) fn arc_cosine_lambda_min(problem: &Problem<'_>) -> Result<f64> {
    let limit = WidthLimit::new(&problem.arch(1)?, STARTS[0].init, &problem.inputs)?;
    Ok(KernelSpectrum::new(&limit.covariance, &SpectrumSettings::default())?.min.value)
}
