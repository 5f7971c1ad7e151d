//! Networks that are no chains of dense layers: their units at one point, and directions in which nothing changes.
//!
//! The directions are positive rescalings between homogeneous operations, all weights of silent channels of rectifiers,
//! weights of the first layer that see no variation of the data, shifts and scales that a following normalisation takes
//! away, and the same shift of all classes under cross-entropy.

use candle_core::{DType, Device, Tensor};
use collado_linalg::symmetric_eigen;
use collado_models::{
    Activation, Affine, Algebra, Axis, Map, Network, Node, NodeId, Norm, NormKind, Op, Pad, PointTensors,
    Pool, TensorAxes, TensorMoments,
};
use collado_risk::Loss;
use faer::Mat;

use super::{
    CriticalSearch,
    directions::{Directions, orthonormal, shifts},
    kink::Hidden,
};
use crate::{Error, Result};

impl CriticalSearch {
    /// The units of a network of any kind at one point, on all examples.
    pub(super) fn units(&self, theta: &[f64]) -> Result<Hidden> {
        let point = self.point(theta)?;
        let plain = PointTensors::new(&point, TensorMoments::Batch);
        let (margin, dead, variances) = (f64::INFINITY, Vec::new(), Vec::new());
        let mut units = Units { theta: &point, plain, margin, dead, variances };
        let x = vec![self.inputs.clone()];
        let outputs = self.risk.network().run(&mut units, Sized { size: absolute(&x)?, x })?;
        let Units { margin, dead, variances, .. } = units;
        Ok(Hidden { margin, dead, variances, outputs: outputs.x[0].flatten_all()?.to_vec1()? })
    }

    /// An orthonormal basis (columns) of the directions at `theta` in which the outputs do not change.
    pub(super) fn idle_in_general(&self, theta: &[f64], hidden: &Hidden) -> Result<Mat<f64>> {
        let network = self.risk.network();
        let nodes = network.nodes();
        let mut all = rescalings(network, theta)?;
        let sites = nodes.iter().enumerate().filter(|(_, node)| matches!(node.op, Op::Activation(_)));
        for ((id, _), dead) in sites.zip(&hidden.dead) {
            for channel in (0..dead.len()).filter(|&c| dead[c]) {
                feeding(nodes, nodes[id].inputs[0], channel, &mut all);
                fed(nodes, id, channel..channel + 1, &mut all);
            }
        }
        let mut variances = hidden.variances.iter();
        for node in nodes {
            let Op::Norm(norm) = &node.op else { continue };
            let variances = if norm.kind == NormKind::Batch { variances.next() } else { None };
            let x = node.inputs[0];
            if let (Op::Affine(op), [_]) = (&nodes[x].op, &*readers(nodes, x)) {
                taken_away(op, norm, &mut all);
                if let Some(variances) = variances {
                    cancelled(op, norm, theta, variances, &mut all);
                }
            }
        }
        if let [first] = &*readers(nodes, 0)
            && let Op::Affine(op) = &nodes[*first].op
        {
            blind(op, &self.inputs, &mut all)?;
        }
        if let (Loss::CrossEntropy, Some(Op::Affine(op))) =
            (self.risk.criterion().loss, nodes.last().map(|node| &node.op))
        {
            shifts(op, &mut all);
        }
        orthonormal(&all, theta.len())
    }
}

/// The operations that read the result of `id`.
fn readers(nodes: &[Node], id: NodeId) -> Vec<NodeId> {
    (0..nodes.len()).filter(|&reader| nodes[reader].inputs.contains(&id)).collect()
}

/// The direction of each factor of each unit that may be scaled.
fn rescalings(network: &Network, theta: &[f64]) -> Result<Directions> {
    let groups = network.groups()?;
    let mut all = Directions::new();
    for (k, scale) in groups.scales().iter().enumerate().filter(|(_, scale)| scale.free) {
        let size = groups.groups()[scale.group].size;
        let mut found = vec![Vec::new(); size];
        for tensor in groups.parameters() {
            for (axis, along) in tensor.axes.iter().enumerate() {
                for (position, unit, sign) in marked(along, k) {
                    let columns = elements(tensor, axis, position);
                    found[unit].extend(columns.map(|column| (column, sign * theta[column])));
                }
            }
        }
        all.extend(found);
    }
    Ok(all)
}

/// The positions of an axis whose elements scale `k` multiplies (1) or divides (−1), with the units.
fn marked(axis: &Axis, k: usize) -> impl Iterator<Item = (usize, usize, f64)> {
    axis.blocks.iter().flat_map(move |block| {
        let sign = f64::from(u8::from(block.times == Some(k))) - f64::from(u8::from(block.over == Some(k)));
        let positions = block.positions.iter().enumerate().filter(move |_| sign != 0.);
        positions.map(move |(unit, &position)| (position, unit, sign))
    })
}

/// The columns of a tensor's elements at one position of an axis.
fn elements(tensor: &TensorAxes, axis: usize, position: usize) -> impl Iterator<Item = usize> + use<> {
    let [rows, columns] = tensor.sizes();
    let (start, rest) = (tensor.columns.start, tensor.rest);
    let (rows, columns) = match axis {
        0 => (position..position + 1, 0..columns),
        _ => (0..rows, position..position + 1),
    };
    let width = tensor.sizes()[1];
    rows.flat_map(move |i| columns.clone().map(move |j| (i * width + j) * rest))
        .flat_map(move |at| (start + at)..(start + at + rest))
}

/// The parameters that come to nothing but the silent channel of `x`.
fn feeding(nodes: &[Node], mut x: NodeId, channel: usize, all: &mut Directions) {
    while readers(nodes, x).len() == 1 {
        match &nodes[x].op {
            Op::Affine(op) => {
                let row = op.weight.start + channel * op.fan_in();
                all.extend((row..row + op.fan_in()).map(|column| vec![(column, 1.)]));
                all.extend(op.bias.iter().map(|bias| vec![(bias.start + channel, 1.)]));
                return;
            }
            Op::Norm(op) => {
                let columns = [&op.weight, &op.bias].into_iter().flatten();
                all.extend(columns.map(|columns| vec![(columns.start + channel, 1.)]));
                // Other normalisations mix channels.
                if op.kind != NormKind::Batch {
                    return;
                }
                x = nodes[x].inputs[0];
            }
            _ => return,
        }
    }
}

/// The weights that multiply `channels` of the result of `x`, which are 0.
fn fed(nodes: &[Node], x: NodeId, channels: std::ops::Range<usize>, all: &mut Directions) {
    for reader in readers(nodes, x) {
        match &nodes[reader].op {
            Op::Affine(op) => {
                let groups = if let Map::Conv2d(conv) = op.map { conv.groups } else { 1 };
                let (inputs, outputs) = (op.inputs() / groups, op.outputs() / groups);
                let area = op.fan_in() / inputs;
                for channel in channels.clone() {
                    let group = channel / inputs;
                    for output in group * outputs..(group + 1) * outputs {
                        let from = op.weight.start + (output * inputs + channel % inputs) * area;
                        all.extend((from..from + area).map(|column| vec![(column, 1.)]));
                    }
                }
            }
            Op::Pool(_) => fed(nodes, reader, channels.clone(), all),
            Op::Activation(rho) if rho.value(0_f64) == 0. => fed(nodes, reader, channels.clone(), all),
            Op::Reshape if nodes[reader].shape.len() == 1 => {
                let each: usize = nodes[x].shape[1..].iter().product();
                fed(nodes, reader, channels.start * each..channels.end * each, all);
            }
            _ => {}
        }
    }
}

/// Shifts of a layer's results that the normalisation after it takes away.
fn taken_away(op: &Affine, norm: &Norm, all: &mut Directions) {
    let bias = op.bias.clone();
    let together = |columns: Vec<usize>| columns.into_iter().map(|column| (column, 1.)).collect();
    match norm.kind {
        NormKind::Batch => all.extend(bias.into_iter().flatten().map(|column| vec![(column, 1.)])),
        NormKind::Group(groups) => {
            let each = op.outputs() / groups;
            let starts = bias.into_iter().flat_map(|bias| bias.step_by(each));
            all.extend(starts.map(|start| together((start..start + each).collect())));
        }
        NormKind::Layer => {
            let rows = |j: usize| (0..op.outputs()).map(move |i| op.column(i, j)).collect();
            all.extend((0..op.fan_in()).map(|j| together(rows(j))));
            all.extend(bias.map(|bias| together(bias.collect())));
        }
        _ => {}
    }
}

/// Factors of a layer's rows, which batch normalisation takes away up to its ε: with the variance v the result keeps
/// its size if $\gamma$ takes on the rest, $d\gamma/\gamma=-\varepsilon/(v+\varepsilon)$.
fn cancelled(op: &Affine, norm: &Norm, theta: &[f64], variances: &[f64], all: &mut Directions) {
    let Some(scales) = &norm.weight else { return };
    for (channel, variance) in variances.iter().enumerate() {
        let row = op.weight.start + channel * op.fan_in();
        let scale = scales.start + channel;
        let rest = -theta[scale] * norm.epsilon / (variance + norm.epsilon);
        let weights = (row..row + op.fan_in()).map(|column| (column, theta[column]));
        all.push(weights.chain([(scale, rest)]).collect());
    }
}

/// Changes of the first layer's rows that are 0 on all patches of the data: the kernel of their Gram matrix, with a 1 for
/// the bias.
fn blind(first: &Affine, inputs: &Tensor, all: &mut Directions) -> Result<()> {
    let (fan, wide) = (first.fan_in(), first.fan_in() + usize::from(first.bias.is_some()));
    let patches = match first.map {
        Map::Dense { .. } => inputs.reshape(((), fan))?,
        // Each channel of this convolution is one element of the patch.
        Map::Conv2d(conv) if conv.groups == 1 => {
            let each = Map::Conv2d(collado_models::Conv2d { outputs: fan, ..conv });
            let weight = Tensor::eye(fan, DType::F64, &Device::Cpu)?.reshape(each.weight_shape())?;
            each.forward(&weight, inputs)?.permute((0, 2, 3, 1))?.contiguous()?.reshape(((), fan))?
        }
        Map::Conv2d(_) => return Ok(()),
    };
    let mut gram = Mat::<f64>::zeros(wide, wide);
    for patch in patches.to_vec2::<f64>()? {
        let value = |i: usize| patch.get(i).copied().unwrap_or(1.);
        for j in 0..wide {
            (0..wide).for_each(|i| gram[(i, j)] += value(i) * value(j));
        }
    }
    let eigen = symmetric_eigen(gram.as_ref()).map_err(|_| Error::Eigen(wide))?;
    let column = |j: usize, i: usize| match &first.bias {
        Some(bias) if j == fan => bias.start + i,
        _ => first.column(i, j),
    };
    // Squares: of the singular values' relative accuracy half the digits are left.
    for k in (0..wide).filter(|&k| eigen.values[k] <= 1e-13 * eigen.values[wide - 1]) {
        let direction = |i: usize| (0..wide).map(|j| (column(j, i), eigen.vectors[(j, k)])).collect();
        all.extend((0..first.outputs()).map(direction));
    }
    Ok(())
}

/// Numbers, and the sum of the absolute values of the terms that each was added up from.
#[derive(Clone)]
struct Sized {
    x: Vec<Tensor>,
    size: Vec<Tensor>,
}

/// The forward pass over all examples that examines each unit.
struct Units<'a> {
    theta: &'a Tensor,
    plain: PointTensors<'a>,
    margin: f64,
    dead: Vec<Vec<bool>>,
    variances: Vec<Vec<f64>>,
}

/// The biased variance of each channel over all tiles.
fn variances(x: &[Tensor]) -> Result<Vec<f64>> {
    let x = Tensor::cat(x, 0)?.transpose(0, 1)?.flatten_from(1)?;
    let centred = x.broadcast_sub(&x.mean_keepdim(1)?)?;
    Ok(centred.sqr()?.mean(1)?.to_vec1()?)
}

fn absolute(x: &[Tensor]) -> Result<Vec<Tensor>> {
    x.iter().map(|x| Ok(x.abs()?)).collect()
}

fn both(x: &[Tensor], y: &[Tensor]) -> Result<Vec<Tensor>> {
    x.iter().zip(y).map(|(x, y)| Ok((x.abs()? + y.abs()?)?)).collect()
}

impl Algebra for Units<'_> {
    type Value = Sized;
    type Error = Error;
    const NAME: &'static str = "the search for kinks and silent neurons";

    fn affine(&mut self, op: &Affine, value: &Sized) -> Result<Sized> {
        let x = self.plain.affine(op, &value.x)?;
        let (weight, bias) = op.tensors(self.theta)?;
        let size = |x: &Tensor| -> Result<Tensor> {
            let size = op.map.forward(&weight.abs()?, &x.abs()?)?;
            match &bias {
                Some(bias) => Ok(op.map.add_bias(&size, &bias.abs()?)?),
                None => Ok(size),
            }
        };
        Ok(Sized { size: value.x.iter().map(size).collect::<Result<_>>()?, x })
    }

    fn norm(&mut self, op: &Norm, value: Sized) -> Result<Sized> {
        if op.kind == NormKind::Batch {
            self.variances.push(variances(&value.x)?);
        }
        let x = self.plain.norm(op, value.x)?;
        let Some(bias) = op.bias.clone().filter(|_| op.kind != NormKind::Last) else {
            return Ok(Sized { size: absolute(&x)?, x });
        };
        let size = |x: &Tensor| -> Result<Tensor> {
            let mut shape = vec![1; x.rank()];
            shape[1] = op.channels;
            let shift = self.theta.narrow(0, bias.start, bias.len())?.reshape(shape.as_slice())?;
            Ok(x.broadcast_sub(&shift)?.abs()?.broadcast_add(&shift.abs()?)?)
        };
        Ok(Sized { size: x.iter().map(size).collect::<Result<_>>()?, x })
    }

    fn activation(&mut self, rho: Activation, value: Sized) -> Result<Sized> {
        let a = self.plain.activation(rho, value.x.clone())?;
        let mut dead: Option<Vec<bool>> = None;
        for ((x, size), a) in value.x.iter().zip(&value.size).zip(&a) {
            let numbers = |x: &Tensor| x.flatten_all()?.to_vec1::<f64>();
            if matches!(rho, Activation::Relu | Activation::Leaky) {
                // Where nothing was added up, nothing can change sides.
                let all = numbers(x)?.into_iter().zip(numbers(size)?).filter(|(_, size)| *size > 0.);
                self.margin = all.map(|(x, size)| x.abs() / size).fold(self.margin, f64::min);
            }
            let channels = a.dims()[1];
            let most = a.abs()?.reshape((a.dims()[0], channels, ()))?.max(2)?.max(0)?.to_vec1::<f64>()?;
            let silent = most.iter().map(|a| rho == Activation::Relu && *a == 0.);
            dead = Some(match dead {
                Some(all) => all.into_iter().zip(silent).map(|(a, b)| a && b).collect(),
                None => silent.collect(),
            });
        }
        self.dead.push(dead.unwrap_or_default());
        Ok(Sized { size: absolute(&a)?, x: a })
    }

    fn pool(&mut self, op: &Pool, value: &Sized) -> Result<Sized> {
        Ok(Sized { x: self.plain.pool(op, &value.x)?, size: self.plain.pool(op, &value.size)? })
    }

    fn add(&mut self, x: Sized, y: &Sized) -> Result<Sized> {
        let size = both(&x.x, &y.x)?;
        Ok(Sized { x: self.plain.add(x.x, &y.x)?, size })
    }

    fn concat(&mut self, axis: usize, parts: &[Sized]) -> Result<Sized> {
        let of = |f: fn(&Sized) -> Vec<Tensor>| parts.iter().map(f).collect::<Vec<_>>();
        let x = self.plain.concat(axis, &of(|part| part.x.clone()))?;
        Ok(Sized { x, size: self.plain.concat(axis, &of(|part| part.size.clone()))? })
    }

    fn pad(&mut self, op: &Pad, value: &Sized) -> Result<Sized> {
        Ok(Sized { x: self.plain.pad(op, &value.x)?, size: self.plain.pad(op, &value.size)? })
    }

    fn reshape(&mut self, shape: &[usize], value: Sized) -> Result<Sized> {
        Ok(Sized { x: self.plain.reshape(shape, value.x)?, size: self.plain.reshape(shape, value.size)? })
    }
}
