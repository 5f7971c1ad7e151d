//! Dense networks $\Phi(x;\theta)=W_K\,\rho(\dots\rho(W_1x+b_1)\dots)+b_K$ (Berner et al. 2021, Def. 1.4) as candle
//! modules. They take their tensors under the names of [`Arch::layout`](crate::Arch::layout).

use candle_core::{Module, Tensor};
use candle_nn::{Init, Linear, VarBuilder};

use crate::{Activation, Affine, Algebra, Arch, Error, Network, Result};

/// The candle module of any [`Arch`].
#[derive(Debug, Clone)]
pub struct Mlp {
    network: Network,
    layers: Vec<Linear>,
}

impl Mlp {
    /// Takes the tensors of `arch` from `vb`; tensors that `vb` has to create are initialised as in PyTorch's
    /// `nn.Linear`.
    ///
    /// # Errors
    /// When `vb` lacks a tensor or has it in another shape.
    pub fn new(arch: &Arch, vb: VarBuilder<'_>) -> candle_core::Result<Self> {
        let network = arch.network();
        let layers = network.affine().map(|layer| linear(layer, vb.pp(&layer.name)));
        Ok(Self { layers: layers.collect::<candle_core::Result<_>>()?, network })
    }

    /// The affine layers, from the first to the last.
    pub fn layers(&self) -> &[Linear] {
        &self.layers
    }

    /// The activation function between two layers.
    pub fn activation(&self) -> Activation {
        self.network.arch().activation()
    }
}

fn linear(layer: &Affine, vb: VarBuilder<'_>) -> candle_core::Result<Linear> {
    let bound = (layer.inputs() as f64).sqrt().recip();
    let hint = Init::Uniform { lo: -bound, up: bound };
    let weight = vb.get_with_hints((layer.outputs(), layer.inputs()), "weight", hint)?;
    let bias = layer.bias.is_some().then(|| vb.get_with_hints(layer.outputs(), "bias", hint));
    Ok(Linear::new(weight, bias.transpose()?))
}

/// The modules of the affine layers that are still to come.
struct Layers<'a>(std::slice::Iter<'a, Linear>);

impl Algebra for Layers<'_> {
    type Value = Tensor;
    type Error = Error;
    const NAME: &'static str = "a candle module";

    fn affine(&mut self, _: &Affine, x: &Tensor) -> Result<Tensor> {
        Ok(self.0.next().expect("a module for each layer").forward(x)?)
    }

    fn activation(&mut self, rho: Activation, x: Tensor) -> Result<Tensor> {
        Ok(rho.forward(&x)?)
    }
}

impl Module for Mlp {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.network.run(&mut Layers(self.layers.iter()), x.clone()).map_err(|error| match error {
            Error::Candle(error) => error,
            error => candle_core::Error::wrap(error),
        })
    }
}

/// Declares the module of one family of networks, constructed from the sizes that the family leaves open.
macro_rules! family {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) => $arch:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(Mlp);

        impl $name {
            /// Takes the tensors of the network from `vb`.
            ///
            /// # Errors
            /// When a width is 0, or `vb` lacks a tensor or has it in another shape.
            pub fn new($($arg: $type,)* vb: VarBuilder<'_>) -> candle_core::Result<Self> {
                let arch: crate::Result<Arch> = $arch;
                Mlp::new(&arch.map_err(candle_core::Error::wrap)?, vb).map(Self)
            }

            /// The affine layers, from the first to the last.
            pub fn layers(&self) -> &[Linear] {
                self.0.layers()
            }
        }

        impl Module for $name {
            fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
                self.0.forward(x)
            }
        }
    };
}

family! {
    /// The deep linear network $\Phi(x;\theta)=W_K\cdots W_1x$ with the widths $n_0..n_K$, without biases.
    DeepLinear(widths: &[usize]) => Arch::dense(Activation::Linear, widths, false)
}
family! {
    /// The ReLU network with the widths $n_0..n_K$, with biases.
    ReluNet(widths: &[usize]) => Arch::dense(Activation::Relu, widths, true)
}
family! {
    /// The two-layer ReLU network $\Phi(x;\theta)=\sum_j\theta^2_j\,\rho(\langle\theta^1_j,(x,1)\rangle)$
    /// (docs/theory.md §11).
    TwoLayer(inputs: usize, neurons: usize, outputs: usize) => Arch::two_layer(inputs, neurons, outputs)
}
family! {
    /// The six-parameter network of Example 1.20 (Berner et al. 2021): see
    /// [`Arch::example_1_20`](crate::Arch::example_1_20).
    Example120() => Ok(Arch::example_1_20())
}
