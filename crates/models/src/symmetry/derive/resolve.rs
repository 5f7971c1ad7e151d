//! What the walk has found, put together to groups.

use std::collections::{HashMap, HashSet};

use super::{Derivation, Position, Tensor};
use crate::symmetry::groups::{Axis, Block, Group, Groups, Inner, Scale, Site, TensorAxes};

/// More wholes within wholes than networks have.
const DEEPEST: usize = 32;

impl Derivation {
    pub(super) fn finish(mut self) -> Groups {
        let wholes = self.wholes();
        let mut names = Names::new(wholes, &self.seen);
        let cells = self.cells(&mut names);
        let mut groups = Vec::new();
        let mut place = HashMap::new();
        for (group, cell) in cells.iter().enumerate() {
            groups.push(Group { name: self.layers[cell[0]].clone(), size: cell.len() });
            place.extend(cell.iter().enumerate().map(|(i, &unit)| (unit, (group, i))));
        }
        let mut assembly = Assembly { place, names, scales: Vec::new(), numbers: HashMap::new() };
        let parameters = std::mem::take(&mut self.parameters);
        let parameters = parameters.iter().map(|t| assembly.tensor(&mut self, t)).collect();
        let buffers = std::mem::take(&mut self.buffers);
        let buffers = buffers.iter().map(|t| assembly.tensor(&mut self, t)).collect();
        let sites = std::mem::take(&mut self.sites);
        let sites = sites
            .iter()
            .map(|(axis, at)| Site { axis: *axis, along: assembly.axis(&mut self, at) })
            .collect();
        let bound: HashSet<usize> = self.bound.iter().map(|&s| self.scales.root(s)).collect();
        let free = |roots: &[usize]| roots.iter().all(|root| !bound.contains(root));
        let scales = assembly.scales.iter().map(|(group, roots)| Scale { group: *group, free: free(roots) });
        let scales = scales.collect();
        let inner = self.inner(&assembly.names);
        Groups { groups, scales, parameters, buffers, sites, frozen: self.frozen, inner }
    }

    /// For each unit, by the first of those tied to it, the whole that it is a part of. Units that are parts of two
    /// wholes tie those, if they are the same part of both.
    fn wholes(&mut self) -> HashMap<usize, (usize, usize)> {
        loop {
            let mut wholes: HashMap<usize, (usize, usize)> = HashMap::new();
            let mut changed = false;
            for i in 0..self.members.len() {
                let (unit, whole) =
                    (self.units.root(self.members[i].unit), self.units.root(self.members[i].whole));
                let part = self.members[i].part;
                match wholes.get(&unit).copied() {
                    None => _ = wholes.insert(unit, (whole, part)),
                    Some((other, same)) if same == part => {
                        changed |= other != whole;
                        self.units.tie(other, whole);
                    }
                    // Two ways to be a part: neither whole moves.
                    Some((other, _)) => self.fixed.extend([other, whole]),
                }
            }
            if !changed {
                return wholes;
            }
        }
    }

    /// The units that may be exchanged in cells whose units stand in the same blocks of the same axes: all operations
    /// treat the channels of a block alike. Units are named by the first of those tied to them, parts by their wholes.
    fn cells(&mut self, names: &mut Names) -> Vec<Vec<usize>> {
        let count = self.seen.len();
        let mut fixed = vec![false; count];
        for unit in std::mem::take(&mut self.fixed) {
            fixed[names.of(self, unit).0] = true;
        }
        let twice = |places: &[(usize, usize, usize)]| places.windows(2).any(|pair| pair[0] == pair[1]);
        let mut seen = self.places(names, &mut fixed);
        // A unit that stands twice in a block is tied to another of the same block. It moves only if other axes tell
        // apart which of the two stands where.
        names.doubled = (0..count).filter(|&unit| twice(&seen[unit])).collect();
        if !names.doubled.is_empty() {
            seen = self.places(names, &mut fixed);
        }
        let mut cells: Vec<Vec<usize>> = Vec::new();
        let mut numbers = HashMap::new();
        for (unit, places) in seen.into_iter().enumerate() {
            if places.is_empty() || fixed[unit] || twice(&places) {
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

    /// For each unit, by its name, the axes and blocks where it stands, and as what; sorted.
    fn places(&mut self, names: &mut Names, fixed: &mut [bool]) -> Vec<Vec<(usize, usize, usize)>> {
        let mut seen: Vec<Vec<(usize, usize, usize)>> = vec![Vec::new(); self.seen.len()];
        for unit in 0..self.seen.len() {
            let (whole, label, depth) = names.of(self, unit);
            // What contains itself is not understood.
            fixed[whole] |= depth > DEEPEST;
            seen[whole].extend(self.seen[unit].iter().map(|&(axis, block)| (axis, block, label)));
        }
        seen.iter_mut().for_each(|places| places.sort_unstable());
        seen
    }

    /// The pairs of layers of which only products matter: those noted, and the layers that read parts of wholes.
    fn inner(&mut self, names: &Names) -> Vec<Inner> {
        let mut inner = std::mem::take(&mut self.inner);
        let mut sizes: HashMap<usize, HashSet<usize>> = HashMap::new();
        for member in &self.members {
            sizes.entry(self.units.root(member.whole)).or_default().insert(member.part);
        }
        for reading in std::mem::take(&mut self.readings) {
            let root = self.units.root(reading.unit);
            if let Some((whole, _)) = names.wholes.get(&root) {
                let size = sizes.get(&self.units.root(*whole)).map_or(1, HashSet::len);
                inner.push(Inner { left: self.layers[reading.unit].clone(), right: reading.layer, size });
            }
        }
        inner
    }
}

/// Names of units: those of the wholes that they belong to, with a label that says as what.
struct Names {
    /// The whole, and the number in it, of units that are parts.
    wholes: HashMap<usize, (usize, usize)>,
    /// For each unit a number for the axes and blocks where it stands itself, apart from those tied to it.
    roles: Vec<usize>,
    /// The names of units that stand twice in a block, whose roles count.
    doubled: HashSet<usize>,
    /// Numbers of labels.
    labels: HashMap<(Vec<usize>, Option<usize>), usize>,
}

impl Names {
    fn new(wholes: HashMap<usize, (usize, usize)>, seen: &[Vec<(usize, usize)>]) -> Self {
        let mut numbers = HashMap::new();
        let role = |places: &Vec<(usize, usize)>| {
            let mut places = places.clone();
            places.sort_unstable();
            let next = numbers.len();
            *numbers.entry(places).or_insert(next)
        };
        Self {
            wholes,
            roles: seen.iter().map(role).collect(),
            doubled: HashSet::new(),
            labels: HashMap::new(),
        }
    }

    /// The outermost whole that a unit belongs to, or the first unit tied to it where it belongs to none; a number for
    /// its part and role in that, 0 where there is neither; and the number of wholes within wholes.
    fn of(&mut self, derivation: &mut Derivation, unit: usize) -> (usize, usize, usize) {
        let (mut name, mut parts) = (derivation.units.root(unit), Vec::new());
        while let Some(&(whole, part)) = self.wholes.get(&name) {
            parts.push(part);
            name = derivation.units.root(whole);
            if parts.len() > DEEPEST {
                break;
            }
        }
        let (depth, role) = (parts.len(), self.doubled.contains(&name).then(|| self.roles[unit]));
        let label = match (depth, role) {
            (0, None) => 0,
            _ => {
                let next = self.labels.len() + 1;
                *self.labels.entry((parts, role)).or_insert(next)
            }
        };
        (name, label, depth)
    }
}

/// Puts the groups together from what the walk has found.
struct Assembly {
    /// The group and the number in it of each unit that may be exchanged.
    place: HashMap<usize, (usize, usize)>,
    names: Names,
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
            let (whole, label, depth) = self.names.of(from, unit);
            let Some(&(group, i)) = self.place.get(&whole) else { continue };
            let key = (group, position.block, label);
            let number = *numbers.entry(key).or_insert(blocks.len());
            if number == blocks.len() {
                groups.push((group, depth));
                blocks.push(Vec::new());
            }
            blocks[number].push((i, at));
        }
        let blocks = groups.into_iter().zip(blocks).map(|((group, depth), mut at)| {
            at.sort_unstable();
            let positions_of: Vec<usize> = at.into_iter().map(|(_, at)| at).collect();
            let mut scale = |of: fn(&Position) -> Option<usize>| {
                // Parts of wholes have no factors.
                if depth > 0 {
                    return None;
                }
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
