//! Determines the order in which a network uses its layers from names and shapes.

use std::collections::HashMap;

use crate::{Error, Result};
use crate::{
    outline::Outline,
    resolve::chains::{Fits, LISTED, Order, Orders, groups, is_chain, search, singles},
    resolve::layers::Layer,
};

/// The order of `layers` that numbers in their names and the shapes allow, and what to note about it.
///
/// Numbers order layers whose names have the same words. The result is `None` where no order fits.
///
/// # Errors
/// When more than one order fits, or only orders that contradict the numbers.
pub(crate) fn only(
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

/// Any order that the shapes allow, without a condition on the network.
pub(crate) fn by_shapes(layers: &[Layer]) -> Option<Order> {
    let orders = search(layers, &groups(layers), &|_, _| true);
    orders.found.into_iter().next()
}

/// A note for the user where the order does not follow from digits in the names alone.
fn note(outline: &Outline, layers: &[Layer], groups: &[Order], order: &[usize]) -> Option<String> {
    let from = if groups.len() > 1 {
        "the only one that their shapes allow"
    } else if layers.iter().any(|layer| !layer.name.contains(|c: char| c.is_ascii_digit())) {
        "by the numbers in their names"
    } else {
        return None;
    };
    let names = shown(layers, order);
    (layers.len() > 1)
        .then(|| outline.note(format!("layers taken in the order {names}, {from}; `layers` says otherwise")))
}

/// The order that `names` give.
///
/// # Errors
/// When `names` are not the names of all layers, or the shapes do not allow the order.
pub(crate) fn given(outline: &Outline, layers: &[Layer], names: &[String], fits: Fits<'_>) -> Result<Order> {
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
        let start = &outline.file.tensors[layer.weight].name[..prefix + layer.name.len()];
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

/// The names of layers in an order, as `layers` takes them.
pub(crate) fn shown(layers: &[Layer], order: &[usize]) -> String {
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
