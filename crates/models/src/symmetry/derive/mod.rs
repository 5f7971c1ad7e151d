//! The derivation of symmetry groups: a walk through the operations in an arithmetic whose values say which index the
//! numbers along each axis carry.

mod join;
mod layers;
mod resolve;
mod value;

use std::{collections::HashMap, ops::Range};

use self::value::{Channel, Field, Value};
use super::{
    forest::Forest,
    groups::{Groups, Inner},
};
use crate::{
    Activation, Affine, Algebra, Embedding, Error, Function, Network, Norm, NormKind, Pad, Pool, Rearrange,
    Reduce, Result, Softmax, Source,
};

/// What one position of a tensor's axis carries.
#[derive(Debug, Clone, Copy)]
struct Position {
    unit: Option<usize>,
    block: usize,
    times: Option<usize>,
    over: Option<usize>,
}

impl Position {
    /// The position of a channel that no factor is for.
    fn of(channel: &Channel) -> Self {
        Self { unit: channel.unit, block: channel.block, times: None, over: None }
    }

    /// A position that stays where it is.
    const FIXED: Self = Self { unit: None, block: 0, times: None, over: None };
}

struct Tensor {
    name: String,
    columns: Range<usize>,
    axes: Vec<Vec<Position>>,
    rest: usize,
}

/// A unit that moves with another, the whole of which it is a part: a feature of a head with its head.
struct Member {
    unit: usize,
    whole: usize,
    part: usize,
}

/// A dense layer that reads a unit.
struct Reading {
    unit: usize,
    layer: String,
}

/// The arithmetic of indices.
#[derive(Default)]
pub(super) struct Derivation {
    units: Forest,
    scales: Forest,
    /// For each unit the axes and blocks where it stands, and the layer that computes it.
    seen: Vec<Vec<(usize, usize)>>,
    layers: Vec<String>,
    members: Vec<Member>,
    fixed: Vec<usize>,
    bound: Vec<usize>,
    axes: usize,
    parameters: Vec<Tensor>,
    buffers: Vec<Tensor>,
    sites: Vec<(usize, Vec<Position>)>,
    frozen: Vec<String>,
    inner: Vec<Inner>,
    readings: Vec<Reading>,
    /// Whether operations share parameters.
    tied: bool,
}

impl Derivation {
    /// The groups of a network.
    pub(super) fn of(network: &Network) -> Result<Groups> {
        let mut derivation = Self { tied: network.is_tied(), ..Self::default() };
        let mut input = Value::plain(network.input());
        if let Some(&channels) = network.input().first() {
            let fresh = derivation.fresh(channels, "the input", |_| 0);
            derivation.fix(&fresh);
            input = input.with(Field::new(vec![0], fresh));
        }
        let output = network.run(&mut derivation, input)?;
        derivation.fix_all(&output);
        Ok(derivation.finish())
    }

    /// `n` channels of new units, computed by the layer `name`.
    fn fresh(&mut self, n: usize, name: &str, block: impl Fn(usize) -> usize) -> Vec<Channel> {
        (0..n)
            .map(|i| {
                self.seen.push(Vec::new());
                self.layers.push(name.to_owned());
                Channel { unit: Some(self.units.add()), scale: self.scales.add(), block: block(i) }
            })
            .collect()
    }

    fn fix<'a>(&mut self, x: impl IntoIterator<Item = &'a Channel>) {
        for channel in x {
            self.fixed.extend(channel.unit);
            self.bound.push(channel.scale);
        }
    }

    fn fix_all(&mut self, x: &Value) {
        self.fix(x.channels());
    }

    /// Allows no factors other than 1.
    fn bind<'a>(&mut self, x: impl IntoIterator<Item = &'a Channel>) {
        self.bound.extend(x.into_iter().map(|c| c.scale));
    }

    /// Notes that these channels stand along one axis, and returns its positions.
    fn axis(&mut self, x: &[Channel], position: impl Fn(&Channel) -> Position) -> Vec<Position> {
        for channel in x {
            if let Some(unit) = channel.unit {
                self.seen[unit].push((self.axes, channel.block));
            }
        }
        self.axes += 1;
        x.iter().map(position).collect()
    }

    /// An axis whose elements are multiplied by the factors of what the layer puts out.
    fn rows(&mut self, y: &[Channel]) -> Vec<Position> {
        self.axis(y, |c| Position { times: Some(c.scale), ..Position::of(c) })
    }

    /// An axis whose elements are divided by the factors of what the layer reads.
    fn columns(&mut self, x: &[Channel]) -> Vec<Position> {
        self.axis(x, |c| Position { over: Some(c.scale), ..Position::of(c) })
    }

    /// A map of each channel by itself: the units of the result are those of `x`, with factors of their own. Zeros
    /// become constants, which nothing may be exchanged with.
    fn channelwise(&mut self, x: &[Channel], name: &str) -> Vec<Channel> {
        let fresh = self.fresh(x.len(), name, |i| x[i].block);
        let zeros: Vec<Channel> =
            fresh.iter().zip(x).filter(|(_, x)| x.unit.is_none()).map(|(y, _)| *y).collect();
        self.fix(&zeros);
        fresh.iter().zip(x).map(|(y, x)| Channel { unit: x.unit.or(y.unit), ..*y }).collect()
    }

    /// Notes a tensor of parameters. Where another operation has it already, the indices of both are the same.
    fn tensor(&mut self, name: &str, columns: Range<usize>, axes: Vec<Vec<Position>>) {
        let positions: usize = axes.iter().map(Vec::len).product();
        let rest = columns.len() / positions;
        if self.tied {
            let overlaps = |t: &&Tensor| t.columns.start < columns.end && columns.start < t.columns.end;
            if let Some(i) = self.parameters.iter().position(|t| overlaps(&t)) {
                return self.share(i, &columns, &axes);
            }
        }
        self.parameters.push(Tensor { name: name.to_owned(), columns, axes, rest });
    }

    /// Ties the indices of a tensor that is used again.
    fn share(&mut self, other: usize, columns: &Range<usize>, axes: &[Vec<Position>]) {
        let first = &self.parameters[other];
        let lengths = |axes: &[Vec<Position>]| axes.iter().map(Vec::len).collect::<Vec<_>>();
        let alike = first.columns == *columns && lengths(&first.axes) == lengths(axes);
        let pairs: Vec<(Position, Position)> = match alike {
            true => first.axes.iter().flatten().copied().zip(axes.iter().flatten().copied()).collect(),
            false => {
                let all = first.axes.iter().flatten().chain(axes.iter().flatten());
                all.map(|&position| (position, Position::FIXED)).collect()
            }
        };
        for (a, b) in pairs {
            self.bound.extend([a.times, a.over, b.times, b.over].into_iter().flatten());
            match (a.unit, b.unit) {
                (Some(a), Some(b)) => self.units.tie(a, b),
                (a, b) => self.fixed.extend(a.or(b)),
            }
        }
    }

    /// The axis of a tensor that follows `axis` of `x`, whose elements are divided by the factors of what is read.
    fn reading(&mut self, x: &Value, axis: usize) -> Vec<Position> {
        match x.along(axis).cloned() {
            Some(channels) => self.columns(&channels),
            None => vec![Position::FIXED; x.shape[axis]],
        }
    }

    /// The indices of the result of an activation, by which activations are compared.
    fn site(&mut self, x: &Value) {
        let field = x.fields.iter().find(|field| field.axes.len() == 1).cloned();
        let site = match field {
            Some(field) => (field.axes[0], self.axis(&field.channels, Position::of)),
            None => (0, Vec::new()),
        };
        self.sites.push(site);
    }

    /// A function of each number by itself.
    fn pointwise(&mut self, x: Value, homogeneous: bool, keeps_zero: bool) -> Value {
        if !homogeneous {
            self.bind(x.channels());
        }
        let mut y = x;
        for field in &mut y.fields {
            if !keeps_zero && field.channels.iter().any(|c| c.unit.is_none()) {
                let channels = self.channelwise(&field.channels, "an activation");
                *field = Field::new(field.axes.clone(), channels);
            }
        }
        y
    }

    /// Fixes the positions along `axis`: where it shares an index with other axes, all that belongs to one position of
    /// those moves together.
    fn pin(&mut self, x: &Value, axis: usize) -> Value {
        let Some(field) = x.field_of(axis).cloned() else { return x.clone() };
        let rest = self.whole(x, &field, &[axis]);
        let mut pinned = x.clone().without(axis);
        pinned.fields.extend(rest);
        pinned
    }

    /// The index of what moves together where the positions along `axes` of a field are fixed: one unit for each position
    /// along its other axes, if there are some.
    fn whole(&mut self, x: &Value, field: &Field, axes: &[usize]) -> Option<Field> {
        self.bind(&*field.channels);
        let kept: Vec<usize> = field.axes.iter().copied().filter(|axis| !axes.contains(axis)).collect();
        if kept.is_empty() {
            self.fix(&*field.channels);
            return None;
        }
        let lengths: Vec<(usize, bool)> =
            field.axes.iter().map(|axis| (x.shape[*axis], kept.contains(axis))).collect();
        let count: usize = lengths.iter().filter(|(_, kept)| *kept).map(|(length, _)| length).product();
        let mut parts: Vec<Vec<Channel>> = vec![Vec::new(); count];
        for (at, channel) in field.channels.iter().enumerate() {
            let (mut rest, mut place, mut stride) = (at, 0, 1);
            for &(length, is_kept) in lengths.iter().rev() {
                if is_kept {
                    place += rest % length * stride;
                    stride *= length;
                }
                rest /= length;
            }
            parts[place].push(*channel);
        }
        // Wholes are told apart where their parts are.
        let mut blocks = HashMap::new();
        let mut wholes = Vec::new();
        for part in &parts {
            let key: Vec<(bool, usize)> = part.iter().map(|c| (c.unit.is_some(), c.block)).collect();
            let next = blocks.len();
            let block = *blocks.entry(key).or_insert(next);
            let name =
                part.iter().find_map(|c| c.unit).map_or("zeros".to_owned(), |u| self.layers[u].clone());
            let whole = self.fresh(1, &name, |_| block)[0];
            self.bind([&whole]);
            for (number, channel) in part.iter().enumerate() {
                if let (Some(unit), Some(whole)) = (channel.unit, whole.unit) {
                    self.members.push(Member { unit, whole, part: number });
                }
            }
            wholes.push(whole);
        }
        Some(Field::new(kept, wholes))
    }
}

impl Algebra for Derivation {
    type Value = Value;
    type Error = Error;
    const NAME: &'static str = "the derivation of symmetries";

    fn affine(&mut self, op: &Affine, x: &Value) -> Result<Value> {
        Ok(self.layer_of(op, x))
    }

    fn norm(&mut self, op: &Norm, x: Value) -> Result<Value> {
        let y = self.normalised(op, &x);
        if op.kind == NormKind::Last {
            self.site(&y);
        }
        Ok(y)
    }

    fn activation(&mut self, rho: Activation, x: Value) -> Result<Value> {
        let y = self.pointwise(x, rho.is_homogeneous(), rho.value(0.) == 0.);
        self.site(&y);
        Ok(y)
    }

    fn function(&mut self, f: Function, x: Value) -> Result<Value> {
        let y = self.pointwise(x, f.is_homogeneous(), f.keeps_zero());
        if f.is_activation() {
            self.site(&y);
        }
        Ok(y)
    }

    fn pool(&mut self, op: &Pool, x: &Value) -> Result<Value> {
        let x = self.images(x);
        let [height, width] = op.output_size();
        let mut y = Value::plain(&[op.channels, height, width]);
        y.fields = x.fields;
        Ok(y)
    }

    fn add(&mut self, x: Value, y: &Value) -> Result<Value> {
        let sum = self.joined(x, y.clone(), false);
        self.told_apart(&sum);
        Ok(sum)
    }

    fn multiply(&mut self, x: Value, y: &Value) -> Result<Value> {
        let product = self.joined(x, y.clone(), true);
        self.bind(product.channels());
        self.told_apart(&product);
        Ok(product)
    }

    fn matmul(&mut self, x: &Value, y: &Value) -> Result<Value> {
        Ok(self.matrices(x, y))
    }

    fn concat(&mut self, axis: usize, inputs: &[Value]) -> Result<Value> {
        Ok(self.strung(axis, inputs))
    }

    fn pad(&mut self, op: &Pad, x: &Value) -> Result<Value> {
        let mut y = if x.along(0).is_some() { x.clone() } else { self.pin(x, 0) };
        y.shape[0] += op.before + op.after;
        let Some(channels) = y.along(0).cloned() else { return Ok(y) };
        let mut zeros = |n: usize| {
            let zero = |_| Channel { unit: None, scale: self.scales.add(), block: 0 };
            (0..n).map(zero).collect::<Vec<_>>()
        };
        let channels = [zeros(op.before), channels.to_vec(), zeros(op.after)].concat();
        Ok(y.replaced(0, channels))
    }

    fn reshape(&mut self, shape: &[usize], x: Value) -> Result<Value> {
        let (y, lost) = x.reshaped(shape);
        if lost.iter().any(|field| field.channels.len() > 1) {
            self.frozen.push(format!("a reshape to {shape:?}"));
        }
        lost.iter().for_each(|field| self.fix(&*field.channels));
        Ok(y)
    }

    fn source(&mut self, op: &Source) -> Result<Value> {
        Ok(self.source_of(op))
    }

    fn rearrange(&mut self, op: &Rearrange, x: Value) -> Result<Value> {
        Ok(match op {
            Rearrange::Permute { axes } => x.permuted(axes),
            Rearrange::Slice(slice) => {
                let y = x.picked(slice.axis, &slice.positions().collect::<Vec<_>>());
                // The positions that are left are told apart from others.
                if let Some(field) = y.field_of(slice.axis).cloned() {
                    self.axis(&field.channels, Position::of);
                }
                y
            }
            Rearrange::Expand { shape } => self.expanded(x, shape),
        })
    }

    fn reduce(&mut self, op: &Reduce, x: Value) -> Result<Value> {
        Ok(self.reduced(&x, &op.axes))
    }

    fn softmax(&mut self, op: &Softmax, x: Value) -> Result<Value> {
        self.bind(x.channels());
        if let Some(field) = x.field_of(op.axis).filter(|field| field.axes.len() > 1).cloned() {
            _ = self.whole(&x, &field, &[op.axis]);
        }
        Ok(self.pointwise(x, false, false))
    }

    fn embedding(&mut self, op: &Embedding, x: &Value) -> Result<Value> {
        self.fix_all(x);
        let y = self.fresh(op.features, &op.name, |_| 0);
        self.bind(&y);
        let axes = vec![vec![Position::FIXED; op.rows], self.axis(&y, Position::of)];
        self.tensor(&op.name, op.table.clone(), axes);
        let shape = [&x.shape[..], &[op.features]].concat();
        Ok(Value::plain(&shape).with(Field::new(vec![x.shape.len()], y)))
    }
}
