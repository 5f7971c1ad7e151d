//! Spectral densities by stochastic Lanczos quadrature (Ubaru, Chen & Saad 2017).

use collado_risk::Progress;
use tracing::info_span;

use super::{basis::normal, krylov::Krylov};
use crate::{Error, LinearOperator, Result};

/// The settings by which a spectral density is estimated.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `probes` | 4 | random vectors | ≥ 2 |
/// | `steps` | 60 | Lanczos steps for each, fewer where memory ends | ≥ 1 |
/// | `points` | 400 | places on the axis | ≥ 2 |
/// | `width` | 0.01 | standard deviation of the Gaussian each eigenvalue becomes, over the spectrum's length | > 0 |
/// | `memory` | no bound | bytes for vectors | |
/// | `seed` | 0 | the random vectors | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensitySettings {
    /// Number of random vectors.
    pub probes: usize,
    /// Number of Lanczos steps for each random vector.
    pub steps: usize,
    /// Number of places on the axis.
    pub points: usize,
    /// The standard deviation of the Gaussians, as a share of the spectrum's length.
    pub width: f64,
    /// The bound on memory for vectors, in bytes.
    pub memory: usize,
    /// The seed of the random vectors.
    pub seed: u64,
}

impl Default for DensitySettings {
    fn default() -> Self {
        Self { probes: 4, steps: 60, points: 400, width: 0.01, memory: usize::MAX, seed: 0 }
    }
}

/// A spectral density $\phi(\lambda)=\frac1S\sum_i N(\lambda;\lambda_i,\sigma^2)$ at places of the axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// The places on the axis, ascending.
    pub at: Vec<f64>,
    /// The density at each place: the mean over the random vectors.
    pub value: Vec<f64>,
    /// The standard errors of the means.
    pub stderr: Vec<f64>,
    /// The standard deviation σ of the Gaussians.
    pub sigma: f64,
}

/// The density by stochastic Lanczos quadrature (Ubaru, Chen, Saad 2017; Ghorbani, Krishnan, Xiao 2019): each probe's
/// Ritz values are nodes, the squared first components of their vectors weights.
///
/// # Errors
/// The errors of the operator, and [`Interrupted`](crate::Error::Interrupted) when `progress` stops it.
pub fn density(
    operator: &dyn LinearOperator,
    settings: &DensitySettings,
    progress: &mut dyn Progress,
) -> Result<Density> {
    let probes = settings.probes.max(2);
    let _span = info_span!("density", probes, steps = settings.steps).entered();
    let mut rules = Vec::with_capacity(probes);
    for probe in 0..probes {
        rules.push(rule(operator, settings, probe as u64)?);
        if progress.update((probe + 1) as f64 / probes as f64).is_break() {
            return Err(Error::Interrupted);
        }
    }
    let nodes = || rules.iter().flatten().map(|(node, _)| *node);
    let (low, high) = (nodes().fold(f64::INFINITY, f64::min), nodes().fold(f64::NEG_INFINITY, f64::max));
    let sigma = (settings.width * (high - low)).max(f64::MIN_POSITIVE);
    let (from, until) = (low - 4. * sigma, high + 4. * sigma);
    let last = (settings.points.max(2) - 1) as f64;
    let at: Vec<f64> = (0..=last as usize).map(|i| from + (until - from) * i as f64 / last).collect();
    let scale = 1. / (sigma * std::f64::consts::TAU.sqrt());
    let smooth = |rule: &[(f64, f64)], x: f64| -> f64 {
        rule.iter().map(|(node, w)| w * scale * (-0.5 * ((x - node) / sigma).powi(2)).exp()).sum()
    };
    let (mut value, mut stderr) = (Vec::new(), Vec::new());
    for &x in &at {
        let samples: Vec<f64> = rules.iter().map(|r| smooth(r, x)).collect();
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / (n - 1.);
        value.push(mean);
        stderr.push((variance / n).sqrt());
    }
    Ok(Density { at, value, stderr, sigma })
}

/// The quadrature rule of one random vector: nodes and weights.
fn rule(operator: &dyn LinearOperator, settings: &DensitySettings, probe: u64) -> Result<Vec<(f64, f64)>> {
    let size = operator.size();
    let bytes = size * size_of::<f64>();
    // A product and what comes next stand beside the basis.
    let most = (settings.memory / bytes).saturating_sub(3).min(size);
    if most == 0 {
        return Err(Error::Memory { expected: 4 * bytes, found: settings.memory });
    }
    // Streams beyond those of the trace.
    let mut krylov = Krylov::new(normal(settings.seed, (1 << 32) + probe, size), &[], 0.);
    for _ in 0..settings.steps.clamp(1, most) {
        krylov.step(operator)?;
        if krylov.is_invariant() {
            break;
        }
    }
    let pairs = krylov.pairs()?;
    let weight = |i| pairs.vectors[(0, i)].powi(2);
    Ok(pairs.values.iter().enumerate().map(|(i, node)| (*node, weight(i))).collect())
}
