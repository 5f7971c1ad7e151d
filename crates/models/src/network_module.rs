//! The candle module of any network.

use candle_core::Tensor;
use candle_nn::{Init, ModuleT, VarBuilder};

use crate::{Error, Network, Op, PointTensors, Result, TensorMoments};

/// The candle module of any [`Network`]. It takes its tensors under the names of the network's layout.
///
/// In training it normalises by the statistics of the batch, otherwise by the running statistics that it took from the
/// builder. It does not move those: [`Network::buffers`] lists them, and training elsewhere in this workspace keeps them.
#[derive(Debug, Clone)]
pub struct NetworkModule {
    network: Network,
    /// The parameters `[S]`.
    theta: Tensor,
    /// The running statistics `[B]`, if there are some.
    buffers: Option<Tensor>,
}

impl NetworkModule {
    /// Takes the tensors of `network` from `vb`; tensors that `vb` has to create are initialised as in PyTorch.
    ///
    /// # Errors
    /// When `vb` lacks a tensor or has it in another shape.
    pub fn new(network: impl Into<Network>, vb: VarBuilder<'_>) -> candle_core::Result<Self> {
        let network = network.into();
        let mut parts = Vec::new();
        let mut statistics = Vec::new();
        let mut take = |name: String, shape: &[usize], hint| -> candle_core::Result<()> {
            parts.push(vb.get_with_hints(shape, &name, hint)?.flatten_all()?);
            Ok(())
        };
        for node in network.nodes() {
            match &node.op {
                Op::Affine(op) => {
                    let bound = (op.fan_in() as f64).sqrt().recip();
                    let hint = Init::Uniform { lo: -bound, up: bound };
                    take(format!("{}.weight", op.name), &op.weight_shape(), hint)?;
                    if op.bias.is_some() {
                        take(format!("{}.bias", op.name), &[op.outputs()], hint)?;
                    }
                }
                Op::Norm(op) => {
                    take(format!("{}.weight", op.name), &[op.channels], Init::Const(1.))?;
                    take(format!("{}.bias", op.name), &[op.channels], Init::Const(0.))?;
                    if op.running.is_some() {
                        for (name, start) in [("running_mean", 0.), ("running_var", 1.)] {
                            let name = format!("{}.{name}", op.name);
                            statistics.push(vb.get_with_hints(op.channels, &name, Init::Const(start))?);
                        }
                        // The number of batches has no meaning here.
                        statistics.push(Tensor::zeros(1, vb.dtype(), vb.device())?);
                    }
                }
                _ => {}
            }
        }
        let theta = Tensor::cat(&parts, 0)?;
        let buffers = if statistics.is_empty() { None } else { Some(Tensor::cat(&statistics, 0)?.detach()) };
        Ok(Self { network, theta, buffers })
    }

    fn run(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.network.check_input(x.dims().get(1..).unwrap_or_default())?;
        let moments = match &self.buffers {
            Some(row) if !train => TensorMoments::Given(row),
            _ => TensorMoments::Batch,
        };
        let mut out = self.network.run(&mut PointTensors::new(&self.theta, moments), vec![x.clone()])?;
        Ok(out.remove(0))
    }
}

impl ModuleT for NetworkModule {
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        self.run(x, train).map_err(|error| match error {
            Error::Candle(error) => error,
            error => candle_core::Error::wrap(error),
        })
    }
}
