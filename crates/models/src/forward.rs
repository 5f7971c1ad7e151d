//! The forward pass of one network in candle tensors, with the results of every layer.

use candle_core::Tensor;

use crate::{Activation, Affine, Algebra, Arch, Error, Network, Result};

/// Weight `[out, in]` and bias `[out]` of each layer of the point `theta` `[S]`.
///
/// # Errors
/// When `theta` is not a point of `arch`, or the network is no chain of dense layers.
pub fn affine_layers(arch: &Arch, theta: &Tensor) -> Result<Vec<(Tensor, Option<Tensor>)>> {
    let network = arch.network();
    let tensors = Tensors::new(&network, theta)?;
    network.dense_chain("a list of layers")?.iter().map(|layer| layer.tensors(tensors.theta)).collect()
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
    let mut all = Vec::with_capacity(arch.depth());
    let mut tensors = Tensors::new(&network, theta)?;
    tensors.seen = Some(&mut all);
    check_features(&network, inputs)?;
    network.run(&mut tensors, inputs.clone())?;
    Ok(all)
}

fn check_features(network: &Network, inputs: &Tensor) -> Result<()> {
    let (_, features) = inputs.dims2()?;
    match network.nodes()[0].shape[..] {
        [expected] if expected == features => Ok(()),
        ref expected => Err(Error::mismatch(
            format!("{}: features", network.arch()),
            expected.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"),
            features,
        )),
    }
}

/// The arithmetic of candle tensors at one point; they carry gradients back to it.
struct Tensors<'a> {
    theta: &'a Tensor,
    /// The results of all affine maps are recorded here, if they are wanted.
    seen: Option<&'a mut Vec<Tensor>>,
}

impl<'a> Tensors<'a> {
    fn new(network: &Network, theta: &'a Tensor) -> Result<Self> {
        if theta.dims() != [network.size()] {
            return Err(Error::mismatch(
                "point",
                format!("[{}]", network.size()),
                format!("{:?}", theta.dims()),
            ));
        }
        Ok(Self { theta, seen: None })
    }
}

impl Algebra for Tensors<'_> {
    type Value = Tensor;
    type Error = Error;
    const NAME: &'static str = "a forward pass in tensors";

    fn affine(&mut self, op: &Affine, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = op.tensors(self.theta)?;
        let z = x.matmul(&weight.t()?)?;
        let z = match bias {
            Some(bias) => z.broadcast_add(&bias)?,
            None => z,
        };
        if let Some(seen) = &mut self.seen {
            seen.push(z.clone());
        }
        Ok(z)
    }

    fn activation(&mut self, rho: Activation, x: Tensor) -> Result<Tensor> {
        Ok(rho.forward(&x)?)
    }
}
