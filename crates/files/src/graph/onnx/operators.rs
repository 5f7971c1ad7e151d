//! The operators of ONNX that are covered, and the call of PyTorch that each becomes.

use super::{
    choice::{self, Spelled},
    layers,
    model::Node,
    rearrange,
    translate::{Result, Translation},
};
use crate::graph::schema::Argument;

/// Operators of one tensor without settings, and PyTorch's names for them.
const PLAIN: [(&str, &str); 15] = [
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
];

const PAIRS: [(&str, &str); 4] =
    [("Add", "add.Tensor"), ("Sub", "sub.Tensor"), ("Mul", "mul.Tensor"), ("Div", "div.Tensor")];

/// Appends the calls for a node.
pub(super) fn translate(to: &mut Translation, node: &Node) -> Result<()> {
    if let Some((_, target)) = PLAIN.iter().find(|(op, _)| *op == node.op) {
        return plain(to, node, target);
    }
    if let Some((op, target)) = PAIRS.iter().find(|(op, _)| *op == node.op) {
        return pair(to, node, op, target);
    }
    if let Some(target) = choice::comparison_of(&node.op) {
        return choice::comparison(to, node, target);
    }
    match node.op.as_str() {
        "Identity" | "Cast" | "CastLike" => to.alias(node),
        "Dropout" if is_off(to, node) => to.alias(node),
        "Conv" => layers::convolution(to, node),
        "BatchNormalization" => layers::batch_norm(to, node),
        "LayerNormalization" => layers::layer_norm(to, node),
        "InstanceNormalization" => layers::instance_norm(to, node),
        "GroupNormalization" => layers::group_norm(to, node, node.int("num_groups", 1)),
        "Gemm" => layers::gemm(to, node),
        "MatMul" => layers::matmul(to, node),
        "MaxPool" | "AveragePool" => layers::pool(to, node),
        "GlobalAveragePool" => layers::global_average(to, node),
        "LeakyRelu" => {
            with(to, node, "leaky_relu.default", "negative_slope", Argument::Float(node.float("alpha", 0.01)))
        }
        "Elu" => with(to, node, "elu.default", "alpha", Argument::Float(node.float("alpha", 1.))),
        "Gelu" => {
            let kind = node.text("approximate").unwrap_or("none").to_owned();
            with(to, node, "gelu.default", "approximate", Argument::Text(kind))
        }
        "HardSigmoid" => hard_sigmoid(to, node),
        "Clip" => clip(to, node),
        "Pow" => {
            let exponent = node.inputs.get(1).and_then(|name| to.folded(name)?.scalar());
            let exponent = Argument::Float(exponent.ok_or("its exponent is computed")?);
            with(to, node, "pow.Tensor_Scalar", "exponent", exponent)
        }
        "Softmax" => with(to, node, "softmax.int", "dim", Argument::Int(node.int("axis", -1))),
        "LogSoftmax" => with(to, node, "log_softmax.int", "dim", Argument::Int(node.int("axis", -1))),
        "ReduceMean" | "ReduceSum" => reduce(to, node),
        "Where" => choice::choice(to, node),
        "IsNaN" => choice::undefined(to, node),
        "Trilu" => choice::triangle(to, node),
        "Flatten" => rearrange::flatten(to, node),
        "Reshape" => rearrange::reshape(to, node),
        "Expand" => rearrange::expand(to, node),
        "Transpose" => rearrange::transpose(to, node),
        "Squeeze" => rearrange::squeeze(to, node),
        "Unsqueeze" => rearrange::unsqueeze(to, node),
        "Concat" => rearrange::concat(to, node),
        "Split" => rearrange::split(to, node),
        "SplitToSequence" => rearrange::split_to_list(to, node),
        "SequenceAt" => rearrange::part_of_list(to, node),
        "Gather" => rearrange::gather(to, node),
        "Slice" => rearrange::slice(to, node),
        "Pad" => rearrange::pad(to, node),
        op => {
            // The rules for calls refuse it by its name.
            let result = node.outputs.first().cloned().unwrap_or_default();
            to.call_as(node, &format!("onnx.{op}"), Vec::new(), Argument::Tensor(result));
            Ok(())
        }
    }
}

/// The first input as an argument.
fn first(to: &mut Translation, node: &Node) -> Result<Argument> {
    to.tensor(node.inputs.first().ok_or("it has no input")?)
}

/// A function of one tensor without settings.
fn plain(to: &mut Translation, node: &Node, target: &str) -> Result<()> {
    let inputs = vec![("self", first(to, node)?)];
    if let ("Softplus", [x], [result]) = (node.op.as_str(), &node.inputs[..], &node.outputs[..]) {
        let of = to.name(x).to_owned();
        to.spelled.insert(result.clone(), Spelled::Softplus(of));
    }
    to.call(node, target, inputs)
}

/// A function of one tensor with one setting.
fn with(to: &mut Translation, node: &Node, target: &str, name: &str, setting: Argument) -> Result<()> {
    let inputs = vec![("self", first(to, node)?), (name, setting)];
    to.call(node, target, inputs)
}

/// A sum, difference, product or quotient.
fn pair(to: &mut Translation, node: &Node, op: &str, target: &str) -> Result<()> {
    if op == "Add" && to.close(node) {
        return Ok(());
    }
    let [x, y] = &node.inputs[..] else { return Err("it needs two inputs".into()) };
    // The first argument has to be a tensor, and the order of sums and products does not matter.
    let turn = to.folded(x).is_some() && matches!(op, "Add" | "Mul");
    let (x, y) = if turn { (y, x) } else { (x, y) };
    let neutral = to.folded(y).is_some_and(|y| y.shape.len() < 2 && y.scalar() == Some(1.));
    if neutral && to.folded(x).is_none() && matches!(op, "Mul" | "Div") {
        return to.alias_of(node, x);
    }
    let inputs = vec![("self", to.tensor(x)?), ("other", to.operand(y)?)];
    to.call(node, target, inputs)
}

/// Whether a dropout does nothing.
fn is_off(to: &Translation, node: &Node) -> bool {
    let training = node.inputs.get(2).filter(|name| !name.is_empty());
    training.is_none_or(|training| to.folded(training).and_then(|value| value.scalar()) == Some(0.))
}

/// `HardSigmoid` with PyTorch's slope 1/6
fn hard_sigmoid(to: &mut Translation, node: &Node) -> Result<()> {
    let (alpha, beta) = (node.float("alpha", 0.2), node.float("beta", 0.5));
    if (alpha - 1. / 6.).abs() > 1e-7 || beta != 0.5 {
        return Err(format!("its slope {alpha} and its middle {beta} are not those of PyTorch"));
    }
    let inputs = vec![("self", first(to, node)?)];
    to.call(node, "hardsigmoid.default", inputs)
}

/// `Clip` between fixed ends
fn clip(to: &mut Translation, node: &Node) -> Result<()> {
    let mut inputs = vec![("self", first(to, node)?)];
    for (i, end) in [(1, "min"), (2, "max")] {
        if let Some(name) = node.inputs.get(i).filter(|name| !name.is_empty()) {
            let value = to.folded(name).and_then(|value| value.scalar());
            inputs.push((end, Argument::Float(value.ok_or("its ends are computed")?)));
        }
    }
    to.call(node, "clamp.default", inputs)
}

/// `ReduceMean` and `ReduceSum`
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
