//! Random initialisation: the distributions from which training starts.

use std::{collections::HashSet, fmt, ops::Range, str::FromStr};

use candle_core::{DType, Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::{Affine, Arch, Error, Op, Result};

/// The distribution that initial parameters are drawn from. Biases are 0 unless stated otherwise; normalisations have
/// the scale 1 and the shift 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Init {
    /// The default of PyTorch's `nn.Linear` and `nn.Conv2d`: weights and biases uniform in $\pm1/\sqrt{n_\text{in}}$.
    #[default]
    Pytorch,
    /// Normal, $N(0,2/n_\text{in})$ (He et al. 2015).
    He,
    /// Uniform in $\pm\sqrt{6/(n_\text{in}+n_\text{out})}$ (Glorot & Bengio 2010).
    Xavier,
    /// Normal, $N(0,\sigma^2/n_\text{in})$.
    Normal {
        /// The factor σ of the standard deviation.
        sigma: f64,
    },
    /// First layer with its bias $N(0,1)$, the others $N(0,1/n_\text{in})$ (docs/theory.md §11).
    Standard,
    /// First layer with its bias $N(0,1/n_1)$, the others $N(0,1/n_\text{in})$: with it the kernel of a two-layer
    /// network does not grow with the width $n_1$ (docs/theory.md §11).
    Narrow,
    /// Orthonormal rows or columns, whichever are fewer (Saxe et al. 2014).
    Orthogonal,
}

impl Init {
    /// Draws one point `[S]` of `arch`, in the order of a stack's columns. A tensor that several operations share is that
    /// of the first. Tables of embeddings are $N(0,1)$, parameters that are used as values $N(0,0.02^2)$.
    pub fn init(&self, arch: &Arch, rng: &mut impl Rng) -> Vec<f64> {
        let network = arch.network();
        let mut theta = vec![0.; network.size()];
        let mut drawn = HashSet::new();
        let mut layers = 0..;
        for node in network.nodes() {
            let places: Vec<Range<usize>> = node.op.parameters().collect();
            let k = match node.op {
                Op::Affine(_) => layers.next().expect("there are more numbers than layers"),
                _ => 0,
            };
            if places.first().is_none_or(|columns| !drawn.insert(columns.start)) {
                continue;
            }
            let mut numbers = Vec::new();
            match &node.op {
                Op::Affine(layer) => self.layer(layer, k, &mut numbers, rng),
                Op::Norm(norm) => numbers.resize(norm.weight.as_ref().map_or(0, Range::len), 1.),
                Op::Embedding(table) => normal(&mut numbers, table.table.len(), 1., rng),
                _ => normal(&mut numbers, places[0].len(), 0.02, rng),
            }
            // What was not drawn is 0.
            for columns in places {
                let count = columns.len().min(numbers.len());
                let rest = numbers.split_off(count);
                theta[columns.start..columns.start + count].copy_from_slice(&numbers);
                numbers = rest;
            }
        }
        theta
    }

    /// Draws the weight of the affine map number `k`, and its bias unless that is 0.
    fn layer(&self, layer: &Affine, k: usize, theta: &mut Vec<f64>, rng: &mut impl Rng) {
        // For a convolution the inputs that one output depends on, and the outputs that depend on one input.
        let (inputs, outputs) = (layer.fan_in(), layer.outputs());
        let fan_out = layer.weight.len() / layer.inputs();
        let biases = layer.bias.as_ref().map_or(0, Range::len);
        let fan = inputs as f64;
        match self {
            Self::Pytorch => uniform(theta, inputs * outputs + biases, fan.sqrt().recip(), rng),
            Self::Standard if k == 0 => normal(theta, inputs * outputs + biases, 1., rng),
            Self::Narrow if k == 0 => {
                normal(theta, inputs * outputs + biases, (outputs as f64).sqrt().recip(), rng);
            }
            Self::Standard | Self::Narrow => normal(theta, inputs * outputs, fan.sqrt().recip(), rng),
            Self::He => normal(theta, inputs * outputs, (2. / fan).sqrt(), rng),
            Self::Normal { sigma } => normal(theta, inputs * outputs, sigma / fan.sqrt(), rng),
            Self::Xavier => {
                uniform(theta, inputs * outputs, (6. / (inputs + fan_out) as f64).sqrt(), rng);
            }
            Self::Orthogonal => orthogonal(theta, outputs, inputs, rng),
        }
    }

    /// Draws a stack `[P, S]`, one point for each seed, each from its own generator, so that no row depends on the
    /// others.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn stack(&self, arch: &Arch, seeds: &[u64], dtype: DType, device: &Device) -> Result<Tensor> {
        let rows: Vec<f64> =
            seeds.iter().flat_map(|&seed| self.init(arch, &mut ChaCha8Rng::seed_from_u64(seed))).collect();
        let shape = (seeds.len(), arch.layout().len());
        Ok(Tensor::from_vec(rows, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?)
    }
}

fn uniform(theta: &mut Vec<f64>, count: usize, bound: f64, rng: &mut impl Rng) {
    theta.extend((0..count).map(|_| bound * rng.random_range(-1. ..1.)));
}

fn normal(theta: &mut Vec<f64>, count: usize, sigma: f64, rng: &mut impl Rng) {
    theta.extend((0..count).map(|_| sigma * rng.sample::<f64, _>(StandardNormal)));
}

/// Orthonormal vectors from Gaussian ones by the Gram–Schmidt method, done twice for stability.
fn orthogonal(theta: &mut Vec<f64>, rows: usize, cols: usize, rng: &mut impl Rng) {
    let (count, size) = (rows.min(cols), rows.max(cols));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut v = Vec::new();
        normal(&mut v, size, 1., rng);
        for _ in 0..2 {
            for b in &basis {
                let dot: f64 = b.iter().zip(&v).map(|(b, v)| b * v).sum();
                v.iter_mut().zip(b).for_each(|(v, b)| *v -= dot * b);
            }
        }
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter_mut().for_each(|x| *x /= norm);
        basis.push(v);
    }
    let entries = (0..rows * cols).map(|at| (at / cols, at % cols));
    theta.extend(entries.map(|(i, j)| if rows <= cols { basis[i][j] } else { basis[j][i] }));
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pytorch => f.write_str("pytorch"),
            Self::He => f.write_str("he"),
            Self::Xavier => f.write_str("xavier"),
            Self::Normal { sigma } => write!(f, "normal:{sigma}"),
            Self::Standard => f.write_str("standard"),
            Self::Narrow => f.write_str("narrow"),
            Self::Orthogonal => f.write_str("orthogonal"),
        }
    }
}

impl FromStr for Init {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let sigma = name
            .strip_prefix("normal:")
            .and_then(|s| s.parse().ok())
            .filter(|s: &f64| s.is_finite() && *s >= 0.);
        Ok(match name {
            "pytorch" => Self::Pytorch,
            "he" => Self::He,
            "xavier" => Self::Xavier,
            "normal" => Self::Normal { sigma: 1. },
            "standard" => Self::Standard,
            "narrow" => Self::Narrow,
            "orthogonal" => Self::Orthogonal,
            _ => match sigma {
                Some(sigma) => Self::Normal { sigma },
                None => {
                    let expected = "pytorch, he, xavier, normal[:SIGMA], standard, narrow or orthogonal";
                    return Err(Error::Setting { name: "init", expected, found: name.into() });
                }
            },
        })
    }
}
