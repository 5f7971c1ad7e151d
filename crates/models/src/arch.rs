//! Descriptions of networks, and the `--arch` strings that they are read from.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::{Arc, LazyLock},
};

use crate::{Activation, Error, FixedTensors, ImageSpec, Result, network::Operations};

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
    /// A family for images.
    Image(ImageSpec),
    /// A list of operations that no string describes.
    Listed(Listed),
}

/// A list of operations with the name that stands for it.
#[derive(Debug, Clone)]
struct Listed {
    name: String,
    list: Arc<Operations>,
    /// Tensors that state dicts have beside those of the network.
    beside: Arc<FixedTensors>,
}

impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.does_the_same(other) && self.beside == other.beside
    }
}

impl Listed {
    fn does_the_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.list, &other.list) || self.list == other.list
    }
}

impl Eq for Listed {}

impl Hash for Listed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The parsed name of a network, such as `relu:64-64-10`, `linear:6-8-3?bias=true`, `two-layer:256?head=regress` or
/// `resnet20:width=2,norm=bn`.
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

    /// The network for images of the shape `input` (channels, height, width), read out by `outputs` numbers; for a
    /// dense network the pixels are its inputs.
    ///
    /// # Errors
    /// When the string states another shape or another number of outputs.
    pub fn resolve_images(&self, input: [usize; 3], outputs: usize) -> Result<Arch> {
        let Family::Image(image) = &self.family else {
            return self.resolve(input.iter().product(), outputs);
        };
        let shown = |shape: [usize; 3]| shape.map(|n| n.to_string()).join("x");
        if let Some(own) = image.input().filter(|own| *own != input) {
            let (own, found) = (shown(own), shown(input));
            return Err(self.error(format!("takes images of {own}, the data have {found}")));
        }
        if !image.takes(input) {
            return Err(self.error(format!("takes larger images than {}", shown(input))));
        }
        if let Some(own) = image.classes().filter(|own| *own != outputs) {
            return Err(self.error(format!("has {own} outputs, the data need {outputs}")));
        }
        Ok(self.of_image(image.complete(input, outputs)))
    }

    fn of_image(&self, image: ImageSpec) -> Arch {
        let (input, outputs) = (image.input().unwrap_or([3, 32, 32]), image.classes().unwrap_or(10));
        Arch {
            activation: image.activation(),
            widths: vec![input.iter().product(), outputs],
            hidden_bias: false,
            output_bias: false,
            spec: Self { family: Family::Image(image), ..self.clone() },
        }
    }

    /// The family for images, if it is one.
    pub fn image(&self) -> Option<&ImageSpec> {
        match &self.family {
            Family::Image(image) => Some(image),
            _ => None,
        }
    }

    /// Whether a list of operations describes the network, and no string does.
    pub fn is_listed(&self) -> bool {
        matches!(self.family, Family::Listed(_))
    }

    /// The list of operations of a network that no string describes.
    pub(crate) fn listed(&self) -> Option<&Arc<Operations>> {
        match &self.family {
            Family::Listed(Listed { list, .. }) => Some(list),
            _ => None,
        }
    }

    /// The same network where what the string leaves open is as in `other`.
    #[must_use]
    pub fn filled_from(&self, other: &Self) -> Self {
        match (&self.family, &other.family) {
            (Family::Image(own), Family::Image(other)) => {
                Self { family: Family::Image(own.filled_from(other)), ..self.clone() }
            }
            _ => self.clone(),
        }
    }

    /// The network that the string itself describes; `inputs` and `outputs` are used where it leaves them open. A
    /// family for images takes `inputs` for the pixels of a usual image: 28×28 in grey, 32×32 in colour, 8×8 in grey.
    pub fn with_ends(&self, inputs: usize, outputs: usize) -> Arch {
        let (activation, widths, hidden_bias, output_bias) = match &self.family {
            Family::Image(image) => {
                let usual = [[1, 28, 28], [3, 32, 32], [1, 8, 8]].into_iter();
                let mut usual = usual.filter(|shape| shape.iter().product::<usize>() == inputs);
                let shape = usual.next().filter(|shape| image.takes(*shape)).unwrap_or([3, 32, 32]);
                return self.of_image(image.complete(shape, outputs));
            }
            Family::Listed(Listed { list, .. }) => {
                let (input, outputs) = list.ends();
                (Activation::Relu, vec![input.iter().product(), outputs], false, false)
            }
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

/// The description of a network without its parameters θ. A dense network
/// $\Phi(x;\theta) = W_K\,\rho(\dots\rho(W_1x+b_1)\dots)+b_K$ has widths, an activation and layers with or without
/// biases; of any other network only the numbers of inputs and outputs stand here, and its
/// [list of operations](Self::network) says the rest.
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

    /// A network that is known by its list of operations only; `name` stands for it in messages.
    pub(crate) fn listed(name: String, list: Arc<Operations>) -> Self {
        let family = Family::Listed(Listed { name, list, beside: Arc::default() });
        ArchSpec { family, bias: None, head: None }.with_ends(0, 0)
    }

    /// The same network, whose state dicts have the tensors `beside` too: fixed numbers that it has among its operations.
    /// Only networks that are known by their list of operations can have such.
    #[must_use]
    pub fn with_beside(mut self, beside: FixedTensors) -> Self {
        if let Family::Listed(listed) = &mut self.spec.family {
            listed.beside = Arc::new(beside);
        }
        self
    }

    /// The tensors that state dicts have beside those of the network.
    pub fn beside(&self) -> &FixedTensors {
        static NONE: LazyLock<FixedTensors> = LazyLock::new(FixedTensors::default);
        match &self.spec.family {
            Family::Listed(listed) => &listed.beside,
            _ => &NONE,
        }
    }

    /// Whether the other network has the same operations and tensors, whatever it is called.
    pub fn does_the_same(&self, other: &Self) -> bool {
        match (&self.spec.family, &other.spec.family) {
            (Family::Listed(own), Family::Listed(other)) => own.does_the_same(other),
            (Family::Listed(_), _) | (_, Family::Listed(_)) => false,
            _ => self.activation == other.activation && self.layout() == other.layout(),
        }
    }

    /// Whether this is a chain of dense layers.
    pub fn is_dense(&self) -> bool {
        matches!(self.spec.family, Family::Dense(..) | Family::TwoLayer(_))
    }

    /// Channels, height and width of an example, for a network that takes images.
    pub fn image(&self) -> Option<[usize; 3]> {
        match &self.spec.family {
            Family::Image(image) => image.input(),
            Family::Listed(Listed { list, .. }) => list.ends().0.try_into().ok(),
            _ => None,
        }
    }

    /// The `--arch` string that describes this network.
    pub fn spec(&self) -> &ArchSpec {
        &self.spec
    }

    /// The activation function between two layers, or after most of them.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The widths $n_0, \dots, n_K$ of a dense network, from the inputs to the outputs; of any other the numbers of
    /// inputs and outputs.
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
            Family::Image(image) => image.fmt(f)?,
            Family::Listed(Listed { name, .. }) => f.write_str(name)?,
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
        let (name, sizes) = body.split_once(':').unwrap_or((body, ""));
        let dense = name == "two-layer" || activation(name).is_some();
        let image =
            !dense && (name.parse::<crate::Family>().is_ok() || !body.contains(':') || is_image_name(name));
        let mut arch = match image {
            true => Self::from(body.parse::<ImageSpec>()?),
            false => Self {
                family: dense_family(name, sizes).map_err(|reason| error(&reason))?,
                bias: None,
                head: None,
            },
        };
        for option in options.split('&').filter(|o| !o.is_empty()) {
            match option {
                "head=classify" => arch.head = Some(Head::Classify),
                "head=regress" => arch.head = Some(Head::Regress),
                _ if image => return Err(error("expected the option head=classify|regress")),
                "bias=true" => arch.bias = Some(true),
                "bias=false" => arch.bias = Some(false),
                _ => return Err(error("expected the options bias=true|false, head=classify|regress")),
            }
        }
        Ok(arch)
    }
}

/// The family of dense networks of this name, with numbers of neurons between `-`.
fn dense_family(name: &str, sizes: &str) -> Result<Family, String> {
    let sizes = sizes
        .split('-')
        .map(|n| n.parse().ok().filter(|n| (1..=MAX_WIDTH).contains(n)))
        .collect::<Option<Vec<usize>>>()
        .ok_or("expected widths from 1 to 1048576 with '-' between them")?;
    match (name, sizes.as_slice()) {
        ("two-layer", [n]) => Ok(Family::TwoLayer(*n)),
        ("two-layer", _) => Err("expected one number, as in two-layer:256".into()),
        (_, [_]) => Err("expected at least two widths, input and output".into()),
        _ => Ok(Family::Dense(activation(name).ok_or_else(unknown_family)?, sizes)),
    }
}

impl From<ImageSpec> for ArchSpec {
    fn from(image: ImageSpec) -> Self {
        Self { family: Family::Image(image), bias: None, head: None }
    }
}

/// Whether a name looks like that of a family for images, so that messages are about those.
fn is_image_name(name: &str) -> bool {
    ["lenet", "convfc", "vgg", "resnet", "wrn"].iter().any(|family| name.starts_with(family))
}

/// Wider layers would overflow the sizes of a row long before they fit into memory.
pub(crate) const MAX_WIDTH: usize = 1 << 20;

fn activation(name: &str) -> Option<Activation> {
    name.parse().ok()
}

fn unknown_family() -> String {
    let dense = Activation::ALL.map(Activation::name).join(", ");
    format!("unknown family; expected one of {dense}, two-layer, {}", crate::families::NAMES)
}
