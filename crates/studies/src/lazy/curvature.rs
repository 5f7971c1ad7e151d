//! Second derivatives of $\Phi(x,\theta)=\sum_j\theta^2_j\rho(\langle\theta^1_j,\tilde x\rangle)$ at initialisation, by
//! Monte Carlo.

use collado_models::Activation;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{STARTS, Setup};
use crate::Result;

/// The width that the table is computed for.
const NEURONS: f64 = 1024.;

/// The mean square of second derivatives of one kind over draws of θ.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondDerivative {
    /// Index into [`STARTS`](super::STARTS).
    pub start: usize,
    /// The activation ρ.
    pub activation: Activation,
    /// The derivatives that are meant, in words.
    pub kind: &'static str,
    /// The mean by Monte Carlo.
    pub mean: f64,
    /// The standard error of the mean.
    pub stderr: f64,
    /// The same expectation by quadrature.
    pub expected: f64,
    /// What the theory (§11) says without quadrature: the value, or for softplus' first layer an upper bound.
    pub theory: Option<f64>,
}

/// Mixed derivatives are divided by $\tilde x_k^2$, those of the first layer by $\tilde x_k^2\tilde x_l^2/n$: what is
/// left depends on neither k nor l. Between different neurons both are 0, and so is
/// $\partial^2\Phi/\partial\theta^2_i\partial\theta^2_j$, as Φ is linear in θ².
pub(super) fn table(setup: &Setup<'_>) -> Result<Vec<SecondDerivative>> {
    let row = setup.inputs.get(0)?.to_vec1::<f64>()?;
    let x: Vec<f64> = row.into_iter().chain([1.]).collect();
    let mut rows = Vec::new();
    for start in 0..STARTS.len() {
        for activation in [Activation::Relu, Activation::Softplus] {
            rows.extend(moments(setup, start, activation, &x));
        }
    }
    Ok(rows)
}

/// The two kinds that are not 0, for one ρ and initialisation.
fn moments(setup: &Setup<'_>, start: usize, activation: Activation, x: &[f64]) -> [SecondDerivative; 2] {
    let settings = setup.settings;
    // θ¹ ~ N(0, σ²), θ² ~ N(0, 1/n).
    let sigma = if start == 0 { 1. } else { NEURONS.sqrt().recip() };
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(1 + start as u64);
    let (mut mixed, mut first) = (Sum::default(), Sum::default());
    for _ in 0..settings.draws {
        let z: f64 = x.iter().map(|x| sigma * rng.sample::<f64, _>(StandardNormal) * x).sum();
        let outer = rng.sample::<f64, _>(StandardNormal) / NEURONS.sqrt();
        mixed.add(slope(activation, z).powi(2));
        first.add(NEURONS * (outer * curvature(activation, z)).powi(2));
    }
    let spread = sigma * x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let relu = activation == Activation::Relu;
    let row = |kind, sum: Sum, expected, theory| {
        let (mean, stderr) = sum.mean();
        SecondDerivative { start, activation, kind, mean, stderr, expected, theory }
    };
    [
        row(
            "E(∂²Φ/∂θ²_i ∂θ¹_ik)² / x_k²",
            mixed,
            expectation(spread, |z| slope(activation, z).powi(2)),
            relu.then_some(0.5),
        ),
        row(
            "n E(∂²Φ/∂θ¹_ik ∂θ¹_il)² / x_k² x_l²",
            first,
            expectation(spread, |z| curvature(activation, z).powi(2)),
            Some(if relu { 0. } else { 1. / 16. }),
        ),
    ]
}

fn slope(activation: Activation, z: f64) -> f64 {
    activation.slope(z, activation.value(z))
}

/// $\rho''(z)$, almost everywhere for ReLU.
fn curvature(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Softplus => {
            let s = slope(activation, z);
            s * (1. - s)
        }
        _ => 0.,
    }
}

/// $\mathbb E f(z)$ for $z\sim N(0,\sigma^2)$, by the midpoint rule over ±10σ, split at 0 where ReLU's slope jumps.
fn expectation(sigma: f64, f: impl Fn(f64) -> f64) -> f64 {
    const CELLS: i32 = 4000;
    let width = 20. / f64::from(CELLS);
    let density = |u: f64| (-0.5 * u * u).exp() / std::f64::consts::TAU.sqrt();
    let middle = |i: i32| (f64::from(i) + 0.5) * width - 10.;
    (0..CELLS).map(middle).map(|u| width * density(u) * f(sigma * u)).sum()
}

/// A running mean with its standard error.
#[derive(Default)]
struct Sum {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sum {
    fn add(&mut self, x: f64) {
        self.count += 1.;
        self.sum += x;
        self.squares += x * x;
    }

    fn mean(&self) -> (f64, f64) {
        let mean = self.sum / self.count;
        let variance = (self.squares / self.count - mean * mean).max(0.) * self.count / (self.count - 1.);
        (mean, (variance / self.count).sqrt())
    }
}
