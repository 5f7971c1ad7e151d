//! The search for orders of layers that form a chain: each layer takes as many numbers as the one before it puts out.

use std::collections::{HashMap, HashSet};

use crate::resolve::layers::Layer;

/// The places of layers in a list, in the order of use.
pub(crate) type Order = Vec<usize>;

/// A condition on which layer may stand at which place of the network.
pub(crate) type Fits<'a> = &'a dyn Fn(usize, &Layer) -> bool;

/// The orders that fit, as far as the search went.
pub(crate) struct Orders {
    pub(crate) found: Vec<Order>,
    /// Whether there may be further orders.
    pub(crate) more: bool,
}

/// The largest number of orders that a message lists.
pub(crate) const LISTED: usize = 6;

/// The number of attempts to place a layer after which the search gives up.
const STEPS: usize = 100_000;

/// With more layers than this, not all orders are tried.
const DEEPEST: usize = 256;

/// Groups of layers whose names have the same words, each in the order of its numbers.
pub(crate) fn groups(layers: &[Layer]) -> Vec<Order> {
    let mut groups: Vec<Order> = Vec::new();
    for (i, layer) in layers.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if layers[group[0]].numbered.stem == layer.numbered.stem => group.push(i),
            _ => groups.push(vec![i]),
        }
    }
    groups
}

pub(crate) fn singles(layers: &[Layer]) -> Vec<Order> {
    (0..layers.len()).map(|i| vec![i]).collect()
}

pub(crate) fn is_chain(layers: &[Layer], order: &[usize], fits: Fits<'_>) -> bool {
    order.windows(2).all(|pair| layers[pair[0]].outputs == layers[pair[1]].inputs)
        && order.iter().enumerate().all(|(k, &i)| fits(k, &layers[i]))
}

/// Every way to merge the groups into a chain, each group in its own order, up to one more than a message lists.
pub(crate) fn search(layers: &[Layer], groups: &[Order], fits: Fits<'_>) -> Orders {
    // One group has one order, however long.
    if let [all] = groups {
        let found = if is_chain(layers, all, fits) { vec![all.clone()] } else { Vec::new() };
        return Orders { found, more: false };
    }
    let mut search = Search {
        layers,
        groups,
        fits,
        used: vec![0; groups.len()],
        order: Order::new(),
        found: Vec::new(),
        steps: STEPS,
    };
    if !is_eulerian(layers) {
        return Orders { found: Vec::new(), more: false };
    }
    if layers.len() > DEEPEST {
        return Orders { found: Vec::new(), more: true };
    }
    search.extend();
    let more = search.steps == 0 || search.found.len() > LISTED;
    Orders { found: search.found, more }
}

struct Search<'a> {
    layers: &'a [Layer],
    groups: &'a [Order],
    fits: Fits<'a>,
    /// How many layers of each group are in `order`.
    used: Vec<usize>,
    order: Order,
    found: Vec<Order>,
    /// The number of attempts that are left.
    steps: usize,
}

impl Search<'_> {
    fn extend(&mut self) {
        if self.order.len() == self.layers.len() {
            self.found.push(self.order.clone());
            return;
        }
        for g in 0..self.groups.len() {
            if self.steps == 0 || self.found.len() > LISTED {
                return;
            }
            let Some(&next) = self.groups[g].get(self.used[g]) else { continue };
            let layer = &self.layers[next];
            let joins = self.order.last().is_none_or(|&last| self.layers[last].outputs == layer.inputs);
            if !joins || !(self.fits)(self.order.len(), layer) {
                continue;
            }
            self.steps -= 1;
            self.used[g] += 1;
            self.order.push(next);
            self.extend();
            self.order.pop();
            self.used[g] -= 1;
        }
    }
}

/// Whether there is a chain at all, whatever the names say: an Eulerian path through the widths, whose edges are the
/// layers. There is one if each width is left as often as it is come to, the first and the last aside, and all hang
/// together. Without one, a search would take long to see it.
fn is_eulerian(layers: &[Layer]) -> bool {
    let mut balance: HashMap<usize, i64> = HashMap::new();
    for layer in layers {
        *balance.entry(layer.inputs).or_default() += 1;
        *balance.entry(layer.outputs).or_default() -= 1;
    }
    let mut reached = HashSet::from([layers[0].inputs]);
    loop {
        let before = reached.len();
        for Layer { inputs, outputs, .. } in layers {
            if reached.contains(inputs) || reached.contains(outputs) {
                reached.extend([*inputs, *outputs]);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    balance.values().map(|b| b.abs()).sum::<i64>() <= 2 && reached.len() == balance.len()
}
