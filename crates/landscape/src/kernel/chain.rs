//! The empirical neural tangent kernel of a chain of dense layers.

use candle_core::{DType, Device, Tensor};
use collado_models::{Activation, Affine, Algebra, Arch, Error, Result};
use faer::MatRef;
use tracing::debug_span;

use super::{
    Kernel, Outputs,
    gram::{Part, rows_times},
};

/// A dense network near one point θ, on m examples: outputs and tangent kernels, in f64.
///
/// With the inputs $a_{k-1}$ `[m, n_{k-1}]` of layer k and the slopes $\delta_{k,o}=\partial\Phi_o/\partial z_k$ `[m,
/// n_k]` of its units, weights and biases of layer k contribute to $JJ^\top$
/// $$\Theta_k=(\delta_{k,o}\,\delta_{k,o'}^\top)\circ(a_{k-1}a_{k-1}^\top+b_k),\qquad\Theta=\sum_{k=1}^K\Theta_k,$$
/// with $b_k=1$ where there is a bias and 0 where there is none. So $J$ `[mq, S]` is never formed: slopes come from one
/// backward pass for each output, Gram matrices are taken tile by tile, in parallel, in the same order for any number
/// of threads.
#[derive(Debug, Clone)]
pub(super) struct ChainTangent {
    pub(super) arch: Arch,
    pub(super) examples: usize,
    pub(super) memory: usize,
    /// The weights $W_k$ `[n_k, n_{k-1}]`.
    weights: Vec<Vec<f64>>,
    /// The inputs $a_0,\dots,a_{K-1}$ of the layers.
    inputs: Vec<Vec<f64>>,
    /// The slopes $\rho'(z_1),\dots,\rho'(z_{K-1})$ of the activations.
    slopes: Vec<Vec<f64>>,
    /// The outputs $\Phi(x_i)$ `[m, q]`.
    pub(super) outputs: Vec<f64>,
}

impl ChainTangent {
    pub(super) fn new(arch: &Arch, theta: &Tensor, inputs: &Tensor) -> Result<Self> {
        let (examples, features) = inputs.dims2()?;
        check("parameters of a point", &[arch.layout().len()], theta.dims())?;
        check("inputs", &[examples.max(1), arch.inputs()], &[examples, features])?;
        let network = arch.network();
        let layers = network.dense_chain("the tangent kernel")?.iter();
        let theta = wide(theta)?;
        let mut numbers = Numbers { theta: &theta, inputs: Vec::new(), slopes: Vec::new() };
        let outputs = network.run(&mut numbers, wide(inputs)?)?;
        let Numbers { inputs, slopes, .. } = numbers;
        let weights = layers.map(|layer| layer.weight_of(&theta).to_vec()).collect();
        Ok(Self { arch: arch.clone(), examples, memory: 1 << 30, weights, inputs, slopes, outputs })
    }

    /// The kernel of the last hidden layer's values.
    pub(super) fn last_layer(&self) -> Kernel {
        let mut kernel = Kernel::zeros(self.examples);
        let ones = vec![1.; self.examples];
        let inputs = &self.inputs[self.arch.depth() - 1];
        let part =
            Part { slopes: &ones, inputs, examples: self.examples, outputs: 1, bias: false, scale: 1. };
        part.add_to(&mut kernel);
        kernel.mirror();
        kernel
    }

    /// The sum of the parts of some layers.
    pub(super) fn sum(&self, outputs: Outputs, layers: std::ops::Range<usize>) -> Kernel {
        let _span = debug_span!("kernel", examples = self.examples, ?layers).entered();
        let q = self.arch.outputs();
        let each = if outputs == Outputs::Each { q } else { 1 };
        let group = if outputs == Outputs::Each { q } else { self.group() };
        let scale = if outputs == Outputs::Each { 1. } else { (q as f64).recip() };
        let mut kernel = Kernel::zeros(self.examples * each);
        for from in (0..q).step_by(group) {
            let mut slopes = self.top(from..(from + group).min(q));
            for k in (layers.start..self.arch.depth()).rev() {
                if k < layers.end {
                    let (inputs, bias) = (&self.inputs[k], self.arch.has_bias(k));
                    let examples = self.examples;
                    let part = Part { slopes: &slopes, inputs, examples, outputs: each, bias, scale };
                    part.add_to(&mut kernel);
                }
                if k > layers.start {
                    slopes = self.below(k, &slopes);
                }
            }
        }
        kernel.mirror();
        kernel
    }

    /// Number of outputs that are propagated backward together.
    fn group(&self) -> usize {
        let widest = *self.arch.widths()[1..].iter().max().expect("a network has a layer");
        (self.memory / (self.examples * widest * size_of::<f64>())).clamp(1, self.arch.outputs())
    }

    /// The slopes $\delta_{K,o}$ of some outputs, `[m, outputs, q]`, with a single one in each row.
    fn top(&self, outputs: std::ops::Range<usize>) -> Vec<f64> {
        let q = self.arch.outputs();
        let mut slopes = vec![0.; self.examples * outputs.len() * q];
        for example in slopes.chunks_exact_mut(outputs.len() * q) {
            outputs.clone().enumerate().for_each(|(row, o)| example[row * q + o] = 1.);
        }
        slopes
    }

    /// The slopes below layer `k` (0-based) from those above it, `[m, c, n_k]`:
    /// $\delta_{k-1}=\delta_kW_k\circ\rho'(z_{k-1})$.
    fn below(&self, k: usize, slopes: &[f64]) -> Vec<f64> {
        let (out, width) = (self.arch.widths()[k + 1], self.arch.widths()[k]);
        let rows = slopes.len() / (self.examples * out);
        let weight = MatRef::from_row_major_slice(&self.weights[k], out, width);
        rows_times(slopes, weight, |row, delta| {
            let rho = &self.slopes[k - 1][row / rows * width..][..width];
            delta.iter_mut().zip(rho).for_each(|(delta, rho)| *delta *= rho);
        })
    }
}

/// The arithmetic of the forward pass over all examples; a value is `[m, n]`, row by row.
struct Numbers<'a> {
    theta: &'a [f64],
    /// The inputs $a_0,\dots,a_{K-1}$ of the layers.
    inputs: Vec<Vec<f64>>,
    /// The slopes $\rho'(z_1),\dots,\rho'(z_{K-1})$ of the activations.
    slopes: Vec<Vec<f64>>,
}

impl Algebra for Numbers<'_> {
    type Value = Vec<f64>;
    type Error = collado_models::Error;
    const NAME: &'static str = "the tangent kernel";

    fn affine(&mut self, op: &Affine, x: &Vec<f64>) -> collado_models::Result<Vec<f64>> {
        self.inputs.push(x.clone());
        let weight = MatRef::from_row_major_slice(op.weight_of(self.theta), op.outputs(), op.inputs());
        let bias = op.bias_of(self.theta).unwrap_or_default();
        Ok(rows_times(x, weight.transpose(), |_, row| {
            row.iter_mut().zip(bias).for_each(|(z, b)| *z += b);
        }))
    }

    fn activation(&mut self, rho: Activation, x: Vec<f64>) -> collado_models::Result<Vec<f64>> {
        let a: Vec<f64> = x.iter().map(|&z| rho.value(z)).collect();
        self.slopes.push(x.iter().zip(&a).map(|(&z, &a)| rho.slope(z, a)).collect());
        Ok(a)
    }
}

pub(super) fn check(what: &str, expected: &[usize], found: &[usize]) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
    Err(Error::Mismatch { what: what.into(), expected, found })
}

pub(super) fn wide(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
