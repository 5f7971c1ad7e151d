//! Operations as JSON.

use std::collections::HashMap;

use collado_models::{
    Affine, ConvShape, Map, NetworkBuilder, Node, NodeId, Norm, NormKind, NormSettings, Op, Pad, Pool,
    PoolKind, Rearrange, Reduce, ReduceKind, Slice, Softmax, Source, Weights,
};
use serde::{Deserialize, Serialize};

use super::{function::Described, runs::Runs};
use crate::number::read_number;

/// An operation; tensors are given by their names.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Operation {
    Parameter {
        name: String,
    },
    Constant {
        name: String,
        shape: Vec<usize>,
        runs: Runs,
    },
    Dense {
        layer: String,
        weight: String,
        bias: Option<String>,
    },
    Conv2d {
        layer: String,
        weight: String,
        bias: Option<String>,
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
    },
    Norm {
        layer: String,
        kind: Kind,
        groups: Option<usize>,
        #[serde(deserialize_with = "read_number")]
        epsilon: f64,
        weight: Option<String>,
        bias: Option<String>,
        channels: usize,
    },
    Activation {
        activation: String,
    },
    Function(Described),
    Pool {
        kind: Window,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        ceil: bool,
        counts_border: bool,
    },
    Add,
    Multiply,
    Matmul,
    Concat {
        axis: usize,
    },
    Pad {
        before: usize,
        after: usize,
    },
    Reshape {
        shape: Vec<usize>,
    },
    Permute {
        axes: Vec<usize>,
    },
    Slice {
        axis: usize,
        start: usize,
        stop: usize,
        step: usize,
    },
    Expand {
        shape: Vec<usize>,
    },
    Sum {
        axes: Vec<usize>,
    },
    Mean {
        axes: Vec<usize>,
    },
    Softmax {
        axis: usize,
        log: bool,
    },
    Embedding {
        layer: String,
        weight: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Batch,
    Layer,
    Group,
    Last,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Window {
    Max,
    Average,
}

impl Operation {
    /// The operation of a node; `names` has the parameter that begins at a column.
    pub(super) fn of(node: &Node, names: &HashMap<usize, &str>) -> Self {
        let name = |columns: &std::ops::Range<usize>| names[&columns.start].to_owned();
        let optional = |columns: &Option<std::ops::Range<usize>>| columns.as_ref().map(name);
        match &node.op {
            Op::Input => unreachable!("only the first operation is the input"),
            Op::Source(Source::Parameter { columns, .. }) => Self::Parameter { name: name(columns) },
            Op::Source(Source::Constant { name, values, shape }) => {
                Self::Constant { name: name.clone(), shape: shape.clone(), runs: Runs::of(values) }
            }
            Op::Affine(Affine { name: layer, map, weight, bias, .. }) => {
                let (layer, weight, bias) = (layer.clone(), name(weight), optional(bias));
                match map {
                    Map::Dense { .. } => Self::Dense { layer, weight, bias },
                    Map::Conv2d(conv) => {
                        let (stride, padding) = (conv.stride, conv.padding);
                        let (dilation, groups) = (conv.dilation, conv.groups);
                        Self::Conv2d { layer, weight, bias, stride, padding, dilation, groups }
                    }
                }
            }
            Op::Norm(Norm { name: layer, kind, channels, epsilon, weight, bias, .. }) => {
                let (kind, groups) = match kind {
                    NormKind::Batch => (Kind::Batch, None),
                    NormKind::Layer => (Kind::Layer, None),
                    NormKind::Group(groups) => (Kind::Group, Some(*groups)),
                    NormKind::Last => (Kind::Last, None),
                };
                let (weight, bias) = (optional(weight), optional(bias));
                let (layer, epsilon, channels) = (layer.clone(), *epsilon, *channels);
                Self::Norm { layer, kind, groups, epsilon, weight, bias, channels }
            }
            Op::Activation(rho) => Self::Activation { activation: rho.to_string() },
            Op::Function(f) => Self::Function((*f).into()),
            Op::Pool(Pool { kind, kernel, stride, padding, ceil, counts_border, .. }) => Self::Pool {
                kind: if *kind == PoolKind::Max { Window::Max } else { Window::Average },
                kernel: *kernel,
                stride: *stride,
                padding: *padding,
                ceil: *ceil,
                counts_border: *counts_border,
            },
            Op::Add => Self::Add,
            Op::Multiply => Self::Multiply,
            Op::MatMul => Self::Matmul,
            Op::Concat(axis) => Self::Concat { axis: *axis },
            Op::Pad(Pad { before, after }) => Self::Pad { before: *before, after: *after },
            Op::Reshape => Self::Reshape { shape: node.shape.clone() },
            Op::Rearrange(Rearrange::Permute { axes }) => Self::Permute { axes: axes.clone() },
            Op::Rearrange(Rearrange::Slice(Slice { axis, start, stop, step })) => {
                Self::Slice { axis: *axis, start: *start, stop: *stop, step: *step }
            }
            Op::Rearrange(Rearrange::Expand { shape }) => Self::Expand { shape: shape.clone() },
            Op::Reduce(Reduce { kind: ReduceKind::Sum, axes }) => Self::Sum { axes: axes.clone() },
            Op::Reduce(Reduce { kind: ReduceKind::Mean, axes }) => Self::Mean { axes: axes.clone() },
            Op::Softmax(Softmax { axis, log }) => Self::Softmax { axis: *axis, log: *log },
            Op::Embedding(op) => Self::Embedding { layer: op.name.clone(), weight: name(&op.table) },
        }
    }

    /// The number of fixed numbers that it holds.
    pub(super) fn fixed(&self) -> usize {
        match self {
            Self::Constant { runs, .. } => runs.len(),
            _ => 0,
        }
    }

    /// Appends the operation to a network. The builder checks that it fits; here only what it asks for is gathered.
    ///
    /// # Errors
    /// When it reads too few operations, or names a tensor that is none of the network's.
    pub(super) fn append(
        &self,
        net: &mut NetworkBuilder,
        reads: &[NodeId],
        shapes: &HashMap<&str, &[usize]>,
    ) -> Result<NodeId, String> {
        let x = || match reads {
            &[x] => Ok(x),
            _ => Err(format!("reads {} operations, expected one", reads.len())),
        };
        let pair = || match reads {
            &[x, y] => Ok([x, y]),
            _ => Err(format!("reads {} operations, expected two", reads.len())),
        };
        let shape = |name: &str| {
            shapes.get(name).copied().ok_or_else(|| format!("has no parameter '{}'", name.escape_debug()))
        };
        let tensors = |layer: &String, weight: &String, bias: &Option<String>| -> Result<_, String> {
            bias.as_deref().map(shape).transpose()?;
            Ok((shape(weight)?, Weights { layer: layer.clone(), weight: weight.clone(), bias: bias.clone() }))
        };
        let axes = |found: usize| format!("has a weight of {found} axes");
        Ok(match self {
            Self::Parameter { name } => net.parameter(name.clone(), shape(name)?),
            Self::Constant { name, shape, runs } => {
                super::check(shape)?;
                net.constant(name.clone(), runs.values(), shape)
            }
            Self::Dense { layer, weight, bias } => {
                let (shape, weights) = tensors(layer, weight, bias)?;
                let &[outputs, _] = shape else { return Err(axes(shape.len())) };
                net.dense_of(x()?, weights, outputs)
            }
            Self::Conv2d { layer, weight, bias, stride, padding, dilation, groups } => {
                let (shape, weights) = tensors(layer, weight, bias)?;
                let (outputs, kernel) = match *shape {
                    [outputs, _, rows, columns] => (outputs, [rows, columns]),
                    // Along sequences.
                    [outputs, _, positions] => (outputs, [1, positions]),
                    _ => return Err(axes(shape.len())),
                };
                let (stride, padding) = (*stride, *padding);
                let (dilation, groups) = (*dilation, *groups);
                let shape = ConvShape { outputs, kernel, stride, padding, dilation, groups };
                net.conv_of(x()?, weights, shape)
            }
            Self::Norm { layer, kind, groups, epsilon, weight, bias, channels } => {
                let kind = match (kind, groups) {
                    (Kind::Batch, None) => NormKind::Batch,
                    (Kind::Layer, None) => NormKind::Layer,
                    (Kind::Last, None) => NormKind::Last,
                    (Kind::Group, Some(groups)) => NormKind::Group(*groups),
                    _ => return Err("has groups, or has none, against its kind".into()),
                };
                let own = weight.iter().chain(bias).map(|name| shape(name)).next().transpose()?;
                let x = x()?;
                let found = net.shape(x);
                let axis = if kind == NormKind::Last { found.last() } else { found.first() };
                if axis != Some(channels) || own.is_some_and(|own| own.iter().product::<usize>() != *channels)
                {
                    return Err(format!("has {channels} channels, its input or its weight has others"));
                }
                let own = own.map_or_else(|| vec![*channels], <[usize]>::to_vec);
                let (weight, bias) = (weight.clone(), bias.clone());
                net.normalise(x, layer.clone(), NormSettings { kind, epsilon: *epsilon, weight, bias }, &own)
            }
            Self::Activation { activation } => {
                net.activation(x()?, activation.parse().map_err(|e: collado_models::Error| e.to_string())?)
            }
            Self::Function(f) => net.function(x()?, f.into()),
            Self::Pool { kind, kernel, stride, padding, ceil, counts_border } => {
                let pool = Pool {
                    kind: if matches!(kind, Window::Max) { PoolKind::Max } else { PoolKind::Average },
                    kernel: *kernel,
                    stride: *stride,
                    padding: *padding,
                    ceil: *ceil,
                    counts_border: *counts_border,
                    ..Pool::global(0, [0; 2])
                };
                net.pool_of(x()?, pool)
            }
            Self::Add => {
                let [x, y] = pair()?;
                net.add(x, y)
            }
            Self::Multiply => {
                let [x, y] = pair()?;
                net.multiply(x, y)
            }
            Self::Matmul => {
                let [x, y] = pair()?;
                net.matmul(x, y)
            }
            Self::Concat { axis } => net.concat_along(*axis, reads),
            Self::Pad { before, after } => match before.checked_add(*after).filter(|n| *n <= 1 << 20) {
                Some(_) => net.pad(x()?, Pad { before: *before, after: *after }),
                None => return Err("pads with too many channels".into()),
            },
            Self::Reshape { shape } => match x()? {
                x if net.shape(x) == shape => net.output(x),
                x => net.reshape(x, shape),
            },
            Self::Permute { axes } => net.permute(x()?, axes),
            Self::Slice { axis, start, stop, step } => {
                net.slice(x()?, Slice { axis: *axis, start: *start, stop: *stop, step: *step })
            }
            Self::Expand { shape } => {
                super::check(shape)?;
                net.expand(x()?, shape)
            }
            Self::Sum { axes } => net.sum(x()?, axes),
            Self::Mean { axes } => net.mean(x()?, axes),
            Self::Softmax { axis, log } => net.softmax_of(x()?, Softmax { axis: *axis, log: *log }),
            Self::Embedding { layer, weight } => {
                let (shape, weights) = tensors(layer, weight, &None)?;
                let &[rows, features] = shape else { return Err(axes(shape.len())) };
                net.embedding_of(x()?, weights, rows, features)
            }
        })
    }
}
