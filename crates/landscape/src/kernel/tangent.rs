//! The empirical neural tangent kernel of a network.

use std::{ops::Range, sync::Arc};

use candle_core::{DType, Tensor};
use collado_models::{Arch, Error, Result};
use collado_risk::{EmpiricalRisk, Jacobian};

use super::{
    Kernel,
    chain::{ChainTangent, wide},
    general::GeneralTangent,
};

/// The kind of tangent kernel of a network with q outputs; for one output both kinds are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outputs {
    /// The mean over the outputs, $\frac1q\sum_o\langle\nabla\Phi_o(x_i),\nabla\Phi_o(x_j)\rangle$, `[m, m]`.
    #[default]
    Mean,
    /// All pairs of outputs, $\langle\nabla\Phi_o(x_i),\nabla\Phi_{o'}(x_j)\rangle$, `[mq, mq]`, with the q outputs of
    /// an example next to each other.
    Each,
}

/// A network near one point θ, on m examples: outputs and tangent kernels, in f64.
///
/// The Jacobian J `[mq, S]` of a chain of dense layers is never formed: with the inputs $a_{k-1}$ `[m, n_{k-1}]` of layer
/// k and the slopes $\delta_{k,o}=\partial\Phi_o/\partial z_k$ `[m, n_k]` of its units, weights and biases of layer k
/// contribute to $JJ^\top$
/// $$\Theta_k=(\delta_{k,o}\,\delta_{k,o'}^\top)\circ(a_{k-1}a_{k-1}^\top+b_k),\qquad\Theta=\sum_{k=1}^K\Theta_k,$$
/// with $b_k=1$ where there is a bias and 0 where there is none. Slopes come from one backward pass for each output, Gram
/// matrices are taken tile by tile, in parallel, in the same order for any number of threads. Of other networks the rows
/// of J are [formed](Jacobian), for as many parameters at a time as memory holds.
#[derive(Debug, Clone)]
pub struct Tangent {
    arch: Arch,
    network: Derivatives,
}

#[derive(Debug, Clone)]
enum Derivatives {
    Chain(Box<ChainTangent>),
    General(GeneralTangent),
}

impl Tangent {
    /// The chain of dense layers `arch` at `theta` `[S]` on `inputs` `[m, n_0]`; both may be f32 and are widened.
    ///
    /// # Errors
    /// When the network is no such chain, the sizes do not fit, or there is no example.
    pub fn new(arch: &Arch, theta: &Tensor, inputs: &Tensor) -> Result<Self> {
        let chain = Box::new(ChainTangent::new(arch, theta, inputs)?);
        Ok(Self { arch: arch.clone(), network: Derivatives::Chain(chain) })
    }

    /// The network of `risk` at `theta` `[S]` on its examples, with the statistics of batch normalisation by its rule.
    ///
    /// # Errors
    /// When the sizes do not fit, and those of [`Jacobian::new`] for networks that are no chains of dense layers.
    pub fn of(risk: &EmpiricalRisk, theta: &Tensor) -> crate::Result<Self> {
        if risk.network().chain().is_some() {
            return Ok(Self::new(risk.arch(), theta, risk.data().inputs(DType::F64)?)?);
        }
        let jacobian = Arc::new(Jacobian::new(risk, wide(theta)?)?);
        let general = GeneralTangent::new(jacobian, risk.network().layout(), risk.network().outputs());
        Ok(Self { arch: risk.arch().clone(), network: Derivatives::General(general) })
    }

    /// Bounds the memory for slopes, in bytes (default: 1 GiB): with [`Outputs::Mean`] as many outputs at a time go
    /// backward as fit, at least one; of networks that are no chains of dense layers as many columns of J are held as fit.
    #[must_use]
    pub fn with_memory(mut self, bytes: usize) -> Self {
        match &mut self.network {
            Derivatives::Chain(chain) => chain.memory = bytes,
            Derivatives::General(general) => general.memory = bytes,
        }
        self
    }

    /// Number of examples m.
    pub fn examples(&self) -> usize {
        match &self.network {
            Derivatives::Chain(chain) => chain.examples,
            Derivatives::General(general) => general.jacobian.examples(),
        }
    }

    /// The architecture.
    pub fn arch(&self) -> &Arch {
        &self.arch
    }

    /// The outputs $\Phi(x_i;\theta)$ `[m, q]`, row by row.
    pub fn outputs(&self) -> &[f64] {
        match &self.network {
            Derivatives::Chain(chain) => &chain.outputs,
            Derivatives::General(general) => general.jacobian.outputs(),
        }
    }

    /// The Jacobian, of networks that are no chains of dense layers.
    pub fn jacobian(&self) -> Option<&Jacobian> {
        match &self.network {
            Derivatives::Chain(_) => None,
            Derivatives::General(general) => Some(&general.jacobian),
        }
    }

    /// The names of the layers that have parameters.
    pub fn layers(&self) -> Vec<String> {
        match &self.network {
            Derivatives::Chain(_) => (0..self.arch.depth()).map(|k| self.arch.layer_name(k)).collect(),
            Derivatives::General(general) => general.layers.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// The kernel $\bar K_\Theta=\sum_kv_kv_k^\top$ `[m, m]`, where $v_k$ are the values of the k-th unit of the last
    /// hidden layer. It is the part of the last layer's weights in the tangent kernel of every single output
    /// (docs/theory.md §11).
    pub fn last_layer(&self) -> Kernel {
        match &self.network {
            Derivatives::Chain(chain) => chain.last_layer(),
            Derivatives::General(general) => general.last_layer(),
        }
    }

    /// The empirical neural tangent kernel Θ.
    pub fn kernel(&self, outputs: Outputs) -> Kernel {
        match &self.network {
            Derivatives::Chain(chain) => chain.sum(outputs, 0..self.arch.depth()),
            Derivatives::General(general) => {
                general.sum(outputs, std::slice::from_ref(&(0..general.jacobian.size())))
            }
        }
    }

    /// The part $\Theta_{k+1}$ of the parameters of layer `k` (0-based) in the order of [`layers`](Self::layers).
    ///
    /// # Errors
    /// When there is no such layer.
    pub fn layer(&self, k: usize, outputs: Outputs) -> Result<Kernel> {
        let count = self.layers().len();
        if k >= count {
            let expected = format!("less than {count}");
            return Err(Error::Mismatch { what: "layer".into(), expected, found: k.to_string() });
        }
        Ok(match &self.network {
            Derivatives::Chain(chain) => chain.sum(outputs, k..k + 1),
            Derivatives::General(general) => general.sum(outputs, &general.layers[k].1),
        })
    }
}

/// The columns of a layer's parameters.
pub(super) type Columns = Vec<Range<usize>>;
