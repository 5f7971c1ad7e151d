//! The operations of a network, written down plainly in interval arithmetic.
#![allow(dead_code)]

use collado_models::{Affine, Conv2d, Map, Network, Norm, NormKind, Op, Pool, PoolKind};

use super::{activate, range::Range};

/// The outputs of all examples at the point `theta`, with the running statistics `buffers` or, without, the examples'.
pub fn outputs(
    network: &Network,
    theta: &[Range],
    buffers: Option<&[Range]>,
    x: &[Vec<f64>],
) -> Vec<Vec<Range>> {
    let input: Vec<Vec<Range>> = x.iter().map(|x| x.iter().map(|&x| Range::point(x)).collect()).collect();
    let mut values: Vec<Vec<Vec<Range>>> = vec![input];
    for node in &network.nodes()[1..] {
        let read = |i: usize| &values[node.inputs[i]];
        let each = |f: &dyn Fn(&[Range]) -> Vec<Range>| read(0).iter().map(|x| f(x)).collect();
        let value: Vec<Vec<Range>> = match &node.op {
            Op::Input => unreachable!("the first operation is the input"),
            Op::Affine(op) => each(&|x| affine(op, theta, x)),
            Op::Norm(op) => norm(op, theta, buffers, read(0)),
            Op::Activation(rho) => each(&|x| x.iter().map(|&x| activate(*rho, x)).collect()),
            Op::Pool(op) => each(&|x| pool(op, x)),
            Op::Add => {
                let sum =
                    |(x, y): (&Vec<Range>, &Vec<Range>)| x.iter().zip(y).map(|(&x, &y)| x + y).collect();
                read(0).iter().zip(read(1)).map(sum).collect()
            }
            Op::Concat(_) => {
                let parts = |e: usize| node.inputs.iter().flat_map(|&i| values[i][e].clone()).collect();
                (0..x.len()).map(parts).collect()
            }
            Op::Pad(op) => {
                let pixels: usize = node.shape[1..].iter().product();
                let zeros = |channels: usize| vec![Range::ZERO; channels * pixels];
                each(&|x| [&zeros(op.before)[..], x, &zeros(op.after)].concat())
            }
            Op::Reshape => read(0).clone(),
            other => unreachable!("{other} is not among the operations"),
        };
        values.push(value);
    }
    values.pop().expect("a network has an output")
}

fn affine(op: &Affine, theta: &[Range], x: &[Range]) -> Vec<Range> {
    let (weight, bias) = (op.weight_of(theta), op.bias_of(theta));
    let b = |o: usize| bias.map_or(Range::ZERO, |b| b[o]);
    match op.map {
        Map::Dense { inputs, outputs } => (0..outputs)
            .map(|o| weight[o * inputs..][..inputs].iter().zip(x).map(|(&w, &x)| w * x).sum::<Range>() + b(o))
            .collect(),
        Map::Conv2d(conv) => {
            let [height, width] = conv.output_size();
            let pixel = |i: usize| (i / (height * width), i / width % height, i % width);
            (0..conv.outputs * height * width)
                .map(pixel)
                .map(|(o, y, z)| correlation(&conv, weight, x, (o, y, z)) + b(o))
                .collect()
        }
    }
}

/// One pixel of a convolution, by its definition.
fn correlation(conv: &Conv2d, weight: &[Range], x: &[Range], (o, y, z): (usize, usize, usize)) -> Range {
    let (per, inputs) = (conv.outputs / conv.groups, conv.inputs / conv.groups);
    let mut sum = Range::ZERO;
    for i in 0..inputs {
        for (u, v) in (0..conv.kernel[0]).flat_map(|u| (0..conv.kernel[1]).map(move |v| (u, v))) {
            let row = (y * conv.stride[0] + u * conv.dilation[0]).wrapping_sub(conv.padding[0]);
            let column = (z * conv.stride[1] + v * conv.dilation[1]).wrapping_sub(conv.padding[1]);
            if row < conv.size[0] && column < conv.size[1] {
                let channel = o / per * inputs + i;
                let w = weight[((o * inputs + i) * conv.kernel[0] + u) * conv.kernel[1] + v];
                sum = sum + w * x[(channel * conv.size[0] + row) * conv.size[1] + column];
            }
        }
    }
    sum
}

fn pool(op: &Pool, x: &[Range]) -> Vec<Range> {
    let ([height, width], [rows, columns]) = (op.size, op.output_size());
    let mut out = Vec::new();
    for i in 0..op.channels * rows * columns {
        let (channel, y, z) = (i / (rows * columns), i / columns % rows, i % columns);
        let mut found = Vec::new();
        for (u, v) in (0..op.kernel[0]).flat_map(|u| (0..op.kernel[1]).map(move |v| (u, v))) {
            let row = (y * op.stride[0] + u).wrapping_sub(op.padding[0]);
            let column = (z * op.stride[1] + v).wrapping_sub(op.padding[1]);
            if row < height && column < width {
                found.push(x[(channel * height + row) * width + column]);
            }
        }
        out.push(match op.kind {
            PoolKind::Max => {
                let end = |f: fn(&Range) -> f64| found.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
                Range::new(end(|x| x.lo), end(|x| x.hi))
            }
            PoolKind::Average => {
                let area = Range::point((op.kernel[0] * op.kernel[1]) as f64);
                found.into_iter().sum::<Range>() * area.recip()
            }
        });
    }
    out
}

fn norm(op: &Norm, theta: &[Range], buffers: Option<&[Range]>, x: &[Vec<Range>]) -> Vec<Vec<Range>> {
    let epsilon = Range::point(op.epsilon);
    let mut out = x.to_vec();
    // The places (example, number) of each mean, with the channel of its statistics.
    let all = |e: usize| (0..op.channels * op.positions).map(move |i| (e, i));
    let groups: Vec<Vec<(usize, usize)>> = match op.kind {
        NormKind::Batch => (0..op.channels)
            .map(|c| (0..x.len()).flat_map(all).filter(|(_, i)| i / op.positions == c).collect())
            .collect(),
        NormKind::Layer => (0..x.len() * op.positions)
            .map(|k| all(k / op.positions).filter(|(_, i)| i % op.positions == k % op.positions).collect())
            .collect(),
        NormKind::Last => unreachable!("there are no tokens"),
        NormKind::Group(groups) => (0..x.len() * groups)
            .map(|k| {
                let size = op.channels * op.positions / groups;
                all(k / groups).filter(|(_, i)| i / size == k % groups).collect()
            })
            .collect(),
    };
    for (k, group) in groups.iter().enumerate() {
        let (mean, variance) = match (buffers, &op.running) {
            (Some(row), Some(places)) => (row[places.mean.start + k], row[places.variance.start + k]),
            _ => {
                let share = Range::point(group.len() as f64).recip();
                let mean = group.iter().map(|&(e, i)| x[e][i]).sum::<Range>() * share;
                (mean, group.iter().map(|&(e, i)| (x[e][i] - mean).square()).sum::<Range>() * share)
            }
        };
        let inverse = (variance + epsilon).sqrt().recip();
        for &(e, i) in group {
            let channel = i / op.positions;
            let of = |columns: &Option<std::ops::Range<usize>>, default| {
                columns.as_ref().map_or(default, |c| theta[c.start + channel])
            };
            let (gamma, beta) = (of(&op.weight, Range::point(1.)), of(&op.bias, Range::ZERO));
            out[e][i] = (x[e][i] - mean) * inverse * gamma + beta;
        }
    }
    out
}
