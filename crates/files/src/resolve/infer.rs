//! Inference of the network from names and shapes of tensors, for files that do not state it.

use crate::Result;
use crate::{outline::Outline, resolve::layers::Layer, resolve::order::shown};
use collado_models::{Activation, Arch};

/// The network of `layers` in the order of use: ReLU between layers, but linear where nothing is left for an
/// activation. What is guessed is noted.
pub(crate) fn infer(
    outline: &Outline,
    layers: &[Layer],
    order: &[usize],
    notes: &mut Vec<String>,
) -> Result<Arch> {
    let chain: Vec<&Layer> = order.iter().map(|&i| &layers[i]).collect();
    let widths = widths(outline, &chain)?;
    let biased = |layer: &&Layer| layer.bias.is_some();
    let (some, all) = (chain.iter().any(biased), chain.iter().all(biased));
    let (activation, reason) = activation(&chain, some);
    let arch = match (widths.as_slice(), chain.as_slice()) {
        (&[inputs, neurons, outputs], [first, _]) if some && !all && first.bias.is_some() => {
            Arch::two_layer(inputs, neurons, outputs)
        }
        _ if some == all => Arch::dense(activation, &widths, all),
        _ => {
            let bare = chain.iter().find(|layer| layer.bias.is_none()).expect("not all layers have a bias");
            let expected = format!("{}, as other layers have a bias", outline.shown(&[bare.outputs]));
            return Err(outline.missing(&format!("{}.bias", bare.name), expected));
        }
    };
    let arch = arch.map_err(|e| outline.reject(e.to_string()))?;
    if chain.len() > 1 {
        let names = shown(layers, order).replace(',', ", ");
        let other = if activation == Activation::Linear { Activation::Relu } else { Activation::Tanh };
        let list = widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
        let bias = if all { "" } else { "?bias=false" };
        notes.push(outline.note(format!(
            "activation guessed: {activation}, as {reason} (layers {names}); `arch` {other}:{list}{bias}, or another, says otherwise"
        )));
    }
    Ok(arch)
}

/// The guessed activation, and the reason for the guess.
fn activation(chain: &[&Layer], biased: bool) -> (Activation, &'static str) {
    let numbers: Option<Vec<usize>> = chain.iter().map(|layer| layer.name.parse().ok()).collect();
    let steps = |step: usize| {
        let counts = |(k, n): (usize, &usize)| k.checked_mul(step) == Some(*n);
        numbers.as_ref().is_some_and(|numbers| numbers.iter().enumerate().all(counts))
    };
    match (chain.len(), biased) {
        // Without a layer behind it there is no activation.
        (1, _) => (Activation::Linear, ""),
        (_, false) if steps(1) => {
            (Activation::Linear, "its layers have no biases and no number between them")
        }
        (_, true) if steps(1) => {
            (Activation::Relu, "layers with biases in a row are mostly those of a ModuleList")
        }
        _ if steps(2) => (Activation::Relu, "an nn.Sequential leaves every other number to it"),
        _ => (Activation::Relu, "nothing says another"),
    }
}

/// The chain of widths that the weights make.
fn widths(outline: &Outline, chain: &[&Layer]) -> Result<Vec<usize>> {
    let mut widths = Vec::with_capacity(chain.len() + 1);
    for layer in chain {
        match widths.last() {
            None => widths.push(layer.inputs),
            Some(&last) if last == layer.inputs => {}
            Some(&last) => {
                let expected = outline.shown_for(layer.weight, &["out", &last.to_string()]);
                return Err(outline.fault(layer.weight, expected));
            }
        }
        widths.push(layer.outputs);
    }
    Ok(widths)
}
