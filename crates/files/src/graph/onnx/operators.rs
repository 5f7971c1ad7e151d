//! The operators of ONNX that are covered, and the call of PyTorch that each becomes.

use super::{
    model::Node,
    translate::{Result, Translation},
};
use crate::graph::schema::Argument;

/// Operators of one tensor without settings, and PyTorch's names for them.
const PLAIN: [(&str, &str); 16] = [
    ("Relu", "relu.default"),
    ("Tanh", "tanh.default"),
    ("Sigmoid", "sigmoid.default"),
    ("HardSwish", "hardswish.default"),
    ("Softplus", "softplus.default"),
    ("Exp", "exp.default"),
    ("Log", "log.default"),
    ("Erf", "erf.default"),
    ("Sin", "sin.default"),
    ("Cos", "cos.default"),
    ("Abs", "abs.default"),
    ("Neg", "neg.default"),
    ("Sqrt", "sqrt.default"),
    ("Reciprocal", "reciprocal.default"),
    ("Not", "logical_not.default"),
    ("GlobalAveragePool", "adaptive_avg_pool2d.default"),
];

const PAIRS: [(&str, &str); 4] =
    [("Add", "add.Tensor"), ("Sub", "sub.Tensor"), ("Mul", "mul.Tensor"), ("Div", "div.Tensor")];

/// Appends the calls for a node.
pub(super) fn translate(to: &mut Translation, node: &Node) -> Result<()> {
    let input = |i: usize| node.inputs.get(i).filter(|name| !name.is_empty());
    let x = input(0).cloned().unwrap_or_default();
    if let Some((_, target)) = PLAIN.iter().find(|(op, _)| *op == node.op) {
        let mut inputs = vec![("self", to.tensor(&x)?)];
        if node.op == "GlobalAveragePool" {
            inputs.push(("output_size", Argument::Ints(vec![1, 1])));
        }
        return to.call(node, target, inputs);
    }
    if let Some((op, target)) = PAIRS.iter().find(|(op, _)| *op == node.op) {
        if *op == "Add" && to.close(node) {
            return Ok(());
        }
        let y = input(1).ok_or("it has one input")?;
        // The first argument has to be a tensor, and the order of sums and products does not matter.
        let turn = to.folded(&x).is_some() && matches!(*op, "Add" | "Mul");
        let (x, y) = if turn { (y, &x) } else { (&x, y) };
        let inputs = vec![("self", to.tensor(x)?), ("other", to.operand(y)?)];
        return to.call(node, target, inputs);
    }
    match node.op.as_str() {
        "Identity" | "Cast" | "CastLike" => to.alias(node),
        "Dropout" if input(2).is_none_or(|train| to.folded(train).and_then(|t| t.scalar()) == Some(0.)) => {
            to.alias(node)
        }
        "Conv" => convolution(to, node),
        "BatchNormalization" => batch_norm(to, node),
        "LayerNormalization" => layer_norm(to, node),
        "Gemm" => gemm(to, node),
        "MatMul" => matmul(to, node),
        "MaxPool" | "AveragePool" => pool(to, node),
        "LeakyRelu" => {
            let inputs = vec![
                ("self", to.tensor(&x)?),
                ("negative_slope", Argument::Float(node.float("alpha", 0.01))),
            ];
            to.call(node, "leaky_relu.default", inputs)
        }
        "Elu" => {
            let inputs = vec![("self", to.tensor(&x)?), ("alpha", Argument::Float(node.float("alpha", 1.)))];
            to.call(node, "elu.default", inputs)
        }
        "Gelu" => {
            let kind = node.text("approximate").unwrap_or("none").to_owned();
            let inputs = vec![("self", to.tensor(&x)?), ("approximate", Argument::Text(kind))];
            to.call(node, "gelu.default", inputs)
        }
        "Clip" => {
            let mut inputs = vec![("self", to.tensor(&x)?)];
            for (i, end) in [(1, "min"), (2, "max")] {
                if let Some(name) = input(i) {
                    let value = to.folded(name).and_then(|value| value.scalar());
                    inputs.push((end, Argument::Float(value.ok_or("its ends are computed")?)));
                }
            }
            to.call(node, "clamp.default", inputs)
        }
        "Pow" => {
            let exponent =
                input(1).and_then(|name| to.folded(name)?.scalar()).ok_or("its exponent is computed")?;
            let inputs = vec![("self", to.tensor(&x)?), ("exponent", Argument::Float(exponent))];
            to.call(node, "pow.Tensor_Scalar", inputs)
        }
        "Softmax" | "LogSoftmax" => {
            let target = if node.op == "Softmax" { "softmax.int" } else { "log_softmax.int" };
            let inputs = vec![("self", to.tensor(&x)?), ("dim", Argument::Int(node.int("axis", -1)))];
            to.call(node, target, inputs)
        }
        "ReduceMean" | "ReduceSum" => reduce(to, node),
        "Flatten" => match node.int("axis", 1) {
            1 => {
                let inputs = vec![("self", to.tensor(&x)?), ("start_dim", Argument::Int(1))];
                to.call(node, "flatten.using_ints", inputs)
            }
            axis => Err(format!("its axis is {axis}, expected 1")),
        },
        "Reshape" => reshape(to, node),
        "Expand" => {
            let size = to.expanded(node, &x, input(1).ok_or("it has no shape")?)?;
            let inputs = vec![("self", to.tensor(&x)?), ("size", size)];
            to.call(node, "expand.default", inputs)
        }
        "Transpose" => {
            let axes = node.ints("perm").ok_or("its order of axes is not stated")?.to_vec();
            if axes == [1, 0]
                && to.parameter(&x).is_some()
                && let Some(result) = node.outputs.first()
            {
                to.note_turned(result, &x);
            }
            let inputs = vec![("self", to.tensor(&x)?), ("dims", Argument::Ints(axes))];
            to.call(node, "permute.default", inputs)
        }
        "Squeeze" | "Unsqueeze" => {
            let dims = to.fixed_ints(input(1).ok_or("its axes are not stated")?)?;
            match (node.op.as_str(), &dims[..]) {
                ("Squeeze", _) => {
                    let inputs = vec![("self", to.tensor(&x)?), ("dim", Argument::Ints(dims))];
                    to.call(node, "squeeze.dims", inputs)
                }
                (_, &[dim]) => {
                    let inputs = vec![("self", to.tensor(&x)?), ("dim", Argument::Int(dim))];
                    to.call(node, "unsqueeze.default", inputs)
                }
                _ => Err("several new axes at once are not covered".into()),
            }
        }
        "Concat" => {
            let names: Vec<String> = node
                .inputs
                .iter()
                .map(|name| match to.tensor(name)? {
                    Argument::Tensor(name) => Ok(name),
                    _ => Err("it has a part that is no tensor".to_owned()),
                })
                .collect::<Result<_>>()?;
            let inputs =
                vec![("tensors", Argument::Tensors(names)), ("dim", Argument::Int(node.int("axis", 0)))];
            to.call(node, "cat.default", inputs)
        }
        "Split" => {
            let sizes = to.fixed_ints(input(1).ok_or("its sizes are not stated")?)?;
            let dim = Argument::Int(node.int("axis", 0));
            let inputs = vec![("self", to.tensor(&x)?), ("split_sizes", Argument::Ints(sizes)), ("dim", dim)];
            to.call_as(node, "split_with_sizes.default", inputs, Argument::Tensors(node.outputs.clone()));
            Ok(())
        }
        "Gather" => gather(to, node),
        "Slice" => slice(to, node),
        "Pad" => pad(to, node),
        op => {
            // The rules for calls refuse it by its name.
            let result = node.outputs.first().cloned().unwrap_or_default();
            to.call_as(node, &format!("onnx.{op}"), Vec::new(), Argument::Tensor(result));
            Ok(())
        }
    }
}

/// Borders at the beginning of each axis, where those at its end are the same.
fn borders(node: &Node, axes: usize) -> Result<Vec<i64>> {
    if !matches!(node.text("auto_pad"), None | Some("NOTSET" | "")) {
        return Err("borders that follow from sizes are not covered".into());
    }
    let pads = node.ints("pads").map_or_else(|| vec![0; 2 * axes], <[i64]>::to_vec);
    match pads.split_at_checked(axes) {
        Some((before, after)) if before == after => Ok(before.to_vec()),
        _ => Err(format!("its borders {pads:?} are not the same on both sides")),
    }
}

fn convolution(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, weight, rest @ ..] = &node.inputs[..] else { return Err("it has no weight".into()) };
    let mut inputs = vec![("input", to.tensor(x)?), ("weight", to.tensor(weight)?)];
    // Exports without optimization write zeros for a bias that is not there.
    let zeros = |to: &Translation, name: &str| {
        to.folded(name).and_then(|b| b.fixed()).is_some_and(|b| b.iter().all(|&b| b == 0.))
    };
    if let Some(bias) = rest.first().filter(|name| !name.is_empty() && !zeros(to, name)) {
        inputs.push(("bias", to.tensor(bias)?));
    }
    let ones = || vec![1; 2];
    inputs.push(("stride", Argument::Ints(node.ints("strides").map_or_else(ones, <[i64]>::to_vec))));
    inputs.push(("padding", Argument::Ints(borders(node, 2)?)));
    inputs.push(("dilation", Argument::Ints(node.ints("dilations").map_or_else(ones, <[i64]>::to_vec))));
    inputs.push(("groups", Argument::Int(node.int("group", 1))));
    to.call(node, "conv2d.default", inputs)
}

fn batch_norm(to: &mut Translation, node: &Node) -> Result<()> {
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

fn layer_norm(to: &mut Translation, node: &Node) -> Result<()> {
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

fn gemm(to: &mut Translation, node: &Node) -> Result<()> {
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

fn matmul(to: &mut Translation, node: &Node) -> Result<()> {
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

fn pool(to: &mut Translation, node: &Node) -> Result<()> {
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
    if node.op == "MaxPool" {
        inputs.push(("dilation", Argument::Ints(node.ints("dilations").map_or_else(ones, <[i64]>::to_vec))));
        return to.call(node, "max_pool2d.default", inputs);
    }
    inputs.push(("count_include_pad", Argument::Bool(node.int("count_include_pad", 0) != 0)));
    to.call(node, "avg_pool2d.default", inputs)
}

fn reduce(to: &mut Translation, node: &Node) -> Result<()> {
    let x = node.inputs.first().ok_or("it has no input")?;
    let dims = match (node.inputs.get(1), node.ints("axes")) {
        (Some(name), _) => to.fixed_ints(name)?,
        (None, Some(axes)) => axes.to_vec(),
        (None, None) => return Err("its axes are not stated".into()),
    };
    let target = if node.op == "ReduceMean" { "mean.dim" } else { "sum.dim_IntList" };
    let keep = Argument::Bool(node.int("keepdims", 1) != 0);
    let inputs = vec![("self", to.tensor(x)?), ("dim", Argument::Ints(dims)), ("keepdim", keep)];
    to.call(node, target, inputs)
}

fn reshape(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, shape] = &node.inputs[..] else { return Err("it has no shape".into()) };
    let sizes = to.sizes(node, shape)?;
    let known = node.outputs.first().is_some_and(|result| to.metas.contains_key(result));
    let flat = to.folded(shape).is_some_and(|value| {
        value.entries.len() == 2 && value.entries[1] == super::folded::Entry::Fixed(-1.)
    });
    if !known && flat {
        let inputs = vec![("self", to.tensor(x)?), ("start_dim", Argument::Int(1))];
        return to.call(node, "flatten.using_ints", inputs);
    }
    let inputs = vec![("self", to.tensor(x)?), ("size", sizes)];
    to.call(node, "view.default", inputs)
}

fn gather(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, index] = &node.inputs[..] else { return Err("it has no index".into()) };
    let axis = node.int("axis", 0);
    match to.folded(index).map(|value| (value.shape.len(), value.scalar())) {
        Some((0, Some(at))) => {
            let inputs = vec![
                ("self", to.tensor(x)?),
                ("dim", Argument::Int(axis)),
                ("index", Argument::Int(at as i64)),
            ];
            to.call(node, "select.int", inputs)
        }
        _ if axis == 0 && to.parameter(x).is_some() => {
            let inputs = vec![("weight", to.tensor(x)?), ("indices", to.tensor(index)?)];
            to.call(node, "embedding.default", inputs)
        }
        _ => Err("rows that do not come from a table of parameters are not covered".into()),
    }
}

fn slice(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, starts, ends, rest @ ..] = &node.inputs[..] else { return Err("it has no ends".into()) };
    let (starts, ends) = (to.fixed_ints(starts)?, to.fixed_ints(ends)?);
    let list = |to: &Translation, i: usize| {
        rest.get(i).filter(|name| !name.is_empty()).map(|name| to.fixed_ints(name)).transpose()
    };
    let axes = list(to, 0)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(to, 1)?.unwrap_or_else(|| vec![1; starts.len()]);
    let result = node.outputs.first().ok_or("it has no result")?;
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || starts.is_empty() {
        return Err("it has not as many ends as axes".into());
    }
    let mut from = x.clone();
    for (k, (((&start, &end), &dim), &step)) in starts.iter().zip(&ends).zip(&axes).zip(&steps).enumerate() {
        let name = if k + 1 == starts.len() { result.clone() } else { format!("{result} (axis {dim})") };
        let inputs = vec![
            ("self", to.tensor(&from)?),
            ("dim", Argument::Int(dim)),
            ("start", Argument::Int(start)),
            ("end", Argument::Int(end)),
            ("step", Argument::Int(step)),
        ];
        to.call_as(node, "slice.Tensor", inputs, Argument::Tensor(name.clone()));
        from = name;
    }
    Ok(())
}

fn pad(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, pads, rest @ ..] = &node.inputs[..] else { return Err("its borders are not stated".into()) };
    let mode = node.text("mode").unwrap_or("constant").to_owned();
    let pads = to.fixed_ints(pads)?;
    if rest.get(1).is_some_and(|axes| !axes.is_empty()) || pads.len() % 2 != 0 {
        return Err("borders of some axes only are not covered".into());
    }
    let (before, after) = pads.split_at(pads.len() / 2);
    // PyTorch begins with the last axis.
    let pairs: Vec<i64> = before.iter().zip(after).rev().flat_map(|(&a, &b)| [a, b]).collect();
    let value =
        rest.first().filter(|name| !name.is_empty()).and_then(|name| to.folded(name)?.scalar()).unwrap_or(0.);
    let inputs = vec![
        ("self", to.tensor(x)?),
        ("pad", Argument::Ints(pairs)),
        ("mode", Argument::Text(mode)),
        ("value", Argument::Float(value)),
    ];
    to.call(node, "pad.default", inputs)
}
