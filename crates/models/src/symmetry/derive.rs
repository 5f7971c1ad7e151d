//! The derivation of symmetry groups: a walk through the operations in an arithmetic whose values say which index each
//! channel carries.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    rc::Rc,
};

use super::{
    forest::Forest,
    groups::{Axis, Block, Group, Groups, Scale, TensorAxes},
};
use crate::{Activation, Affine, Algebra, Conv2d, Error, Map, Network, Norm, NormKind, Pad, Pool, Result};

/// What one channel (or feature) of a value carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel {
    /// The unit of the index; none for a channel of zeros.
    unit: Option<usize>,
    /// The factor that the channel may be multiplied by.
    scale: usize,
    /// Channels of different blocks are told apart by the operations before.
    block: usize,
}

/// What one position of a tensor's axis carries.
#[derive(Debug, Clone, Copy)]
struct Position {
    unit: Option<usize>,
    block: usize,
    times: Option<usize>,
    over: Option<usize>,
}

struct Tensor {
    name: String,
    columns: Range<usize>,
    axes: Vec<Vec<Position>>,
    rest: usize,
}

/// The arithmetic of indices.
#[derive(Default)]
pub(super) struct Derivation {
    units: Forest,
    scales: Forest,
    /// For each unit the axes and blocks where it stands, and the layer that computes it.
    seen: Vec<Vec<(usize, usize)>>,
    layers: Vec<String>,
    fixed: Vec<usize>,
    bound: Vec<usize>,
    axes: usize,
    parameters: Vec<Tensor>,
    buffers: Vec<Tensor>,
    sites: Vec<Vec<Position>>,
    frozen: Vec<String>,
}

pub(super) type Channels = Rc<Vec<Channel>>;

impl Derivation {
    /// The groups of a network.
    pub(super) fn of(network: &Network) -> Result<Groups> {
        let mut derivation = Self::default();
        let input = derivation.fresh(network.input()[0], "the input", |_| 0);
        derivation.fix(&input);
        let output = network.run(&mut derivation, Rc::new(input))?;
        derivation.fix(&output);
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

    fn fix(&mut self, x: &[Channel]) {
        self.fixed.extend(x.iter().filter_map(|c| c.unit));
        self.bind(x);
    }

    /// Allows no factors other than 1.
    fn bind(&mut self, x: &[Channel]) {
        self.bound.extend(x.iter().map(|c| c.scale));
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
        self.axis(y, |c| Position { unit: c.unit, block: c.block, times: Some(c.scale), over: None })
    }

    /// An axis whose elements are divided by the factors of what the layer reads.
    fn columns(&mut self, x: &[Channel]) -> Vec<Position> {
        self.axis(x, |c| Position { unit: c.unit, block: c.block, times: None, over: Some(c.scale) })
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

    fn weight(&mut self, op: &Affine, columns: Range<usize>, axes: Vec<Vec<Position>>) {
        let positions: usize = axes.iter().map(Vec::len).product();
        let rest = columns.len() / positions;
        self.parameters.push(Tensor { name: op.name.clone(), columns, axes, rest });
    }

    /// A convolution in groups. Each is a map of its own with its part of the weight.
    fn grouped(&mut self, op: &Affine, conv: &Conv2d, x: &[Channel]) -> Vec<Channel> {
        let (inputs, outputs) = (conv.inputs / conv.groups, conv.outputs / conv.groups);
        let y = self.fresh(conv.outputs, &op.name, |i| i / outputs);
        let part = op.weight.len() / conv.groups;
        for g in 0..conv.groups {
            let axes =
                vec![self.rows(&y[g * outputs..][..outputs]), self.columns(&x[g * inputs..][..inputs])];
            let start = op.weight.start + g * part;
            self.weight(op, start..start + part, axes);
        }
        y
    }

    /// A convolution of each channel by itself.
    fn depthwise(&mut self, op: &Affine, x: &[Channel]) -> Vec<Channel> {
        let y = self.channelwise(x, &op.name);
        let over: HashMap<usize, usize> = y.iter().zip(x).map(|(y, x)| (y.scale, x.scale)).collect();
        let rows = self.axis(&y, |c| Position {
            unit: c.unit,
            block: c.block,
            times: Some(c.scale),
            over: over.get(&c.scale).copied(),
        });
        self.weight(op, op.weight.clone(), vec![rows]);
        y
    }

    fn finish(mut self) -> Groups {
        let cells = self.cells();
        let mut groups = Vec::new();
        let mut place = HashMap::new();
        for (group, cell) in cells.iter().enumerate() {
            groups.push(Group { name: self.layers[cell[0]].clone(), size: cell.len() });
            place.extend(cell.iter().enumerate().map(|(i, &unit)| (unit, (group, i))));
        }
        let mut assembly = Assembly { place, ..Assembly::default() };
        let parameters = std::mem::take(&mut self.parameters);
        let parameters = parameters.iter().map(|t| assembly.tensor(&mut self, t)).collect();
        let buffers = std::mem::take(&mut self.buffers);
        let buffers = buffers.iter().map(|t| assembly.tensor(&mut self, t)).collect();
        let sites = std::mem::take(&mut self.sites);
        let sites = sites.iter().map(|axis| assembly.axis(&mut self, axis)).collect();
        let bound: HashSet<usize> = self.bound.iter().map(|&s| self.scales.root(s)).collect();
        let free = |roots: &[usize]| roots.iter().all(|root| !bound.contains(root));
        let scales = assembly.scales.iter().map(|(group, roots)| Scale { group: *group, free: free(roots) });
        Groups { groups, scales: scales.collect(), parameters, buffers, sites, frozen: self.frozen }
    }

    /// The units, as the first of those that are tied, in cells whose units stand in the same blocks of the same axes.
    /// They are what may be exchanged: all operations treat the channels of a block alike.
    fn cells(&mut self) -> Vec<Vec<usize>> {
        let mut fixed: Vec<bool> = vec![false; self.seen.len()];
        for &unit in &self.fixed {
            fixed[self.units.root(unit)] = true;
        }
        let mut seen: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.seen.len()];
        for unit in 0..self.seen.len() {
            seen[self.units.root(unit)].extend(&self.seen[unit]);
        }
        let mut cells: Vec<Vec<usize>> = Vec::new();
        let mut numbers = HashMap::new();
        for unit in 0..self.seen.len() {
            let mut places = std::mem::take(&mut seen[unit]);
            places.sort_unstable();
            // A unit that stands twice in a block is tied to another of the same block.
            let twice = places.windows(2).any(|pair| pair[0] == pair[1]);
            if places.is_empty() || fixed[unit] || twice {
                continue;
            }
            let cell = *numbers.entry(places).or_insert(cells.len());
            if cell == cells.len() {
                cells.push(Vec::new());
            }
            cells[cell].push(unit);
        }
        cells
    }
}

/// Puts the groups together from what the walk has found.
#[derive(Default)]
struct Assembly {
    /// The group and the number in it of each unit that may be exchanged.
    place: HashMap<usize, (usize, usize)>,
    /// The group and the factors, by unit, of each scale.
    scales: Vec<(usize, Vec<usize>)>,
    numbers: HashMap<Vec<usize>, usize>,
}

impl Assembly {
    fn tensor(&mut self, from: &mut Derivation, tensor: &Tensor) -> TensorAxes {
        TensorAxes {
            name: tensor.name.clone(),
            columns: tensor.columns.clone(),
            axes: tensor.axes.iter().map(|axis| self.axis(from, axis)).collect(),
            rest: tensor.rest,
        }
    }

    fn axis(&mut self, from: &mut Derivation, positions: &[Position]) -> Axis {
        // The positions of each group in each block, with the number of the unit.
        let (mut groups, mut blocks) = (Vec::new(), Vec::<Vec<(usize, usize)>>::new());
        let mut numbers = HashMap::new();
        for (at, position) in positions.iter().enumerate() {
            let Some(unit) = position.unit else { continue };
            let Some(&(group, i)) = self.place.get(&from.units.root(unit)) else { continue };
            let key = (group, position.block);
            let number = *numbers.entry(key).or_insert(blocks.len());
            if number == blocks.len() {
                groups.push(group);
                blocks.push(Vec::new());
            }
            blocks[number].push((i, at));
        }
        let blocks = groups.into_iter().zip(blocks).map(|(group, mut at)| {
            at.sort_unstable();
            let positions_of: Vec<usize> = at.into_iter().map(|(_, at)| at).collect();
            let mut scale = |of: fn(&Position) -> Option<usize>| {
                let all = positions_of.iter().map(|&at| Some(from.scales.root(of(&positions[at])?)));
                Some(self.scale(group, all.collect::<Option<Vec<_>>>()?))
            };
            let (times, over) = (scale(|p| p.times), scale(|p| p.over));
            Block { group, positions: positions_of, times, over }
        });
        Axis { len: positions.len(), blocks: blocks.collect() }
    }

    /// The number of the scale with these factors.
    fn scale(&mut self, group: usize, roots: Vec<usize>) -> usize {
        *self.numbers.entry(roots.clone()).or_insert_with(|| {
            self.scales.push((group, roots));
            self.scales.len() - 1
        })
    }
}

impl Algebra for Derivation {
    type Value = Channels;
    type Error = Error;
    const NAME: &'static str = "the derivation of symmetries";

    fn affine(&mut self, op: &Affine, x: &Channels) -> Result<Channels> {
        let y = match &op.map {
            Map::Conv2d(conv)
                if conv.groups == conv.inputs && conv.groups == conv.outputs && conv.groups > 1 =>
            {
                self.depthwise(op, x)
            }
            Map::Conv2d(conv) if conv.groups > 1 => self.grouped(op, conv, x),
            Map::Dense { .. } | Map::Conv2d(_) => {
                let y = self.fresh(op.outputs(), &op.name, |_| 0);
                let axes = vec![self.rows(&y), self.columns(x)];
                self.weight(op, op.weight.clone(), axes);
                y
            }
        };
        if let Some(columns) = op.bias.clone() {
            let axes = vec![self.rows(&y)];
            self.weight(op, columns, axes);
        }
        Ok(Rc::new(y))
    }

    fn norm(&mut self, op: &Norm, x: Channels) -> Result<Channels> {
        // The result does not scale with the input, but for ε.
        self.bind(&x);
        let group = |i: usize| match op.kind {
            NormKind::Group(groups) => i / (op.channels / groups),
            NormKind::Batch | NormKind::Layer | NormKind::Last => 0,
        };
        let groups = (0..x.len()).map(group).max().map_or(1, |last| last + 1);
        let read: Vec<Channel> =
            x.iter().enumerate().map(|(i, c)| Channel { block: c.block * groups + group(i), ..*c }).collect();
        let y = self.channelwise(&read, &op.name);
        for columns in op.weight.iter().chain(&op.bias) {
            let axes = vec![self.rows(&y)];
            self.parameters.push(Tensor { name: op.name.clone(), columns: columns.clone(), axes, rest: 1 });
        }
        for columns in op.running.iter().flat_map(|running| [&running.mean, &running.variance]) {
            let axes = vec![self.axis(&read, |c| Position {
                unit: c.unit,
                block: c.block,
                times: None,
                over: None,
            })];
            self.buffers.push(Tensor { name: op.name.clone(), columns: columns.clone(), axes, rest: 1 });
        }
        Ok(Rc::new(y))
    }

    fn activation(&mut self, rho: Activation, x: Channels) -> Result<Channels> {
        if !rho.is_homogeneous() {
            self.bind(&x);
        }
        let y = match rho.value(0.) == 0. || x.iter().all(|c| c.unit.is_some()) {
            true => x,
            false => Rc::new(self.channelwise(&x, "an activation")),
        };
        let site = self.axis(&y, |c| Position { unit: c.unit, block: c.block, times: None, over: None });
        self.sites.push(site);
        Ok(y)
    }

    fn pool(&mut self, _: &Pool, x: &Channels) -> Result<Channels> {
        Ok(Rc::clone(x))
    }

    fn add(&mut self, x: Channels, y: &Channels) -> Result<Channels> {
        let blocks = 2 + x.iter().chain(y.iter()).map(|c| c.block).max().unwrap_or(0);
        let sum = x.iter().zip(y.iter()).map(|(x, y)| {
            if let (Some(a), Some(b)) = (x.unit, y.unit) {
                self.units.tie(a, b);
                self.scales.tie(x.scale, y.scale);
            }
            let block = |c: &Channel| if c.unit.is_some() { c.block + 1 } else { 0 };
            let scale = if x.unit.is_some() { x.scale } else { y.scale };
            Channel { unit: x.unit.or(y.unit), scale, block: block(x) * blocks + block(y) }
        });
        let sum: Vec<Channel> = sum.collect();
        // The sum tells its blocks apart, whether or not a tensor follows.
        self.axis(&sum, |c| Position { unit: c.unit, block: c.block, times: None, over: None });
        Ok(Rc::new(sum))
    }

    fn concat(&mut self, axis: usize, inputs: &[Channels]) -> Result<Channels> {
        if axis != 0 {
            return Err(Error::no_rule(Self::NAME, &crate::Op::Concat(axis)));
        }
        let blocks = 1 + inputs.iter().flat_map(|x| x.iter()).map(|c| c.block).max().unwrap_or(0);
        let parts = inputs.iter().enumerate();
        let all =
            parts.flat_map(|(i, x)| x.iter().map(move |c| Channel { block: i * blocks + c.block, ..*c }));
        Ok(Rc::new(all.collect()))
    }

    fn pad(&mut self, op: &Pad, x: &Channels) -> Result<Channels> {
        let mut zeros = |n: usize| {
            let zero = |_| Channel { unit: None, scale: self.scales.add(), block: 0 };
            (0..n).map(zero).collect::<Vec<_>>()
        };
        Ok(Rc::new([zeros(op.before), x.to_vec(), zeros(op.after)].concat()))
    }

    fn reshape(&mut self, shape: &[usize], x: Channels) -> Result<Channels> {
        let pixels = shape.iter().product::<usize>() / x.len().max(1);
        match shape {
            [_] => {
                let pixel = |c: &Channel| {
                    (0..pixels).map(|p| Channel { block: c.block * pixels + p, ..*c }).collect::<Vec<_>>()
                };
                Ok(Rc::new(x.iter().flat_map(pixel).collect()))
            }
            [channels, ..] if *channels == x.len() => Ok(x),
            _ => {
                self.fix(&x);
                self.frozen.push(format!("a reshape to {shape:?}"));
                let y = self.fresh(shape[0], "a reshape", |_| 0);
                self.fix(&y);
                Ok(Rc::new(y))
            }
        }
    }
}
