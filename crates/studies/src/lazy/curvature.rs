//! Second derivatives of $\Phi(x,\theta)=\sum_j\theta^2_j\rho(\langle\theta^1_j,\tilde x\rangle)$ at initialisation, all blocks, by
//! automatic differentiation of Φ.

use candle_core::Tensor;
use collado_landscape::{Curvature, LinearOperator};
use collado_models::{Activation, Arch};
use collado_risk::{Criterion, CurvatureForm, EmpiricalRisk, ExactCurvature, Examples, Loss, Regularizer};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{STARTS, Setup};
use crate::{Estimate, Result};

/// The numbers of neurons n of the networks that are drawn.
const WIDTHS: [usize; 3] = [4, 12, 36];

/// The activations ρ: the slides' one, and a smooth one with a second derivative.
const ACTIVATIONS: [Activation; 2] = [Activation::Relu, Activation::Softplus];

/// The number of means in the table, whose intervals hold jointly.
const MEANS: usize = 2 * STARTS.len() * ACTIVATIONS.len() * WIDTHS.len();

/// The blocks of $\nabla^2_\theta\Phi$ for one initialisation, ρ and width, over draws of θ and examples x.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondDerivatives {
    /// Index into [`STARTS`](super::STARTS).
    pub start: usize,
    /// The activation ρ.
    pub activation: Activation,
    /// Number of neurons n.
    pub neurons: usize,
    /// The mean of $\sum_k(\partial^2\Phi/\partial\theta^2_i\partial\theta^1_{ik})^2/\|\tilde x\|^2$ over neurons and draws.
    pub mixed: Estimate,
    /// The same expectation by quadrature, $\mathbb E\rho'(z)^2$: it depends on neither i nor n.
    pub mixed_expected: f64,
    /// The mean of $n\sum_{kl}(\partial^2\Phi/\partial\theta^1_{ik}\partial\theta^1_{il})^2/\|\tilde x\|^4$.
    pub first: Estimate,
    /// The same expectation by quadrature, $\mathbb E\rho''(z)^2$.
    pub first_expected: f64,
    /// The largest $|\partial^2\Phi/\partial\theta^2_i\partial\theta^2_j|$.
    pub outer: f64,
    /// The largest second derivative that belongs to two different neurons.
    pub across: f64,
}

/// Measures all of them.
pub(super) fn table(setup: &Setup<'_>) -> Result<Vec<SecondDerivatives>> {
    let mut rows = Vec::new();
    for start in 0..STARTS.len() {
        for activation in ACTIVATIONS {
            for neurons in WIDTHS {
                rows.push(measure(setup, start, activation, neurons)?);
            }
        }
    }
    Ok(rows)
}

/// What one network and one example give.
struct Blocks {
    mixed: f64,
    first: f64,
    outer: f64,
    across: f64,
}

fn measure(
    setup: &Setup<'_>,
    start: usize,
    activation: Activation,
    neurons: usize,
) -> Result<SecondDerivatives> {
    let settings = setup.settings;
    // With x̃ = [x; 1] as input the network needs no bias.
    let arch = Arch::dense(activation, &[settings.dims + 1, neurons, 1], false)?;
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(1 + start as u64);
    let mut blocks = Vec::new();
    // As many neurons in all at each width.
    for draw in 0..settings.draws * WIDTHS[WIDTHS.len() - 1] / neurons {
        let row = setup.inputs.get(draw % settings.examples)?.to_vec1::<f64>()?;
        let x: Vec<f64> = row.into_iter().chain([1.]).collect();
        let theta = STARTS[start].init.init(&arch, &mut rng);
        let second = second_derivatives(&arch, &theta, &x)?;
        blocks.push(Blocks::new(&second, &x, neurons));
    }
    let mean = |of: fn(&Blocks) -> f64| Estimate::jointly(&blocks.iter().map(of).collect::<Vec<_>>(), MEANS);
    let most =
        |of: fn(&Blocks) -> f64| blocks.iter().map(of).fold(0., |max, x| if x <= max { max } else { x });
    // z = ⟨θ¹_j, x̃⟩ with ‖x̃‖² = 2, as x lies on the unit sphere.
    let spread = if start == 0 { 2f64.sqrt() } else { (2. / neurons as f64).sqrt() };
    Ok(SecondDerivatives {
        start,
        activation,
        neurons,
        mixed: mean(|b| b.mixed),
        mixed_expected: expectation(spread, |z| slope(activation, z).powi(2)),
        first: mean(|b| b.first),
        first_expected: expectation(spread, |z| curvature(activation, z).powi(2)),
        outer: most(|b| b.outer),
        across: most(|b| b.across),
    })
}

/// $\nabla^2_\theta\Phi(x,\theta)$ `[S, S]`. The squared loss of the one example (x, y) has the Hessian
/// $2\nabla\Phi\nabla\Phi^\top+2(\Phi-y)\nabla^2\Phi$, of which the first term is its Gauss–Newton matrix: with $y=\Phi-\tfrac12$ the
/// difference of both is $\nabla^2\Phi$. Products with both are exact (the R-operator).
fn second_derivatives(arch: &Arch, theta: &[f64], x: &[f64]) -> Result<Vec<f64>> {
    let device = &candle_core::Device::Cpu;
    let (input, point) =
        (Tensor::from_slice(x, (1, x.len()), device)?, Tensor::from_slice(theta, theta.len(), device)?);
    let risk = |y: f64| {
        let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
        let target = Tensor::from_slice(&[y], (1, 1), device)?;
        Ok::<_, crate::StudyError>(
            EmpiricalRisk::new(arch, Examples::new(&input, &target)?, criterion)?.with_memory(1 << 26),
        )
    };
    let output = collado_landscape::Tangent::new(arch, &point, &input)?.outputs()[0];
    let of = ExactCurvature::new(&risk(output - 0.5)?)?;
    let size = theta.len();
    let identity: Vec<f64> = (0..size * size).map(|at| f64::from(u8::from(at / size == at % size))).collect();
    let product = |form| -> Result<Vec<f64>> {
        let mut out = vec![0.; size * size];
        Curvature::new(&of, form, &point)?.apply(&identity, &mut out)?;
        Ok(out)
    };
    let (hessian, gauss_newton) = (product(CurvatureForm::Hessian)?, product(CurvatureForm::GaussNewton)?);
    Ok(hessian.iter().zip(&gauss_newton).map(|(h, g)| h - g).collect())
}

impl Blocks {
    fn new(second: &[f64], x: &[f64], neurons: usize) -> Self {
        let (d, size) = (x.len(), neurons * (x.len() + 1));
        // The neuron of a column, and whether it is that of an outer weight: θ¹ row by row, then θ².
        let neuron = |at: usize| if at < neurons * d { (at / d, false) } else { (at - neurons * d, true) };
        let square = x.iter().map(|x| x * x).sum::<f64>();
        let mut blocks = Self { mixed: 0., first: 0., outer: 0., across: 0. };
        for (at, &value) in second.iter().enumerate() {
            let ((i, i_outer), (j, j_outer)) = (neuron(at / size), neuron(at % size));
            let keep = |most: &mut f64| *most = if value.abs() <= *most { *most } else { value.abs() };
            match (i == j, i_outer, j_outer) {
                (_, true, true) => keep(&mut blocks.outer),
                (false, ..) => keep(&mut blocks.across),
                (true, true, false) => blocks.mixed += value * value / square,
                (true, false, false) => blocks.first += value * value / (square * square),
                // The Hessian is symmetric.
                (true, false, true) => {}
            }
        }
        blocks.mixed /= neurons as f64;
        blocks
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Against central differences of Φ, computed here from its formula.
    #[test]
    fn second_derivatives_are_those_of_the_network() {
        let (n, x) = (3, [0.6, -0.8, 1.]);
        let arch = Arch::dense(Activation::Softplus, &[3, n, 1], false).unwrap();
        let theta: Vec<f64> = (0..12).map(|i| f64::from(i * i % 7) / 4. - 0.7).collect();
        let phi = |theta: &[f64]| -> f64 {
            let z = |j: usize| (0..3).map(|k| theta[3 * j + k] * x[k]).sum::<f64>();
            (0..n).map(|j| theta[9 + j] * (1. + z(j).exp()).ln()).sum()
        };
        let second = second_derivatives(&arch, &theta, &x).unwrap();
        let h = 1e-4;
        for (a, b) in (0..12).flat_map(|a| (0..12).map(move |b| (a, b))) {
            let at = |s: f64, t: f64| {
                let mut theta = theta.clone();
                theta[a] += s;
                theta[b] += t;
                phi(&theta)
            };
            let difference = (at(h, h) - at(h, -h) - at(-h, h) + at(-h, -h)) / (4. * h * h);
            assert!(
                (second[12 * a + b] - difference).abs() < 1e-6,
                "{a} {b}: {} {difference}",
                second[12 * a + b]
            );
        }
        let blocks = Blocks::new(&second, &x, n);
        assert!(blocks.outer <= 1e-14 && blocks.across <= 1e-14 && blocks.mixed > 0.1 && blocks.first > 1e-3);
    }
}
