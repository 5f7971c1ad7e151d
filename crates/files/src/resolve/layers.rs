//! Groups the tensors of a file into layers, each with a weight and perhaps a bias.

use std::collections::HashMap;

use crate::Result;
use crate::{outline::Outline, resolve::natural::Numbered};

/// A layer of a network, by the places of its tensors in the file.
pub(crate) struct Layer {
    /// The name without the prefix that all names share.
    pub(crate) name: String,
    pub(crate) numbered: Numbered,
    pub(crate) weight: usize,
    pub(crate) bias: Option<usize>,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Weight,
    Bias,
}

impl Layer {
    /// The places of its tensors in the file, the weight before the bias.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.weight).chain(self.bias)
    }
}

/// The layers whose weights and biases a file holds, sorted by their names and the numbers in them.
///
/// # Errors
/// When a tensor is neither a weight nor a bias by its name, or neither a matrix nor a vector by its shape.
pub(crate) fn layers(outline: &Outline) -> Result<Vec<Layer>> {
    let mut found: HashMap<&str, [Option<usize>; 2]> = HashMap::new();
    for (i, key) in outline.keys.iter().enumerate() {
        let (name, role) = split(key).ok_or_else(|| {
            outline.reject(format!(
                "tensor '{}' is neither a weight nor a bias by its name (0.weight, 0.bias, fc1.weight, \
                 dense/kernel, …)",
                key.escape_debug()
            ))
        })?;
        let place = &mut found.entry(name).or_default()[usize::from(role == Role::Bias)];
        if place.replace(i).is_some() {
            return Err(outline.fault(i, format!("one weight and one bias of '{}'", name.escape_debug())));
        }
    }
    let mut layers = Vec::with_capacity(found.len());
    for (name, [weight, bias]) in found {
        let Some(weight) = weight else {
            let bias = outline.keys[bias.expect("a layer has a weight or a bias")];
            let expected = format!("a weight beside '{}'", bias.escape_debug());
            return Err(outline.missing(&format!("{name}.weight"), expected));
        };
        let &[outputs, inputs] = outline.shape(weight).as_slice() else {
            return Err(outline.fault(weight, outline.shown_for(weight, &["out", "in"])));
        };
        if let Some(bias) = bias.filter(|&bias| outline.shape(bias) != [outputs]) {
            return Err(outline.fault(bias, outline.shown(&[outputs])));
        }
        let (numbered, name) = (Numbered::new(name), name.to_owned());
        layers.push(Layer { name, numbered, weight, bias, inputs, outputs });
    }
    layers.sort_by(|a, b| (&a.numbered, &a.name).cmp(&(&b.numbered, &b.name)));
    Ok(layers)
}

/// The name of the layer in a tensor's name, and whether it is the weight or the bias.
fn split(key: &str) -> Option<(&str, Role)> {
    let key = key.strip_suffix(":0").unwrap_or(key);
    if let Some(role) = role(key) {
        return Some(("", role));
    }
    if let Some((layer, leaf)) = key.rsplit_once(['.', '/', '_'])
        && let Some(role) = role(leaf)
    {
        return Some((layer, role));
    }
    // `W1` and `weights.0`.
    let word = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &key[word.len()..];
    let role = role(word.trim_end_matches(['.', '_']))?;
    (!number.is_empty()).then_some((number, role))
}

fn role(word: &str) -> Option<Role> {
    match word.to_ascii_lowercase().as_str() {
        "weight" | "weights" | "kernel" | "w" => Some(Role::Weight),
        "bias" | "biases" | "b" => Some(Role::Bias),
        _ => None,
    }
}
