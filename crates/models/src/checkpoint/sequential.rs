use std::collections::BTreeMap;

use super::outline::Outline;
use crate::{Activation, Arch, Result};

/// A layer of an `nn.Sequential`, by the places of its tensors in the file.
#[derive(Default)]
struct Layer {
    weight: Option<usize>,
    bias: Option<usize>,
}

/// The network whose parameters PyTorch names `0.weight`, `0.bias`, `2.weight`, …: ReLU where a number is skipped
/// between two layers, linear where none is. Shapes of biases are not compared here.
pub(super) fn infer(outline: &Outline) -> Result<Arch> {
    let layers = layers(outline)?;
    let activation = activation(outline, &layers)?;
    let widths = widths(outline, &layers)?;
    let biased = |(_, layer): (&usize, &Layer)| layer.bias.is_some();
    let (some, all) = (layers.iter().any(biased), layers.iter().all(biased));
    let arch = match (widths.as_slice(), layers.values().next()) {
        (&[inputs, neurons, outputs], Some(first))
            if activation == Activation::Relu && some && !all && first.bias.is_some() =>
        {
            Arch::two_layer(inputs, neurons, outputs)
        }
        _ if some == all => Arch::dense(activation, &widths, all),
        _ => {
            let mut bare = layers.iter().zip(&widths[1..]).filter(|((_, layer), _)| layer.bias.is_none());
            let (name, width) = bare.next().map_or((0, 0), |((name, _), width)| (*name, *width));
            let expected = format!("{}, as other layers have a bias", outline.shown(&[width]));
            return Err(outline.missing(&format!("{name}.bias"), expected));
        }
    };
    arch.map_err(|e| outline.reject(e.to_string()))
}

fn layers(outline: &Outline) -> Result<BTreeMap<usize, Layer>> {
    let mut layers: BTreeMap<usize, Layer> = BTreeMap::new();
    for (i, key) in outline.keys.iter().enumerate() {
        let parts = key.split_once('.').and_then(|(name, leaf)| Some((name.parse().ok()?, leaf)));
        let place = match parts {
            Some((name, "weight")) => &mut layers.entry(name).or_default().weight,
            Some((name, "bias")) => &mut layers.entry(name).or_default().bias,
            _ => {
                return Err(outline.reject(format!(
                    "tensor '{}' is not named as in an nn.Sequential (0.weight, 0.bias, 2.weight, …); \
                     give the architecture with --arch",
                    key.escape_debug()
                )));
            }
        };
        *place = Some(i);
    }
    Ok(layers)
}

/// What the gaps between the numbers of the layers say.
fn activation(outline: &Outline, layers: &BTreeMap<usize, Layer>) -> Result<Activation> {
    let numbers: Vec<usize> = layers.keys().copied().collect();
    let steps = |step: usize| numbers.iter().enumerate().all(|(k, n)| k.checked_mul(step) == Some(*n));
    match (steps(1), steps(2)) {
        (true, _) => Ok(Activation::Linear),
        (_, true) => Ok(Activation::Relu),
        _ => {
            let found = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(outline.reject(format!(
                "its layers are numbered {found}, expected 0, 2, 4, … or 0, 1, 2, …; give the architecture with --arch"
            )))
        }
    }
}

/// The chain of widths that the weights make.
fn widths(outline: &Outline, layers: &BTreeMap<usize, Layer>) -> Result<Vec<usize>> {
    let mut widths = Vec::with_capacity(layers.len() + 1);
    for (name, layer) in layers {
        let i = layer.weight.ok_or_else(|| {
            outline.missing(&format!("{name}.weight"), format!("a weight beside '{name}.bias'"))
        })?;
        match (outline.shape(i), widths.last()) {
            (&[output, input], None) => widths.extend([input, output]),
            (&[output, input], Some(&last)) if input == last => widths.push(output),
            (_, None) => return Err(outline.fault(i, outline.shown(&["out", "in"]))),
            (_, Some(last)) => {
                return Err(outline.fault(i, outline.shown(&["out", &last.to_string()])));
            }
        }
    }
    Ok(widths)
}
