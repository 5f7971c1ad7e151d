//! Layers with parameters, and pooling.

use super::{
    folded::Folded,
    model::Node,
    translate::{Result, Translation},
};
use crate::graph::schema::Argument;

/// Borders at the beginning of each axis, where those at its end are the same.
fn borders(node: &Node, axes: usize) -> Result<Vec<i64>> {
    match node.text("auto_pad") {
        None | Some("NOTSET" | "") => {}
        Some("VALID") => return Ok(vec![0; axes]),
        Some(_) => return Err("borders that follow from sizes are not covered".into()),
    }
    let pads = node.ints("pads").map_or_else(|| vec![0; 2 * axes], <[i64]>::to_vec);
    match pads.split_at_checked(axes) {
        Some((before, after)) if before == after => Ok(before.to_vec()),
        _ => Err(format!("its borders {pads:?} are not the same on both sides")),
    }
}

/// `Conv`, of images or sequences
pub(super) fn convolution(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, weight, rest @ ..] = &node.inputs[..] else { return Err("it has no weight".into()) };
    let axes = to.parameter(weight).map_or(2, |shape| shape.len().saturating_sub(2));
    let mut inputs = vec![("input", to.tensor(x)?), ("weight", to.tensor(weight)?)];
    // Exports without optimization write zeros for a bias that is not there.
    if let Some(bias) = rest.first().filter(|name| !name.is_empty() && !is_everywhere(to, name, 0.)) {
        inputs.push(("bias", to.tensor(bias)?));
    }
    let ones = || vec![1; axes];
    let stride = node.ints("strides").map_or_else(ones, <[i64]>::to_vec);
    // Where all steps are 1, sizes that stay the same are PyTorch's padding of that name.
    let same = matches!(node.text("auto_pad"), Some("SAME_UPPER" | "SAME_LOWER")) && stride == ones();
    let padding = if same { Argument::Text("same".into()) } else { Argument::Ints(borders(node, axes)?) };
    inputs.push(("stride", Argument::Ints(stride)));
    inputs.push(("padding", padding));
    inputs.push(("dilation", Argument::Ints(node.ints("dilations").map_or_else(ones, <[i64]>::to_vec))));
    inputs.push(("groups", Argument::Int(node.int("group", 1))));
    to.call(node, if axes == 1 { "conv1d.default" } else { "conv2d.default" }, inputs)
}

/// Whether a value is that number everywhere.
fn is_everywhere(to: &Translation, name: &str, number: f64) -> bool {
    to.folded(name).and_then(Folded::fixed).is_some_and(|all| all.iter().all(|&x| x == number))
}

/// `BatchNormalization` in evaluation mode
pub(super) fn batch_norm(to: &mut Translation, node: &Node) -> Result<()> {
    if node.int("training_mode", 0) != 0 {
        return Err("it is exported in training mode: call net.eval() before".into());
    }
    let names = ["input", "weight", "bias", "running_mean", "running_var"];
    let mut inputs = Vec::new();
    for (name, value) in names.into_iter().zip(&node.inputs) {
        inputs.push((name, to.tensor(value)?));
    }
    inputs.push(("eps", Argument::Float(node.float("epsilon", 1e-5))));
    to.call(node, "batch_norm.default", inputs)
}

/// `LayerNormalization`
pub(super) fn layer_norm(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, weight, ..] = &node.inputs[..] else { return Err("it has no weight".into()) };
    let shape = to.parameter(weight).ok_or("its weight is no parameter")?;
    let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    let axis = node.int("axis", -1);
    let last = to.rank(x).map(|rank| rank as i64 - shape.len() as i64);
    if axis != -(shape.len() as i64) && Some(axis) != last {
        return Err("its weight has not the axes that it normalises".into());
    }
    let mut inputs = vec![("input", to.tensor(x)?), ("normalized_shape", Argument::Ints(shape))];
    for (name, value) in ["weight", "bias"].into_iter().zip(&node.inputs[1..]) {
        if !value.is_empty() {
            inputs.push((name, to.tensor(value)?));
        }
    }
    inputs.push(("eps", Argument::Float(node.float("epsilon", 1e-5))));
    to.call(node, "layer_norm.default", inputs)
}

/// `InstanceNormalization`: groups of one channel
pub(super) fn instance_norm(to: &mut Translation, node: &Node) -> Result<()> {
    let scale = node.inputs.get(1).ok_or("it has no scale")?;
    let fixed = || to.folded(scale).map(|value| value.entries.len());
    let channels = to.parameter(scale).map(|shape| shape.iter().product()).or_else(fixed);
    group_norm(to, node, channels.ok_or("its scale is computed")? as i64)
}

/// `GroupNormalization`, and exports that spell it out
pub(super) fn group_norm(to: &mut Translation, node: &Node, groups: i64) -> Result<()> {
    let [x, scale, shift] = &node.inputs[..] else { return Err("it has no scale and shift".into()) };
    let mut inputs = vec![("input", to.tensor(x)?), ("num_groups", Argument::Int(groups))];
    for (name, value, neutral) in [("weight", scale, 1.), ("bias", shift, 0.)] {
        if !is_everywhere(to, value, neutral) {
            inputs.push((name, to.tensor(value)?));
        }
    }
    inputs.push(("eps", Argument::Float(node.float("epsilon", 1e-5))));
    to.call(node, "group_norm.default", inputs)
}

/// `Gemm`
pub(super) fn gemm(to: &mut Translation, node: &Node) -> Result<()> {
    let plain = node.float("alpha", 1.) == 1. && node.float("beta", 1.) == 1. && node.int("transA", 0) == 0;
    let [x, weight, rest @ ..] = &node.inputs[..] else { return Err("it has no weight".into()) };
    let turned = to.turned(weight).cloned();
    let weight = match (node.int("transB", 0), turned) {
        (1, None) => weight.clone(),
        (0, Some(parameter)) => parameter,
        _ => return Err("its weight is not [out, in]".into()),
    };
    if !plain {
        return Err("factors and transposed inputs are not covered".into());
    }
    let mut inputs = vec![("input", to.tensor(x)?), ("weight", to.tensor(&weight)?)];
    if let Some(bias) = rest.first().filter(|name| !name.is_empty()) {
        inputs.push(("bias", to.tensor(bias)?));
    }
    to.call(node, "linear.default", inputs)
}

/// `MatMul`
pub(super) fn matmul(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, y] = &node.inputs[..] else { return Err("it needs two inputs".into()) };
    let Some(weight) = to.turned(y).cloned() else {
        let inputs = vec![("self", to.tensor(x)?), ("other", to.tensor(y)?)];
        return to.call(node, "matmul.default", inputs);
    };
    let inputs = vec![("input", to.tensor(x)?), ("weight", to.tensor(&weight)?)];
    to.call(node, "linear.default", inputs)?;
    if let Some(result) = node.outputs.first() {
        to.leave_open(result, &weight);
    }
    Ok(())
}

/// `MaxPool` and `AveragePool`
pub(super) fn pool(to: &mut Translation, node: &Node) -> Result<()> {
    let x = node.inputs.first().ok_or("it has no input")?;
    let kernel = node.ints("kernel_shape").ok_or("its window is not stated")?.to_vec();
    let ones = || vec![1; kernel.len()];
    let stride = node.ints("strides").map_or_else(ones, <[i64]>::to_vec);
    let ceil = Argument::Bool(node.int("ceil_mode", 0) != 0);
    let padding = Argument::Ints(borders(node, kernel.len())?);
    let mut inputs = vec![
        ("self", to.tensor(x)?),
        ("kernel_size", Argument::Ints(kernel.clone())),
        ("stride", Argument::Ints(stride)),
        ("padding", padding),
        ("ceil_mode", ceil),
    ];
    let sequence = kernel.len() == 1;
    if node.op == "MaxPool" {
        inputs.push(("dilation", Argument::Ints(node.ints("dilations").map_or_else(ones, <[i64]>::to_vec))));
        return to.call(node, if sequence { "max_pool1d.default" } else { "max_pool2d.default" }, inputs);
    }
    inputs.push(("count_include_pad", Argument::Bool(node.int("count_include_pad", 0) != 0)));
    to.call(node, if sequence { "avg_pool1d.default" } else { "avg_pool2d.default" }, inputs)
}

/// `GlobalAveragePool`
pub(super) fn global_average(to: &mut Translation, node: &Node) -> Result<()> {
    let x = node.inputs.first().ok_or("it has no input")?;
    let (target, size) = match to.rank(x) {
        Some(3) => ("adaptive_avg_pool1d.default", vec![1]),
        _ => ("adaptive_avg_pool2d.default", vec![1, 1]),
    };
    let inputs = vec![("self", to.tensor(x)?), ("output_size", Argument::Ints(size))];
    to.call(node, target, inputs)
}
