//! The builder of lists of operations. This is the only place where operations are assigned their columns and units.

use std::{ops::Range, sync::Arc};

use super::{
    Affine, Chain, Conv2d, Map, Network, Node, NodeId, Norm, NormKind, Op, Operations, Pad, Pool, PoolKind,
    Running,
};
use crate::{Activation, Arch, Error, Layout, Result};

/// A list of operations under construction. Each method appends an operation that reads earlier ones and returns its
/// number. Parameters and buffers get their places in the order of appending.
///
/// What does not fit together is reported by [`finish`](Self::finish).
#[derive(Debug)]
pub struct NetworkBuilder {
    nodes: Vec<Node>,
    parameters: Places,
    buffers: Places,
    error: Option<Error>,
}

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

/// The number ε that normalisations add to the variance, as PyTorch does by default.
const EPSILON: f64 = 1e-5;

impl NetworkBuilder {
    /// A network whose examples have the shape `input`. Its input is operation 0.
    pub fn new(input: &[usize]) -> Self {
        let input = Node { op: Op::Input, inputs: Vec::new(), shape: input.to_vec(), units: 0..0 };
        Self { nodes: vec![input], parameters: Places::default(), buffers: Places::default(), error: None }
    }

    /// The shape of the result of operation `x`.
    pub fn shape(&self, x: NodeId) -> &[usize] {
        &self.nodes[x].shape
    }

    /// A dense layer called `name` with `outputs` features.
    pub fn dense(&mut self, x: NodeId, name: impl Into<String>, outputs: usize, bias: bool) -> NodeId {
        let name = name.into();
        let [inputs] = self.axes(x, &name);
        self.affine(x, name, Map::Dense { inputs, outputs }, bias)
    }

    /// A convolution called `name`.
    pub fn conv(&mut self, x: NodeId, name: impl Into<String>, settings: ConvSettings) -> NodeId {
        let name = name.into();
        let ConvSettings { outputs, kernel, stride, padding, dilation, groups, bias } = settings;
        let [inputs, height, width] = self.axes(x, &name);
        let reach = dilation * (kernel.max(1) - 1) + 1;
        self.expect(
            kernel > 0 && stride > 0 && dilation > 0 && reach <= height.min(width) + 2 * padding,
            format!("convolution '{name}': kernel"),
            format!("1 to {} pixels wide, with a stride", height.min(width) + 2 * padding),
            reach,
        );
        self.expect(
            groups > 0 && inputs.is_multiple_of(groups.max(1)) && outputs.is_multiple_of(groups.max(1)),
            format!("convolution '{name}': groups"),
            format!("a divisor of {inputs} and {outputs}"),
            groups,
        );
        if self.error.is_some() {
            return x;
        }
        let (size, kernel) = ([height, width], [kernel; 2]);
        let map = Map::Conv2d(Conv2d { inputs, outputs, size, kernel, stride, padding, dilation, groups });
        self.affine(x, name, map, bias)
    }

    fn affine(&mut self, x: NodeId, name: String, map: Map, bias: bool) -> NodeId {
        let (weight, shape) = (map.weight_shape(), map.output_shape());
        let outputs = weight[0];
        let weight = self.parameters.add(format!("{name}.weight"), weight);
        let bias = bias.then(|| self.parameters.add(format!("{name}.bias"), vec![outputs]));
        self.push(Op::Affine(Affine { name, map, weight, bias, units: 0..0 }), vec![x], shape)
    }

    /// A normalisation called `name` of the channels of `[channels, height, width]`, or of features.
    pub fn norm(&mut self, x: NodeId, name: impl Into<String>, kind: NormKind) -> NodeId {
        let name = name.into();
        let shape = self.nodes[x].shape.clone();
        let (channels, positions) = (shape.first().copied().unwrap_or(0), shape.iter().skip(1).product());
        if let NormKind::Group(groups) = kind {
            let what = format!("normalisation '{name}': groups");
            let fits = groups > 0 && channels.is_multiple_of(groups.max(1));
            self.expect(fits, what, format!("a divisor of {channels}"), groups);
        }
        let weight = self.parameters.add(format!("{name}.weight"), vec![channels]);
        let bias = self.parameters.add(format!("{name}.bias"), vec![channels]);
        let running = (kind == NormKind::Batch).then(|| Running {
            mean: self.buffers.add(format!("{name}.running_mean"), vec![channels]),
            variance: self.buffers.add(format!("{name}.running_var"), vec![channels]),
            batches: self.buffers.add(format!("{name}.num_batches_tracked"), Vec::new()).start,
        });
        let units = 0..0;
        let norm = Norm { name, kind, channels, positions, epsilon: EPSILON, weight, bias, running, units };
        self.push(Op::Norm(norm), vec![x], shape)
    }

    /// An activation function.
    pub fn activation(&mut self, x: NodeId, rho: Activation) -> NodeId {
        let shape = self.nodes[x].shape.clone();
        self.push(Op::Activation(rho), vec![x], shape)
    }

    /// A pooling over square windows, with a border of `padding` pixels.
    pub fn pool(
        &mut self,
        x: NodeId,
        kind: PoolKind,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> NodeId {
        let [channels, height, width] = self.axes(x, "pooling");
        let most = height.min(width) + 2 * padding;
        let fits = (1..=most).contains(&kernel) && stride > 0 && 2 * padding <= kernel;
        let expected = format!("1 to {most} pixels wide, with a stride and a border of half of it at most");
        self.expect(fits, "pooling: window".into(), expected, kernel);
        if self.error.is_some() {
            return x;
        }
        let pool = Pool { kind, channels, size: [height, width], kernel: [kernel; 2], stride, padding };
        self.push_pool(x, pool)
    }

    /// The mean over all pixels of each channel, as features.
    pub fn global_average(&mut self, x: NodeId) -> NodeId {
        let [channels, height, width] = self.axes(x, "pooling");
        let pooled = self.push_pool(x, Pool::global(channels, [height, width]));
        self.flatten(pooled)
    }

    fn push_pool(&mut self, x: NodeId, pool: Pool) -> NodeId {
        let shape = [&[pool.channels], &pool.output_size()[..]].concat();
        self.push(Op::Pool(pool), vec![x], shape)
    }

    /// The sum of two results of the same shape.
    pub fn add(&mut self, x: NodeId, y: NodeId) -> NodeId {
        let (shape, other) = (self.nodes[x].shape.clone(), self.nodes[y].shape.clone());
        self.expect(shape == other, "terms of a sum".into(), shown(&shape), shown(&other));
        self.push(Op::Add, vec![x, y], shape)
    }

    /// Channels of several results, one result after the other.
    pub fn concat(&mut self, inputs: &[NodeId]) -> NodeId {
        let mut shape = inputs.first().map_or(Vec::new(), |&x| self.nodes[x].shape.clone());
        for &x in inputs.iter().skip(1) {
            let other = self.nodes[x].shape.clone();
            let fits = !shape.is_empty() && other.get(1..) == shape.get(1..);
            self.expect(fits, "parts of a concatenation".into(), shown(&shape), shown(&other));
            if fits {
                shape[0] += other[0];
            }
        }
        self.push(Op::Concat, inputs.to_vec(), shape)
    }

    /// Channels of zeros before and after those of `x`.
    pub fn pad(&mut self, x: NodeId, pad: Pad) -> NodeId {
        let mut shape = self.nodes[x].shape.clone();
        if let Some(channels) = shape.first_mut() {
            *channels += pad.before + pad.after;
        }
        self.push(Op::Pad(pad), vec![x], shape)
    }

    /// All numbers as features: channel by channel, row by row.
    pub fn flatten(&mut self, x: NodeId) -> NodeId {
        let shape = vec![self.nodes[x].shape.iter().product()];
        if self.nodes[x].shape == shape { x } else { self.push(Op::Reshape, vec![x], shape) }
    }

    /// The axes of the result of `x`, which `what` needs.
    fn axes<const N: usize>(&mut self, x: NodeId, what: &str) -> [usize; N] {
        let shape = self.nodes[x].shape.clone();
        match <[usize; N]>::try_from(shape.as_slice()) {
            Ok(axes) => axes,
            Err(_) => {
                self.expect(false, format!("{what}: input"), format!("{N} axes"), shown(&shape));
                [1; N]
            }
        }
    }

    /// Notes the first thing that does not fit.
    fn expect(&mut self, fits: bool, what: String, expected: String, found: impl ToString) {
        if !fits && self.error.is_none() {
            self.error = Some(Error::mismatch(what, expected, found));
        }
    }

    fn push(&mut self, op: Op, inputs: Vec<NodeId>, shape: Vec<usize>) -> NodeId {
        self.nodes.push(Node { op, inputs, shape, units: 0..0 });
        self.nodes.len() - 1
    }

    /// The network, which `name` stands for in messages, and whose output is the last operation.
    ///
    /// # Errors
    /// When operations do not fit together, or there is none.
    pub fn finish(self, name: impl Into<String>) -> Result<Network> {
        let list = Arc::new(self.list()?);
        Ok(Network { arch: Arch::listed(name.into(), Arc::clone(&list)), list })
    }

    /// The network that `arch` describes.
    pub(crate) fn finish_as(self, arch: Arch) -> Result<Network> {
        Ok(Network { arch, list: Arc::new(self.list()?) })
    }

    fn list(self) -> Result<Operations> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut nodes = self.nodes;
        if nodes.len() < 2 {
            return Err(Error::mismatch("operations of a network", "at least one", "none"));
        }
        let last = last_readers(&nodes);
        let owner = owners(&nodes);
        place(&mut nodes, &owner);
        let chain = Chain::of(&nodes);
        let (layout, buffers) = (Layout::new(self.parameters.tensors), Layout::new(self.buffers.tensors));
        Ok(Operations { nodes, layout, buffers, chain, last, owner })
    }
}

/// For each operation the last one that reads its result, or its own number where none does.
fn last_readers(nodes: &[Node]) -> Vec<NodeId> {
    let mut last: Vec<NodeId> = (0..nodes.len()).collect();
    for (id, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&read| last[read] = id);
    }
    last
}

/// For each operation the one whose units it uses: reshapes, and activations that alone read their input, use those of
/// their input.
fn owners(nodes: &[Node]) -> Vec<NodeId> {
    let mut readers = vec![0; nodes.len()];
    nodes.iter().flat_map(|node| &node.inputs).for_each(|&read| readers[read] += 1);
    let mut owner: Vec<NodeId> = Vec::with_capacity(nodes.len());
    for (id, node) in nodes.iter().enumerate() {
        let in_place = match (&node.op, node.inputs.as_slice()) {
            (Op::Reshape, _) => true,
            // Through a reshape, others may read the same numbers.
            (Op::Activation(_), &[x]) => {
                readers[x] == 1 && !matches!(nodes[x].op, Op::Input | Op::Reshape | Op::Activation(_))
            }
            _ => false,
        };
        owner.push(if in_place { owner[node.inputs[0]] } else { id });
    }
    owner
}

/// Gives every operation its units.
fn place(nodes: &mut [Node], owner: &[NodeId]) {
    let mut end = 0;
    for id in 1..nodes.len() {
        let units = match owner[id] {
            own if own == id => end..end + nodes[id].shape.iter().product::<usize>(),
            other => nodes[other].units.clone(),
        };
        end = end.max(units.end);
        match &mut nodes[id].op {
            Op::Affine(op) => op.units = units.clone(),
            Op::Norm(op) => op.units = units.clone(),
            _ => {}
        }
        nodes[id].units = units;
    }
}

fn shown(shape: &[usize]) -> String {
    shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
}

/// Tensors with their places one after another.
#[derive(Debug, Default)]
struct Places {
    tensors: Vec<(String, Vec<usize>)>,
    columns: usize,
}

impl Places {
    /// Assigns the next columns to a tensor.
    fn add(&mut self, name: String, shape: Vec<usize>) -> Range<usize> {
        let start = self.columns;
        self.columns += shape.iter().product::<usize>();
        self.tensors.push((name, shape));
        start..self.columns
    }
}
