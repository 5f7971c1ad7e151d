//! The candle module of any network.

use std::collections::HashMap;

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
        let hints = hints(&network);
        let mut parts = Vec::new();
        for entry in network.layout().entries() {
            let hint = hints.get(&entry.offset).copied().unwrap_or(Init::Const(0.));
            parts.push(vb.get_with_hints(entry.shape.as_slice(), &entry.name, hint)?.flatten_all()?);
        }
        let mut statistics = Vec::new();
        for entry in network.buffers().entries() {
            statistics.push(match entry.name.rsplit('.').next() {
                // The number of batches has no meaning here.
                Some("num_batches_tracked") => Tensor::zeros(1, vb.dtype(), vb.device())?,
                tensor => {
                    let start = if tensor == Some("running_var") { 1. } else { 0. };
                    vb.get_with_hints(entry.shape.as_slice(), &entry.name, Init::Const(start))?
                }
            });
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

/// The initial distribution of each tensor, by its first column. The first operation that reads a tensor decides.
fn hints(network: &Network) -> HashMap<usize, Init> {
    let mut hints = HashMap::new();
    for node in network.nodes() {
        let each = match &node.op {
            Op::Affine(op) => {
                let bound = (op.fan_in() as f64).sqrt().recip();
                [Init::Uniform { lo: -bound, up: bound }; 2]
            }
            Op::Norm(op) if op.weight.is_none() => [Init::Const(0.); 2],
            Op::Norm(_) => [Init::Const(1.), Init::Const(0.)],
            Op::Embedding(_) => [Init::Randn { mean: 0., stdev: 1. }; 2],
            _ => [Init::Randn { mean: 0., stdev: 0.02 }; 2],
        };
        for (columns, hint) in node.op.parameters().zip(each) {
            hints.entry(columns.start).or_insert(hint);
        }
    }
    hints
}

impl ModuleT for NetworkModule {
    fn forward_t(&self, x: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        self.run(x, train).map_err(|error| match error {
            Error::Candle(error) => error,
            error => candle_core::Error::wrap(error),
        })
    }
}
