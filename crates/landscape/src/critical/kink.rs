//! Kinks of ReLU networks: how near a point is to one, and which neurons are dead.

use candle_core::Tensor;
use collado_models::{Activation, Affine, Algebra, Op};

use super::CriticalSearch;
use crate::{Error, Result};

/// A point with a smaller margin counts as on a kink. This is far above the error of a converged point, and far below
/// the margins of random points.
const ON: f64 = 1e-8;

/// The hidden layers and outputs at one point, on all examples.
pub(super) struct Hidden {
    /// The smallest $|z|/(|W||a|+|b|)$ over hidden ReLU neurons and examples: the relative distance to the nearest
    /// kink.
    pub(super) margin: f64,
    /// For each hidden layer, whether each neuron's activation is 0 on all examples.
    pub(super) dead: Vec<Vec<bool>>,
    /// For each batch normalisation, the variance of each channel before it.
    pub(super) variances: Vec<Vec<f64>>,
    /// The outputs `[N, q]`.
    pub(super) outputs: Vec<f64>,
}

impl CriticalSearch {
    pub(super) fn hidden(&self, theta: &[f64]) -> Result<Hidden> {
        if self.risk.network().chain().is_none() {
            return self.units(theta);
        }
        let point = self.point(theta)?;
        let mut neurons = Neurons { theta: &point, margin: f64::INFINITY, dead: Vec::new() };
        let outputs = self.risk.network().run(&mut neurons, self.inputs.clone())?;
        let Neurons { margin, dead, .. } = neurons;
        let outputs = outputs.flatten_all()?.to_vec1()?;
        Ok(Hidden { margin, dead, variances: Vec::new(), outputs })
    }

    /// The margin of a network with rectifiers; infinite where there are no kinks.
    pub(super) fn kink(&self, theta: &[f64]) -> Result<f64> {
        let nodes = self.risk.network().nodes();
        let has_kinks = nodes.iter().any(|node| matches!(node.op, Op::Activation(Activation::Relu)));
        Ok(if has_kinks { self.hidden(theta)?.margin } else { f64::INFINITY })
    }
}

/// The forward pass over all examples that examines each hidden neuron.
struct Neurons<'a> {
    theta: &'a Tensor,
    margin: f64,
    dead: Vec<Vec<bool>>,
}

impl Algebra for Neurons<'_> {
    type Value = Tensor;
    type Error = Error;
    const NAME: &'static str = "the search for kinks and silent neurons";

    fn affine(&mut self, op: &Affine, x: &Tensor) -> Result<Tensor> {
        Ok(op.forward(self.theta, x)?)
    }

    fn activation(&mut self, rho: Activation, x: Tensor) -> Result<Tensor> {
        let a = rho.forward(&x)?.contiguous()?;
        let most = a.abs()?.max(0)?.to_vec1::<f64>()?;
        self.dead.push(most.iter().map(|a| rho == Activation::Relu && *a == 0.).collect());
        Ok(a)
    }

    fn layer(&mut self, op: &Affine, rho: Activation, x: &Tensor) -> Result<Tensor> {
        let z = self.affine(op, x)?;
        if rho == Activation::Relu {
            let (weight, bias) = op.tensors(self.theta)?;
            self.margin = self.margin.min(nearest(x, &weight, bias.as_ref(), &z)?);
        }
        self.activation(rho, z)
    }
}

/// Whether a margin is so small that the point counts as on a kink.
pub(super) fn is_on_kink(margin: f64) -> bool {
    margin <= ON
}

/// The smallest $|z|/(|W||a|+|b|)$ of one layer. A neuron without weights is on its kink; an example that activates no
/// neuron is not.
fn nearest(below: &Tensor, weight: &Tensor, bias: Option<&Tensor>, z: &Tensor) -> Result<f64> {
    let mut size = below.abs()?.matmul(&weight.abs()?.t()?)?;
    if let Some(bias) = bias {
        size = size.broadcast_add(&bias.abs()?)?;
    }
    let reached: Vec<f64> = below.abs()?.sum(1)?.to_vec1()?;
    let rows = z.to_vec2::<f64>()?.into_iter().zip(size.to_vec2::<f64>()?).zip(reached);
    let ratio = |(z, size): (f64, f64)| if size > 0. { z.abs() / size } else { 0. };
    let rows = rows.filter(|(_, reached)| *reached > 0. || bias.is_some());
    Ok(rows.flat_map(|((z, size), _)| z.into_iter().zip(size).map(ratio)).fold(f64::INFINITY, f64::min))
}
