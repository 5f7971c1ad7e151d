//! The steps in which the engine computes a network: an operation together with the normalisation, the sum and the
//! activation that follow it, so that its results are finished while they are in cache.

use std::ops::Range;

use collado_models::{
    Activation, Affine, Function, Map as MapKind, Network, Node, NodeId, Norm, NormKind, Op, Pool, Rearrange,
};

use super::{convolution::Convolution, image::Image};

/// The number of a value among those that steps compute; the network's input is value 0.
pub(super) type ValueId = usize;

/// A network as steps, each after those that it reads.
pub(super) struct Plan {
    /// The layout of each value, without a border.
    pub(super) values: Vec<Image>,
    /// The border with which each value is read.
    pub(super) borders: Vec<usize>,
    pub(super) steps: Vec<Step>,
    /// Number of multiplications for one example.
    pub(super) products: usize,
}

/// The computation of one value $\rho(s\odot f(x)+t+y)$: f is of some kind, s and t come from a bias and a batch
/// normalisation, y is another value.
pub(super) struct Step {
    pub(super) kind: Kind,
    /// The values that f reads.
    pub(super) inputs: Vec<ValueId>,
    pub(super) output: ValueId,
    pub(super) norm: Option<Norm>,
    pub(super) add: Option<ValueId>,
    pub(super) rho: Activation,
    /// The values that no later step reads.
    pub(super) dead: Vec<ValueId>,
}

/// The function f of a step.
pub(super) enum Kind {
    /// A convolution or a dense map.
    Map(Map),
    /// The identity.
    Copy,
    /// The same numbers in another shape, one after another.
    Flatten,
    /// A function of each number by itself.
    Function(Function),
    /// The products of the numbers of two values.
    Product,
    /// The number of each channel at all of its pixels.
    Spread,
    Pool(Pool),
    /// Channels of several values, one value after the other.
    Concat,
    /// So many channels of zeros before those of the input, and others after them.
    Pad(usize),
    /// The normalisation of each example by itself.
    Alone(Norm),
}

/// A map with the columns of its parameters.
pub(super) struct Map {
    pub(super) convolution: Convolution,
    pub(super) weight: Range<usize>,
    pub(super) bias: Option<Range<usize>>,
}

impl Step {
    /// The border that the weights of a map are read with.
    pub(super) fn border(&self) -> usize {
        match &self.kind {
            Kind::Map(map) => map.convolution.border(),
            _ => 0,
        }
    }

    /// The bias of the map.
    pub(super) fn bias(&self) -> Option<&Range<usize>> {
        match &self.kind {
            Kind::Map(map) => map.bias.as_ref(),
            _ => None,
        }
    }
}

/// A step in terms of the network's operations.
struct Draft {
    kind: Kind,
    inputs: Vec<NodeId>,
    norm: Option<Norm>,
    add: Option<NodeId>,
    rho: Option<Activation>,
    /// The operation that the step ends with.
    end: NodeId,
}

impl Plan {
    /// The steps of `network`, or `None` where an operation has no rule here.
    pub(super) fn of(network: &Network) -> Option<Self> {
        let nodes = network.nodes();
        let mut readers = vec![0; nodes.len()];
        nodes.iter().flat_map(|node| &node.inputs).for_each(|&x| readers[x] += 1);
        let mut taken = vec![false; nodes.len()];
        let mut drafts = Vec::new();
        for id in 1..nodes.len() {
            if !taken[id] {
                let mut draft = Draft::begin(nodes, id)?;
                while readers[draft.end] == 1 && draft.absorb(nodes, network.last_reader(draft.end), &taken) {
                    taken[draft.end] = true;
                }
                drafts.push(draft);
            }
        }
        drafts.sort_by_key(|draft| draft.end);
        Self::assemble(nodes, drafts)
    }

    fn assemble(nodes: &[Node], drafts: Vec<Draft>) -> Option<Self> {
        let mut values = vec![image(&nodes[0].shape)?];
        let mut place = vec![0; nodes.len()];
        for draft in &drafts {
            place[draft.end] = values.len();
            values.push(image(&nodes[draft.end].shape)?);
        }
        let mut steps: Vec<_> = drafts
            .into_iter()
            .map(|draft| Step {
                kind: draft.kind,
                inputs: draft.inputs.iter().map(|&x| place[x]).collect(),
                output: place[draft.end],
                norm: draft.norm,
                add: draft.add.map(|x| place[x]),
                rho: draft.rho.unwrap_or(Activation::Linear),
                dead: Vec::new(),
            })
            .collect();
        let mut borders = vec![0; values.len()];
        let mut last = vec![None; values.len()];
        let mut products = 0;
        for (i, step) in steps.iter().enumerate() {
            step.inputs.iter().chain(&step.add).for_each(|&x| last[x] = Some(i));
            if let Kind::Map(map) = &step.kind {
                let x = step.inputs[0];
                borders[x] = borders[x].max(map.convolution.border());
                products += map.weight.len() * values[step.output].pixels();
            }
        }
        // Numbers one after another leave no room for a border.
        if steps.iter().any(|step| matches!(step.kind, Kind::Flatten) && borders[step.output] > 0) {
            return None;
        }
        for (value, last) in last.into_iter().enumerate() {
            if let Some(last) = last {
                steps[last].dead.push(value);
            }
        }
        Some(Self { values, borders, steps, products })
    }

    /// The bytes of a point's transformed weights, 16 for each 9.
    pub(super) fn transformed<T>(&self) -> usize {
        let weights = |step: &Step| match &step.kind {
            Kind::Map(map) if map.convolution.is_filtered(&self.values[step.output]) => map.weight.len(),
            _ => 0,
        };
        self.steps.iter().map(weights).sum::<usize>() * 16 / 9 * size_of::<T>()
    }

    /// The value that is the network's output.
    pub(super) fn output(&self) -> ValueId {
        self.steps.last().expect("a network has an operation").output
    }
}

impl Draft {
    fn begin(nodes: &[Node], id: NodeId) -> Option<Self> {
        let node = &nodes[id];
        let mut draft =
            Self { kind: Kind::Copy, inputs: node.inputs.clone(), norm: None, add: None, rho: None, end: id };
        match &node.op {
            Op::Affine(op) => draft.kind = Kind::Map(map(op, &nodes[node.inputs[0]].shape)?),
            Op::Norm(op) if op.kind == NormKind::Last => return None,
            Op::Norm(op) if op.kind == NormKind::Batch => draft.norm = Some(op.clone()),
            Op::Norm(op) => draft.kind = Kind::Alone(op.clone()),
            Op::Activation(rho) => draft.rho = Some(*rho),
            Op::Pool(pool) => draft.kind = Kind::Pool(pool.clone()),
            Op::Add => draft.add = draft.inputs.pop(),
            Op::Concat(0) => draft.kind = Kind::Concat,
            Op::Pad(pad) => draft.kind = Kind::Pad(pad.before),
            Op::Reshape => draft.kind = Kind::Flatten,
            Op::Function(f) => draft.kind = Kind::Function(*f),
            Op::Multiply => draft.kind = Kind::Product,
            Op::Rearrange(Rearrange::Expand { shape }) if is_spread(&nodes[node.inputs[0]].shape, shape) => {
                draft.kind = Kind::Spread;
            }
            _ => return None,
        }
        Some(draft)
    }

    /// Takes in the operation `next`, the only one that reads the draft's result, where it can follow.
    fn absorb(&mut self, nodes: &[Node], next: NodeId, taken: &[bool]) -> bool {
        let open = self.rho.is_none() && !taken[next];
        match &nodes[next].op {
            Op::Norm(op)
                if open && op.kind == NormKind::Batch && self.norm.is_none() && self.add.is_none() =>
            {
                self.norm = Some(op.clone());
            }
            Op::Add if open && self.add.is_none() => {
                self.add = nodes[next].inputs.iter().copied().find(|&x| x != self.end);
            }
            Op::Activation(rho) if open => self.rho = Some(*rho),
            _ => return false,
        }
        self.end = next;
        true
    }
}

/// Whether one number of each channel goes to all of its pixels.
fn is_spread(from: &[usize], to: &[usize]) -> bool {
    matches!((from, to), (&[channels, 1, 1], &[of, _, _]) if channels == of)
}

/// The layout of values of some shape.
fn image(shape: &[usize]) -> Option<Image> {
    match *shape {
        [features] => Some(Image::new(features, 1, 1)),
        [channels, height, width] => Some(Image::new(channels, height, width)),
        _ => None,
    }
}

fn map(op: &Affine, x: &[usize]) -> Option<Map> {
    let convolution = match op.map {
        // Along the last axis of several it is left to candle.
        MapKind::Dense { outputs, .. } if x.len() == 1 => Convolution::dense(&image(x)?, outputs),
        MapKind::Dense { .. } => return None,
        MapKind::Conv2d(conv) => Convolution {
            inputs: conv.inputs,
            outputs: conv.outputs,
            kernel: conv.kernel,
            stride: conv.stride,
            padding: conv.padding,
            dilation: conv.dilation,
            groups: conv.groups,
        },
    };
    Some(Map { convolution, weight: op.weight.clone(), bias: op.bias.clone() })
}
