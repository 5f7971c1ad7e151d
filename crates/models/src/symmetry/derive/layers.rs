//! Indices through layers with parameters.

use std::collections::HashMap;

use super::{Channel, Derivation, Field, Position, Reading, Tensor, Value};
use crate::{Affine, Conv2d, Map, Norm, NormKind, Source};

impl Derivation {
    pub(super) fn layer_of(&mut self, op: &Affine, x: &Value) -> Value {
        match &op.map {
            Map::Dense { .. } => {
                let axis = x.shape.len() - 1;
                let x = if x.along(axis).is_some() { x.clone() } else { self.pin(x, axis) };
                let y = self.full(op, &x, axis);
                let mut shape = x.shape.clone();
                shape[axis] = op.outputs();
                self.result(op, x, axis, &shape, y)
            }
            Map::Conv2d(conv) => {
                let x = self.images(x);
                let channels = x.along(0).map_or(Vec::new(), |channels| channels.to_vec());
                let y = match conv.groups {
                    1 => self.full(op, &x, 0),
                    n if n == conv.inputs && n == conv.outputs && !channels.is_empty() => {
                        self.depthwise(op, &channels)
                    }
                    _ => self.grouped(op, conv, &channels),
                };
                let [height, width] = conv.output_size();
                self.result(op, x, 0, &[conv.outputs, height, width], y)
            }
        }
    }

    /// The result of a layer with the channels `y` along `axis`.
    fn result(&mut self, op: &Affine, x: Value, axis: usize, shape: &[usize], y: Vec<Channel>) -> Value {
        if let Some(columns) = op.bias.clone() {
            let axes = vec![self.rows(&y)];
            self.tensor(&op.name, columns, axes);
        }
        let others = x.without(axis).fields;
        if op.bias.is_some() {
            // A bias has no factors of other axes.
            self.bind(others.iter().flat_map(|field| field.channels.iter()));
        }
        let mut result = Value::plain(shape);
        result.fields = others;
        result.with(Field::new(vec![axis], y))
    }

    /// A map of all channels along `axis` to others.
    fn full(&mut self, op: &Affine, x: &Value, axis: usize) -> Vec<Channel> {
        let y = self.fresh(op.outputs(), &op.name, |_| 0);
        let axes = vec![self.rows(&y), self.reading(x, axis)];
        if let Some(unit) = x.along(axis).and_then(|channels| channels[0].unit) {
            self.readings.push(Reading { unit, layer: op.name.clone() });
        }
        self.tensor(&op.name, op.weight.clone(), axes);
        y
    }

    /// A convolution in groups. Each is a map of its own with its part of the weight.
    fn grouped(&mut self, op: &Affine, conv: &Conv2d, x: &[Channel]) -> Vec<Channel> {
        let (inputs, outputs) = (conv.inputs / conv.groups, conv.outputs / conv.groups);
        let y = self.fresh(conv.outputs, &op.name, |i| i / outputs);
        let part = op.weight.len() / conv.groups;
        for g in 0..conv.groups {
            let rows = self.rows(&y[g * outputs..][..outputs]);
            let columns = match x {
                [] => vec![Position::FIXED; inputs],
                _ => self.columns(&x[g * inputs..][..inputs]),
            };
            let start = op.weight.start + g * part;
            self.tensor(&op.name, start..start + part, vec![rows, columns]);
        }
        y
    }

    /// A convolution of each channel by itself.
    fn depthwise(&mut self, op: &Affine, x: &[Channel]) -> Vec<Channel> {
        let y = self.channelwise(x, &op.name);
        let over: HashMap<usize, usize> = y.iter().zip(x).map(|(y, x)| (y.scale, x.scale)).collect();
        let rows = self.axis(&y, |c| Position {
            times: Some(c.scale),
            over: over.get(&c.scale).copied(),
            ..Position::of(c)
        });
        self.tensor(&op.name, op.weight.clone(), vec![rows]);
        y
    }

    pub(super) fn normalised(&mut self, op: &Norm, x: &Value) -> Value {
        let axis = if op.kind == NormKind::Last { x.shape.len() - 1 } else { 0 };
        let x = if x.along(axis).is_some() { x.clone() } else { self.pin(x, axis) };
        // The result does not scale with the input, but for ε.
        self.bind(x.channels());
        let Some(channels) = x.along(axis).cloned() else {
            for columns in op.weight.iter().chain(&op.bias) {
                self.tensor(&op.name, columns.clone(), vec![vec![Position::FIXED; op.channels]]);
            }
            for columns in op.running.iter().flat_map(|running| [&running.mean, &running.variance]) {
                let axes = vec![vec![Position::FIXED; op.channels]];
                self.buffers.push(Tensor { name: op.name.clone(), columns: columns.clone(), axes, rest: 1 });
            }
            return x;
        };
        let group = |i: usize| match op.kind {
            NormKind::Group(groups) => i / (op.channels / groups),
            NormKind::Batch | NormKind::Layer | NormKind::Last => 0,
        };
        let groups = (0..channels.len()).map(group).max().map_or(1, |last| last + 1);
        let read = channels.iter().enumerate();
        let read: Vec<Channel> =
            read.map(|(i, c)| Channel { block: c.block * groups + group(i), ..*c }).collect();
        let y = self.channelwise(&read, &op.name);
        for columns in op.weight.iter().chain(&op.bias) {
            let axes = vec![self.rows(&y)];
            self.tensor(&op.name, columns.clone(), axes);
        }
        if op.weight.is_none() && op.bias.is_none() {
            // Without parameters, the groups still are told apart.
            self.axis(&y, Position::of);
        }
        for columns in op.running.iter().flat_map(|running| [&running.mean, &running.variance]) {
            let axes = vec![self.axis(&read, Position::of)];
            self.buffers.push(Tensor { name: op.name.clone(), columns: columns.clone(), axes, rest: 1 });
        }
        x.replaced(axis, y)
    }

    /// Images, whose rows and columns stay where they are.
    pub(super) fn images(&mut self, x: &Value) -> Value {
        (1..x.shape.len()).fold(x.clone(), |x, axis| self.pin(&x, axis))
    }

    /// Parameters carry an index along their last axis, and along the first where there are two. Constants have none.
    pub(super) fn source_of(&mut self, op: &Source) -> Value {
        let mut value = Value::plain(op.shape());
        let long: Vec<usize> = (0..op.shape().len()).filter(|&axis| op.shape()[axis] > 1).collect();
        match op {
            Source::Constant { values, shape, .. } => {
                for &axis in &long {
                    value.set_same(axis, is_same(values, shape, axis));
                }
            }
            Source::Parameter { name, columns, shape } => {
                let (&last, others) = match long.split_last() {
                    Some(split) => split,
                    None => {
                        self.tensor(name, columns.clone(), vec![vec![Position::FIXED; columns.len()]]);
                        return value;
                    }
                };
                let mut axes = Vec::new();
                for &axis in others.iter().filter(|_| others.len() == 1).chain([&last]) {
                    let channels = self.fresh(shape[axis], name, |_| 0);
                    self.bind(&channels);
                    axes.push(self.axis(&channels, Position::of));
                    value = value.with(Field::new(vec![axis], channels));
                }
                if others.len() > 1 {
                    axes.insert(0, vec![Position::FIXED; columns.len() / shape[last]]);
                }
                self.tensor(name, columns.clone(), axes);
            }
        }
        value
    }
}

/// Whether numbers of this shape are the same all along `axis`.
fn is_same(values: &[f64], shape: &[usize], axis: usize) -> bool {
    let after: usize = shape[axis + 1..].iter().product();
    values.chunks_exact(after * shape[axis]).all(|part| {
        part.chunks_exact(after)
            .all(|row| row.iter().zip(part).all(|(x, first)| x.to_bits() == first.to_bits()))
    })
}
