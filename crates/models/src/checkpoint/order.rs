//! The order in which a network uses its layers, where it can be known from names and shapes.

use std::collections::HashMap;

use super::{layers::Layer, outline::Outline};
use crate::{Error, Result};

/// Places in a list of layers, in the order of use.
pub(super) type Order = Vec<usize>;

/// Orders that fit, as far as they were looked for.
struct Orders {
    found: Vec<Order>,
    /// Whether there may be more.
    more: bool,
}

/// How many orders a message lists.
const LISTED: usize = 6;

/// Layers put in place before a search gives up.
const STEPS: usize = 100_000;

/// More layers than these are not tried in all orders.
const DEEPEST: usize = 256;

/// What limits the layer at a place of the network: its number and the layer.
pub(super) type Fits<'a> = &'a dyn Fn(usize, &Layer) -> bool;

/// The order of `layers` that numbers in their names and the shapes allow, and what to note about it.
///
/// Numbers order layers whose names have the same words. Nothing where no order fits.
///
/// # Errors
/// When more than one does, or only orders that contradict the numbers.
pub(super) fn only(
    outline: &Outline,
    layers: &[Layer],
    fits: Fits<'_>,
) -> Result<Option<(Order, Option<String>)>> {
    let groups = groups(layers);
    let orders = search(layers, &groups, fits);
    match (orders.found.as_slice(), orders.more) {
        ([order], false) => Ok(Some((order.clone(), note(outline, layers, &groups, order)))),
        ([], false) => {
            let free = search(layers, &singles(layers), fits);
            if free.found.is_empty() {
                return Ok(None);
            }
            let reason = "its shapes do not allow the order of the numbers in its layers' names";
            Err(refuse(outline, layers, reason.into(), &free))
        }
        _ => {
            let reason = "neither names nor shapes say in which order its layers are used";
            Err(refuse(outline, layers, reason.into(), &orders))
        }
    }
}

/// What is not plain from digits in the names alone.
fn note(outline: &Outline, layers: &[Layer], groups: &[Order], order: &[usize]) -> Option<String> {
    let from = if groups.len() > 1 {
        "the only one that their shapes allow"
    } else if layers.iter().any(|layer| !layer.name.contains(|c: char| c.is_ascii_digit())) {
        "by the numbers in their names"
    } else {
        return None;
    };
    let names = shown(layers, order);
    (layers.len() > 1).then(|| outline.note(format!("layers taken in the order {names}, {from}; --layers says otherwise")))
}

/// The order that `names` give.
///
/// # Errors
/// When they are not the names of all layers, or the shapes do not allow it.
pub(super) fn given(outline: &Outline, layers: &[Layer], names: &[String], fits: Fits<'_>) -> Result<Order> {
    let wrong = |reason: String| {
        let groups = groups(layers);
        let mut orders = search(layers, &groups, fits);
        if orders.found.is_empty() {
            orders = search(layers, &singles(layers), fits);
        }
        refuse(outline, layers, reason, &orders)
    };
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (i, layer) in layers.iter().enumerate() {
        // The name in the file, and that without the prefix of all.
        let key = outline.keys[layer.weight];
        let prefix = outline.file.tensors[layer.weight].name.len() - key.len();
        let start = outline.file.tensors[layer.weight].name.get(..prefix + layer.name.len()).unwrap_or("");
        places.insert(start, i);
        places.insert(&layer.name, i);
    }
    let mut order = Order::new();
    for name in names {
        match places.get(name.as_str()) {
            Some(i) if order.contains(i) => {
                return Err(wrong(format!("layer '{}' is given twice", name.escape_debug())));
            }
            Some(&i) => order.push(i),
            None => return Err(wrong(format!("has no layer '{}'", name.escape_debug()))),
        }
    }
    if let Some(left) = (0..layers.len()).find(|i| !order.contains(i)) {
        let left = layers[left].name.escape_debug().to_string();
        return Err(wrong(format!("has a layer '{left}' too")));
    }
    if !is_chain(layers, &order, fits) {
        return Err(wrong(format!("its shapes do not allow the order {}", shown(layers, &order))));
    }
    Ok(order)
}

/// The names of layers in an order, as `--layers` takes them.
pub(super) fn shown(layers: &[Layer], order: &[usize]) -> String {
    const LONGEST: usize = 200;
    let names = order.iter().map(|&i| layers[i].name.as_str()).collect::<Vec<_>>().join(",");
    match names.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", names[..end].escape_debug()),
        None => names.escape_debug().to_string(),
    }
}

fn refuse(outline: &Outline, layers: &[Layer], reason: String, orders: &Orders) -> Error {
    let mut fits: Vec<String> = orders.found.iter().map(|order| shown(layers, order)).collect();
    let more = orders.more || fits.len() > LISTED;
    fits.truncate(LISTED);
    Error::Layers { path: outline.file.path.clone(), reason, fits, more }
}

/// Layers whose names have the same words, each group in the order of its numbers.
fn groups(layers: &[Layer]) -> Vec<Order> {
    let mut groups: Vec<Order> = Vec::new();
    for (i, layer) in layers.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if layers[group[0]].numbered.stem == layer.numbered.stem => group.push(i),
            _ => groups.push(vec![i]),
        }
    }
    groups
}

fn singles(layers: &[Layer]) -> Vec<Order> {
    (0..layers.len()).map(|i| vec![i]).collect()
}

fn is_chain(layers: &[Layer], order: &[usize], fits: Fits<'_>) -> bool {
    order.windows(2).all(|pair| layers[pair[0]].outputs == layers[pair[1]].inputs)
        && order.iter().enumerate().all(|(k, &i)| fits(k, &layers[i]))
}

/// Every way to merge the groups into a chain, each group in its own order, up to one more than a message lists.
fn search(layers: &[Layer], groups: &[Order], fits: Fits<'_>) -> Orders {
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
    if !balanced(layers) {
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
    /// How many layers may still be tried.
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

/// Whether each width is left as often as it is come to, the first and the last of a chain aside: without that there
/// is no chain, and a search would take long to see it.
fn balanced(layers: &[Layer]) -> bool {
    let mut balance: HashMap<usize, i64> = HashMap::new();
    for layer in layers {
        *balance.entry(layer.inputs).or_default() += 1;
        *balance.entry(layer.outputs).or_default() -= 1;
    }
    balance.values().map(|b| b.abs()).sum::<i64>() <= 2
}
