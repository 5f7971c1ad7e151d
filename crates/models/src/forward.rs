//! One dense network taken apart into its layers, and run on examples layer by layer.

use candle_core::Tensor;

use crate::{Arch, Error, Result};

/// Weight `[out, in]` and bias `[out]` of each layer of the point `theta` `[S]`.
///
/// # Errors
/// When `theta` is not a point of `arch`.
pub fn affine_layers(arch: &Arch, theta: &Tensor) -> Result<Vec<(Tensor, Option<Tensor>)>> {
    let mut tensors = arch.layout().split(theta)?;
    let mut take = |name: String| {
        tensors.remove(&name).ok_or_else(|| Error::mismatch("tensor of a layer", name, "none"))
    };
    (0..arch.depth())
        .map(|k| {
            let name = arch.layer_name(k);
            let bias = arch.has_bias(k).then(|| take(format!("{name}.bias"))).transpose()?;
            Ok((take(format!("{name}.weight"))?, bias))
        })
        .collect()
}

/// $z_k=W_k\,\rho(z_{k-1})+b_k$ of every layer, `[N, n_k]` each, at the point `theta` `[S]` for `inputs` `[N, n_0]`.
/// The last is the network's output; $\rho$ of the others are its activations.
///
/// All examples at once: the caller tiles them where N is large.
///
/// # Errors
/// When sizes, dtypes or devices do not fit.
pub fn pre_activations(arch: &Arch, theta: &Tensor, inputs: &Tensor) -> Result<Vec<Tensor>> {
    let (_, features) = inputs.dims2()?;
    if features != arch.inputs() {
        return Err(Error::mismatch(format!("{arch}: features"), arch.inputs(), features));
    }
    let mut all: Vec<Tensor> = Vec::with_capacity(arch.depth());
    for (weight, bias) in affine_layers(arch, theta)? {
        let below = all.last().map(|z| arch.activation().forward(z)).transpose()?;
        let z = below.as_ref().unwrap_or(inputs).matmul(&weight.t()?)?;
        all.push(match bias {
            Some(bias) => z.broadcast_add(&bias)?,
            None => z,
        });
    }
    Ok(all)
}
