//! Layers with parameters: dense maps, convolutions, normalisations, tables.

use super::NetworkBuilder;
use crate::{Affine, Conv2d, Embedding, Map, NodeId, Norm, NormKind, Op, Running};

/// The settings of a convolution with a square kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvSettings {
    /// Number of channels of the result.
    pub outputs: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// The step from one place of the kernel to the next.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// The distance between two elements of the kernel.
    pub dilation: usize,
    /// Number of groups of channels that are mapped separately.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

impl ConvSettings {
    /// A convolution to `outputs` channels that keeps height and width, for an odd `kernel`.
    pub fn same(outputs: usize, kernel: usize) -> Self {
        Self { outputs, kernel, stride: 1, padding: kernel / 2, dilation: 1, groups: 1, bias: false }
    }
}

/// The sizes of a convolution whose rows and columns may be treated differently: the first number of each pair is for
/// rows, the second for columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Number of channels of the result.
    pub outputs: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// The steps from one place of the kernel to the next.
    pub stride: [usize; 2],
    /// Zeros added on both sides.
    pub padding: [usize; 2],
    /// The distances between two elements of the kernel.
    pub dilation: [usize; 2],
    /// Number of groups of channels that are mapped separately.
    pub groups: usize,
}

/// The names of the tensors of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// The name of the layer, in messages and for statistics.
    pub layer: String,
    /// The weight.
    pub weight: String,
    /// The bias, if there is one.
    pub bias: Option<String>,
}

impl Weights {
    /// The tensors `layer.weight` and, where there is a bias, `layer.bias`.
    pub fn of(layer: impl Into<String>, bias: bool) -> Self {
        let layer = layer.into();
        Self { weight: format!("{layer}.weight"), bias: bias.then(|| format!("{layer}.bias")), layer }
    }
}

/// The settings of a normalisation.
#[derive(Debug, Clone, PartialEq)]
pub struct NormSettings {
    /// The numbers that a mean and a variance are taken over.
    pub kind: NormKind,
    /// The number ε that is added to the variance.
    pub epsilon: f64,
    /// The name of the scale γ, if there is one.
    pub weight: Option<String>,
    /// The name of the shift β, if there is one.
    pub bias: Option<String>,
}

impl NormSettings {
    /// The normalisation `layer` with `layer.weight` and `layer.bias` and PyTorch's ε.
    pub fn of(layer: &str, kind: NormKind) -> Self {
        let [weight, bias] = ["weight", "bias"].map(|tensor| Some(format!("{layer}.{tensor}")));
        Self { kind, epsilon: EPSILON, weight, bias }
    }
}

/// The number ε that normalisations add to the variance, as PyTorch does by default.
const EPSILON: f64 = 1e-5;

impl NetworkBuilder {
    /// A dense layer called `name` with `outputs` features, of features or along the last axis.
    pub fn dense(&mut self, x: NodeId, name: impl Into<String>, outputs: usize, bias: bool) -> NodeId {
        self.dense_of(x, Weights::of(name, bias), outputs)
    }

    /// A dense layer with the tensors `weights`, along the last axis.
    pub fn dense_of(&mut self, x: NodeId, weights: Weights, outputs: usize) -> NodeId {
        match self.nodes[x].shape.last() {
            Some(&inputs) => self.affine(x, weights, Map::Dense { inputs, outputs }),
            None => {
                self.expect(false, format!("{}: input", weights.layer), "an axis".into(), "a number");
                x
            }
        }
    }

    /// A convolution called `name`.
    pub fn conv(&mut self, x: NodeId, name: impl Into<String>, settings: ConvSettings) -> NodeId {
        let ConvSettings { outputs, kernel, stride, padding, dilation, groups, bias } = settings;
        let shape = ConvShape {
            outputs,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [dilation; 2],
            groups,
        };
        self.conv_of(x, Weights::of(name, bias), shape)
    }

    /// A convolution with the tensors `weights`.
    pub fn conv_of(&mut self, x: NodeId, weights: Weights, shape: ConvShape) -> NodeId {
        let name = &weights.layer;
        let ConvShape { outputs, kernel, stride, padding, dilation, groups } = shape;
        let [inputs, height, width] = self.axes(x, name);
        let size = [height, width];
        for i in [0, 1] {
            let most = padding[i].saturating_mul(2).saturating_add(size[i]);
            let reach = dilation[i].saturating_mul(kernel[i].max(1) - 1).saturating_add(1);
            self.expect(
                kernel[i] > 0 && stride[i] > 0 && dilation[i] > 0 && reach <= most && most < usize::MAX,
                format!("convolution '{name}': kernel"),
                format!("1 to {most} pixels wide, with a stride"),
                reach,
            );
        }
        self.expect(
            groups > 0 && inputs.is_multiple_of(groups.max(1)) && outputs.is_multiple_of(groups.max(1)),
            format!("convolution '{name}': groups"),
            format!("a divisor of {inputs} and {outputs}"),
            groups,
        );
        if self.error.is_some() {
            return x;
        }
        let conv = Conv2d { inputs, outputs, size, kernel, stride, padding, dilation, groups };
        self.affine(x, weights, Map::Conv2d(conv))
    }

    fn affine(&mut self, x: NodeId, weights: Weights, map: Map) -> NodeId {
        let (shape, result) = (map.weight_shape(), map.output_shape(&self.nodes[x].shape));
        let outputs = shape[0];
        self.expect(
            !shape.contains(&0),
            format!("layer '{}': weight", weights.layer),
            "at least one element".into(),
            super::shown(&shape),
        );
        let weight = self.parameter_at(&weights.weight, shape);
        let bias = weights.bias.map(|bias| self.parameter_at(&bias, vec![outputs]));
        self.push(Op::Affine(Affine { name: weights.layer, map, weight, bias, units: 0..0 }), vec![x], result)
    }

    /// A normalisation called `name` of the channels of `[channels, height, width]`, or of features.
    pub fn norm(&mut self, x: NodeId, name: impl Into<String>, kind: NormKind) -> NodeId {
        let name = name.into();
        let settings = NormSettings::of(&name, kind);
        self.norm_of(x, name, settings)
    }

    /// A normalisation called `name` with these settings. Batch normalisation has the running statistics
    /// `name.running_mean`, `name.running_var` and `name.num_batches_tracked`.
    pub fn norm_of(&mut self, x: NodeId, name: impl Into<String>, settings: NormSettings) -> NodeId {
        let shape = &self.nodes[x].shape;
        let axis = if settings.kind == NormKind::Last { shape.last() } else { shape.first() };
        let channels = axis.copied().unwrap_or(0);
        self.normalise(x, name.into(), settings, &[channels])
    }

    /// A normalisation called `name` whose scale and shift have the shape `tensors`, with one element for each channel.
    pub fn normalise(
        &mut self,
        x: NodeId,
        name: String,
        settings: NormSettings,
        tensors: &[usize],
    ) -> NodeId {
        let NormSettings { kind, epsilon, weight, bias } = settings;
        let shape = self.nodes[x].shape.clone();
        let channels: usize = tensors.iter().product();
        let positions = shape.iter().product::<usize>() / channels.max(1);
        if let NormKind::Group(groups) = kind {
            let what = format!("normalisation '{name}': groups");
            let fits = groups > 0 && channels.is_multiple_of(groups.max(1));
            self.expect(fits, what, format!("a divisor of {channels}"), groups);
        }
        let what = format!("normalisation '{name}'");
        self.expect(channels > 0, what.clone(), "an axis of channels".into(), "none");
        let [weight, bias] = [weight, bias].map(|t| t.map(|t| self.parameter_at(&t, tensors.to_vec())));
        let running = (kind == NormKind::Batch).then(|| Running {
            mean: self.buffer_at(&format!("{name}.running_mean"), vec![channels]),
            variance: self.buffer_at(&format!("{name}.running_var"), vec![channels]),
            batches: self.buffer_at(&format!("{name}.num_batches_tracked"), Vec::new()).start,
        });
        let shared = self.nodes.iter().any(|node| match &node.op {
            Op::Norm(other) => running.is_some() && other.running == running,
            _ => false,
        });
        self.expect(!shared, format!("{what}: statistics"), "those of one place".into(), "two places");
        let norm = Norm { name, kind, channels, positions, epsilon, weight, bias, running, units: 0..0 };
        self.push(Op::Norm(norm), vec![x], shape)
    }

    /// A layer normalisation called `name` over the last `axes` axes, as PyTorch's `nn.LayerNorm` does; the kind in
    /// `settings` does not matter.
    pub fn layer_norm(
        &mut self,
        x: NodeId,
        name: impl Into<String>,
        axes: usize,
        settings: NormSettings,
    ) -> NodeId {
        let (name, shape) = (name.into(), self.nodes[x].shape.clone());
        let fits = (1..=shape.len()).contains(&axes);
        self.expect(fits, format!("normalisation '{name}': axes"), format!("1 to {}", shape.len()), axes);
        if !fits {
            return x;
        }
        let (rows, normal) = shape.split_at(shape.len() - axes);
        let flat = self.reshape(x, &[rows, &[normal.iter().product()]].concat());
        let settings = NormSettings { kind: NormKind::Last, ..settings };
        let y = self.normalise(flat, name, settings, normal);
        self.reshape(y, &shape)
    }

    /// The rows of a table called `name` that the numbers of `x` count.
    pub fn embedding(&mut self, x: NodeId, name: impl Into<String>, rows: usize, features: usize) -> NodeId {
        self.embedding_of(x, Weights::of(name, false), rows, features)
    }

    /// The rows of the table `weights` that the numbers of `x` count.
    pub fn embedding_of(&mut self, x: NodeId, weights: Weights, rows: usize, features: usize) -> NodeId {
        let what = format!("embedding '{}'", weights.layer);
        self.expect(rows > 0 && features > 0, what, "rows and features".into(), format!("{rows}x{features}"));
        let shape = [&self.nodes[x].shape[..], &[features]].concat();
        let table = self.parameter_at(&weights.weight, vec![rows, features]);
        self.push(Op::Embedding(Embedding { name: weights.layer, rows, features, table }), vec![x], shape)
    }
}
