//! The forward pass of one network in candle tensors, with the results of every layer.

use candle_core::Tensor;

use crate::{Activation, Affine, Algebra, Arch, Error, Network, Result};

/// Weight `[out, in]` and bias `[out]` of each layer of the point `theta` `[S]`.
///
/// # Errors
/// When `theta` is not a point of `arch`, or the network is no chain of dense layers.
pub fn affine_layers(arch: &Arch, theta: &Tensor) -> Result<Vec<(Tensor, Option<Tensor>)>> {
    let network = arch.network();
    check_point(&network, theta)?;
    network.dense_chain("a list of layers")?.iter().map(|layer| layer.tensors(theta)).collect()
}

/// $z_k=W_k\,\rho(z_{k-1})+b_k$ of every layer, `[N, n_k]` each, at the point `theta` `[S]` for `inputs` `[N, n_0]`.
/// The last one is the network's output; $\rho$ of the others are the activations of the hidden layers.
///
/// All examples are computed at once; the caller cuts them into tiles where N is large.
///
/// # Errors
/// When sizes, dtypes or devices do not fit together.
pub fn pre_activations(arch: &Arch, theta: &Tensor, inputs: &Tensor) -> Result<Vec<Tensor>> {
    let network = arch.network();
    check_point(&network, theta)?;
    network.check_input(inputs.dims().get(1..).unwrap_or_default())?;
    let mut tensors = Tensors { theta, seen: Vec::with_capacity(arch.depth()) };
    network.run(&mut tensors, inputs.clone())?;
    Ok(tensors.seen)
}

fn check_point(network: &Network, theta: &Tensor) -> Result<()> {
    if theta.dims() == [network.size()] {
        return Ok(());
    }
    Err(Error::mismatch("point", format!("[{}]", network.size()), format!("{:?}", theta.dims())))
}

/// The arithmetic of candle tensors at one point; they carry gradients back to it.
struct Tensors<'a> {
    theta: &'a Tensor,
    /// The results of the affine operations so far.
    seen: Vec<Tensor>,
}

impl Algebra for Tensors<'_> {
    type Value = Tensor;
    type Error = Error;
    const NAME: &'static str = "a forward pass in tensors";

    fn affine(&mut self, op: &Affine, x: &Tensor) -> Result<Tensor> {
        let z = op.forward(self.theta, x)?;
        self.seen.push(z.clone());
        Ok(z)
    }

    fn activation(&mut self, rho: Activation, x: Tensor) -> Result<Tensor> {
        Ok(rho.forward(&x)?)
    }
}
