//! Descriptions of dense networks, and the `--arch` strings that they are read from.

use std::{fmt, str::FromStr};

use crate::{Activation, Error, Result};

/// The use of the last layer's outputs, which decides the loss where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Head {
    /// The outputs are class scores; the loss is cross-entropy.
    Classify,
    /// The outputs are real values; the loss is the squared loss.
    Regress,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Family {
    /// Dense layers of the widths n_0..n_K with an activation between them.
    Dense(Activation, Vec<usize>),
    /// One hidden layer of N ReLU neurons, each with its bias beside its weights (docs/theory.md §11).
    TwoLayer(usize),
}

/// The parsed name of a network, such as `relu:64-64-10`, `linear:6-8-3?bias=true` or `two-layer:256?head=regress`.
///
/// It becomes an [`Arch`] by [`resolve`](Self::resolve), where the data say what the string leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArchSpec {
    family: Family,
    bias: Option<bool>,
    head: Option<Head>,
}

impl ArchSpec {
    /// The network for data with `inputs` features, read out by `outputs` numbers.
    ///
    /// # Errors
    /// When the string states other numbers of inputs or outputs.
    pub fn resolve(&self, inputs: usize, outputs: usize) -> Result<Arch> {
        let arch = self.with_ends(inputs, outputs);
        if arch.inputs() != inputs {
            return Err(self.error(format!("takes {} inputs, the data have {inputs}", arch.inputs())));
        }
        if arch.outputs() != outputs {
            return Err(self.error(format!("has {} outputs, the data need {outputs}", arch.outputs())));
        }
        Ok(arch)
    }

    /// The network that the string itself describes; `inputs` and `outputs` are used for `two-layer:` only.
    pub fn with_ends(&self, inputs: usize, outputs: usize) -> Arch {
        let (activation, widths, hidden_bias, output_bias) = match &self.family {
            Family::Dense(activation, widths) => {
                let bias = self.bias.unwrap_or(*activation != Activation::Linear);
                (*activation, widths.clone(), bias, bias)
            }
            Family::TwoLayer(n) => {
                (Activation::Relu, vec![inputs, *n, outputs], true, self.bias.unwrap_or(false))
            }
        };
        Arch { spec: self.clone(), activation, widths, hidden_bias, output_bias }
    }

    /// The use of the outputs, where the string states it.
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    fn error(&self, reason: String) -> Error {
        Error::Arch { spec: self.to_string(), reason }
    }
}

/// The description of a dense network $\Phi(x;\theta) = W_K\,\rho(\dots\rho(W_1x+b_1)\dots)+b_K$: its widths, its
/// activation and which layers have biases, but no parameters θ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arch {
    spec: ArchSpec,
    activation: Activation,
    widths: Vec<usize>,
    hidden_bias: bool,
    output_bias: bool,
}

impl Arch {
    /// Dense layers of the given widths $n_0..n_K$ (at least two); either all of them have a bias or none.
    ///
    /// # Errors
    /// When there are fewer than two widths or one is 0.
    pub fn dense(activation: Activation, widths: &[usize], bias: bool) -> Result<Self> {
        let list = widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
        format!("{activation}:{list}?bias={bias}").parse::<ArchSpec>().map(|spec| spec.with_ends(0, 0))
    }

    /// The ReLU network with the given widths $n_0..n_K$ (at least two) and a bias in each layer.
    ///
    /// # Errors
    /// When there are fewer than two widths or one is 0.
    pub fn relu(widths: impl AsRef<[usize]>) -> Result<Self> {
        Self::dense(Activation::Relu, widths.as_ref(), true)
    }

    /// The two-layer ReLU network $\Phi(x;\theta)=\sum_j\theta^2_j\,\rho(\langle\theta^1_j,\lbrack x;1\rbrack\rangle)$
    /// (docs/theory.md §11).
    ///
    /// # Errors
    /// When a width is 0.
    pub fn two_layer(inputs: usize, neurons: usize, outputs: usize) -> Result<Self> {
        format!("two-layer:{neurons}").parse::<ArchSpec>()?.resolve(inputs, outputs)
    }

    /// The six-parameter network of Example 1.20 (Berner et al. 2021),
    /// $\Phi(x,\theta)=\theta_1\rho(\theta_3x+\theta_5)+\theta_2\rho(\theta_4x+\theta_6)$: `two-layer:2` with one
    /// input. A row of its stack is $(\theta_3,\theta_4,\theta_5,\theta_6,\theta_1,\theta_2)$.
    pub fn example_1_20() -> Self {
        ArchSpec { family: Family::TwoLayer(2), bias: None, head: Some(Head::Regress) }.with_ends(1, 1)
    }

    /// The `--arch` string that describes this network.
    pub fn spec(&self) -> &ArchSpec {
        &self.spec
    }

    /// The activation function between two layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The widths $n_0, \dots, n_K$, from the inputs to the outputs.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// Number of layers K.
    pub fn depth(&self) -> usize {
        self.widths.len() - 1
    }

    /// The number of inputs, $n_0$.
    pub fn inputs(&self) -> usize {
        self.widths[0]
    }

    /// The number of outputs, $n_K$.
    pub fn outputs(&self) -> usize {
        self.widths[self.depth()]
    }

    /// Whether layer `k` (0-based) has a bias.
    pub fn has_bias(&self, k: usize) -> bool {
        if k + 1 == self.depth() { self.output_bias } else { self.hidden_bias }
    }

    /// Name of layer `k` (0-based) in a PyTorch `nn.Sequential`, in which activations are numbered too.
    pub fn layer_name(&self, k: usize) -> String {
        let step = if self.activation == Activation::Linear { 1 } else { 2 };
        (step * k).to_string()
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(f)
    }
}

impl fmt::Display for ArchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.family {
            Family::Dense(activation, widths) => {
                let widths = widths.iter().map(ToString::to_string).collect::<Vec<_>>();
                write!(f, "{activation}:{}", widths.join("-"))?;
            }
            Family::TwoLayer(n) => write!(f, "two-layer:{n}")?,
        }
        let default = matches!(&self.family, Family::Dense(a, _) if *a != Activation::Linear);
        let bias = self.bias.filter(|b| *b != default).map(|b| format!("bias={b}"));
        let head = self.head.map(|h| match h {
            Head::Classify => "head=classify".to_owned(),
            Head::Regress => "head=regress".to_owned(),
        });
        let options: Vec<_> = bias.into_iter().chain(head).collect();
        if options.is_empty() { Ok(()) } else { write!(f, "?{}", options.join("&")) }
    }
}

impl FromStr for ArchSpec {
    type Err = Error;

    fn from_str(spec: &str) -> Result<Self> {
        let error = |reason: &str| Error::Arch { spec: spec.into(), reason: reason.into() };
        let (body, options) = spec.split_once('?').unwrap_or((spec, ""));
        let (family, sizes) =
            body.split_once(':').ok_or_else(|| error("expected a form like relu:64-64-10"))?;
        let sizes = sizes
            .split('-')
            .map(|n| n.parse().ok().filter(|n| (1..=MAX_WIDTH).contains(n)))
            .collect::<Option<Vec<usize>>>()
            .ok_or_else(|| error("expected widths from 1 to 1048576 with '-' between them"))?;
        let family = match (family, sizes.as_slice()) {
            ("two-layer", [n]) => Family::TwoLayer(*n),
            ("two-layer", _) => return Err(error("expected one number, as in two-layer:256")),
            (_, [_]) => return Err(error("expected at least two widths, input and output")),
            (name, _) => Family::Dense(activation(name).ok_or_else(|| error(&unknown_family()))?, sizes),
        };
        let mut arch = Self { family, bias: None, head: None };
        for option in options.split('&').filter(|o| !o.is_empty()) {
            match option {
                "bias=true" => arch.bias = Some(true),
                "bias=false" => arch.bias = Some(false),
                "head=classify" => arch.head = Some(Head::Classify),
                "head=regress" => arch.head = Some(Head::Regress),
                _ => return Err(error("expected the options bias=true|false, head=classify|regress")),
            }
        }
        Ok(arch)
    }
}

/// Wider layers would overflow the sizes of a row long before they fit into memory.
const MAX_WIDTH: usize = 1 << 20;

fn activation(name: &str) -> Option<Activation> {
    name.parse().ok()
}

fn unknown_family() -> String {
    format!("unknown family; expected one of {}, two-layer", Activation::ALL.map(Activation::name).join(", "))
}
