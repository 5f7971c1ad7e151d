//! The infinite-width limits of a network's kernels, in closed form.

use std::f64::consts::PI;

use candle_core::Tensor;
use collado_models::{Activation, Arch, Error, Init, Result};
use tracing::info_span;

use super::{
    Kernel,
    chain::{check, wide},
    gram::Part,
};

/// $\mathbb E\,\rho(u)\rho(v)$ and $\mathbb E\,\rho'(u)\rho'(v)$ for ReLU and $(u,v)\sim N(0,\Sigma)$ with
/// $\Sigma=\begin{pmatrix}s&c\\c&t\end{pmatrix}$: with $\cos\varphi=c/\sqrt{st}$ they are
/// $\frac{\sqrt{st}}{2\pi}(\sin\varphi+(\pi-\varphi)\cos\varphi)$ and $\frac{\pi-\varphi}{2\pi}$, the arc-cosine
/// kernels of order 1 and 0 (Cho & Saul 2009), halved.
pub fn arc_cosine(s: f64, c: f64, t: f64) -> (f64, f64) {
    let norm = (s * t).sqrt();
    if norm == 0. {
        // ρ′(0) = 0.
        return (0., 0.);
    }
    let cosine = (c / norm).clamp(-1., 1.);
    let angle = cosine.acos();
    (norm * (angle.sin() + (PI - angle) * cosine) / (2. * PI), (PI - angle) / (2. * PI))
}

/// The limits of a network's kernels at initialisation when its hidden layers grow, in closed form for ReLU and linear
/// networks.
///
/// The parameters are those of the network itself ("standard parameterisation", PyTorch's), not rescaled: weights of
/// layer k have variance $\sigma_k^2/n_{k-1}$, biases $\beta_k^2$, as [`Init`] draws them. With
/// $\Sigma_1=\sigma_1^2\,xx^\top/n_0+\beta_1^2$, $\Lambda_k=\mathbb E\,\rho(u)\rho(v)$, $\dot\Lambda_k=\mathbb
/// E\,\rho'(u)\rho'(v)$ over $(u,v)\sim N(0,\Sigma_k)$ and $\Sigma_{k+1}=\sigma_{k+1}^2\Lambda_k+\beta_{k+1}^2$,
/// $$\Theta_1=xx^\top+b_1,\qquad\Theta_{k+1}=\sigma_{k+1}^2\dot\Lambda_k\circ\Theta_k+n_k\Lambda_k+b_{k+1},$$
/// where $b_k$ is 1 if layer k has a bias (Lee et al. 2018; Jacot et al. 2018; Sohl-Dickstein et al. 2020 for this
/// parameterisation). $\Theta_K$ holds for each output and between two outputs is 0: it is the limit of both
/// [`Outputs`](super::Outputs). Where only $n_{k-1}\to\infty$ makes draws Gaussian (uniform ones), the first layer is
/// taken as if it were.
#[derive(Debug, Clone, PartialEq)]
pub struct WidthLimit {
    /// The NNGP kernel $\Sigma_K$: the covariance of an output over initialisations.
    pub covariance: Kernel,
    /// The neural tangent kernel $\Theta_K$.
    pub tangent: Kernel,
    /// The limit $n_{K-1}\Lambda_{K-1}$ of the last layer's kernel $\bar K_\Theta$.
    pub last_layer: Kernel,
}

impl WidthLimit {
    /// The limits for `arch` initialised by `init`, on `inputs` `[m, n_0]`.
    ///
    /// # Errors
    /// When sizes do not fit together, or no closed form is known here for the activation or the initialisation.
    pub fn new(arch: &Arch, init: Init, inputs: &Tensor) -> Result<Self> {
        arch.network().dense_chain("the infinite-width limit")?;
        let (m, features) = inputs.dims2()?;
        check("features", &[arch.inputs()], &[features])?;
        if !matches!(arch.activation(), Activation::Relu | Activation::Linear) {
            let found = arch.activation().to_string();
            return Err(Error::Unsupported { what: "the infinite-width limit", found });
        }
        let _span = info_span!("limit kernel", examples = m, depth = arch.depth()).entered();
        let layers = (0..arch.depth()).map(|k| Layer::new(arch, init, k)).collect::<Result<Vec<_>>>()?;
        let products = products(&wide(inputs)?, m);
        let relu = arch.activation() == Activation::Relu;
        // Σ_k at a single example, for k = 1..K.
        let own: Vec<Vec<f64>> = (0..m).map(|i| diagonal(&layers, relu, products.row(i)[i])).collect();
        let at = |i: usize, j: usize| element(&layers, relu, products.row(i)[j], &own[i], &own[j]);
        Ok(Self {
            covariance: Kernel::from_lower(m, |i, j| at(i, j).covariance),
            tangent: Kernel::from_lower(m, |i, j| at(i, j).tangent),
            last_layer: Kernel::from_lower(m, |i, j| at(i, j).last_layer),
        })
    }
}

/// The constants of a layer in the recursion.
struct Layer {
    /// The number of inputs, $n_{k-1}$.
    inputs: f64,
    /// The bias term $b_k$, 1 or 0.
    bias: f64,
    /// The variance $\sigma_k^2$ of the weights.
    weight_variance: f64,
    /// The variance $\beta_k^2$ of the biases.
    bias_variance: f64,
}

impl Layer {
    fn new(arch: &Arch, init: Init, k: usize) -> Result<Self> {
        let (inputs, outputs) = (arch.widths()[k] as f64, arch.widths()[k + 1] as f64);
        let (weight_variance, bias_variance) = match init {
            Init::Pytorch => (1. / 3., 1. / (3. * inputs)),
            Init::He => (2., 0.),
            Init::Xavier => (2. * inputs / (inputs + outputs), 0.),
            Init::Normal { sigma } => (sigma * sigma, 0.),
            Init::Standard if k == 0 => (inputs, 1.),
            Init::Narrow if k == 0 => (inputs / outputs, outputs.recip()),
            Init::Standard | Init::Narrow => (1., 0.),
            Init::Orthogonal => {
                let found = init.to_string();
                return Err(Error::Unsupported { what: "the infinite-width limit", found });
            }
        };
        let bias = f64::from(u8::from(arch.has_bias(k)));
        Ok(Self { inputs, bias, weight_variance, bias_variance: bias * bias_variance })
    }

    /// The covariance $\Sigma_k$ from the mean product of the layer's $n_{k-1}$ inputs.
    fn covariance(&self, average: f64) -> f64 {
        self.weight_variance * average + self.bias_variance
    }
}

/// The kernels at one pair of examples.
struct Element {
    covariance: f64,
    tangent: f64,
    last_layer: f64,
}

/// The recursion at one pair with $\langle x,x'\rangle$ = `product` and the $\Sigma_k$ of each of the two alone.
fn element(layers: &[Layer], relu: bool, product: f64, s: &[f64], t: &[f64]) -> Element {
    let mut at = Element {
        covariance: layers[0].covariance(product / layers[0].inputs),
        tangent: product + layers[0].bias,
        last_layer: product,
    };
    for (k, layer) in layers.iter().enumerate().skip(1) {
        let (values, slopes) =
            if relu { arc_cosine(s[k - 1], at.covariance, t[k - 1]) } else { (at.covariance, 1.) };
        at.last_layer = layer.inputs * values;
        at.tangent = layer.weight_variance * slopes * at.tangent + at.last_layer + layer.bias;
        at.covariance = layer.covariance(values);
    }
    at
}

/// The variances $\Sigma_1,\dots,\Sigma_K$ at one example with $\|x\|^2$ = `product`.
fn diagonal(layers: &[Layer], relu: bool, product: f64) -> Vec<f64> {
    let mut average = product / layers[0].inputs;
    let step = |layer: &Layer| {
        let covariance = layer.covariance(average);
        average = if relu { covariance / 2. } else { covariance };
        covariance
    };
    layers.iter().map(step).collect()
}

/// The Gram matrix $xx^\top$.
fn products(inputs: &[f64], examples: usize) -> Kernel {
    let mut kernel = Kernel::zeros(examples);
    let ones = vec![1.; examples];
    Part { slopes: &ones, inputs, examples, outputs: 1, bias: false, scale: 1. }.add_to(&mut kernel);
    kernel.mirror();
    kernel
}
