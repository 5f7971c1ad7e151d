//! Comparisons, and choices by them. What is fixed is computed by the rules for calls; what depends on the examples is
//! covered only where an exporter spells out a function with it.

use super::{
    folded::Folded,
    model::Node,
    translate::{Result, Translation},
};
use crate::graph::schema::Argument;

/// A part of a function that exporters spell out in several nodes.
#[derive(Debug)]
pub(super) enum Spelled {
    /// Where this value is so large that its softplus is the value itself.
    Large(String),
    /// The softplus of this value.
    Softplus(String),
    /// Where this value is not a number.
    Undefined(String),
}

/// From here on PyTorch takes x for the softplus of x, which is closer than 3e-9 to it.
const LARGE: f64 = 20.;

const COMPARISONS: [(&str, &str); 7] = [
    ("Equal", "eq.Tensor"),
    ("Greater", "gt.Tensor"),
    ("GreaterOrEqual", "ge.Tensor"),
    ("Less", "lt.Tensor"),
    ("LessOrEqual", "le.Tensor"),
    ("And", "logical_and.default"),
    ("Or", "logical_or.default"),
];

/// PyTorch's name for a comparison, or for a connection of truth values.
pub(super) fn comparison_of(op: &str) -> Option<&'static str> {
    COMPARISONS.iter().find(|(known, _)| *known == op).map(|(_, target)| *target)
}

/// A comparison of two values.
pub(super) fn comparison(to: &mut Translation, node: &Node, target: &str) -> Result<()> {
    let ([x, y], [result]) = (&node.inputs[..], &node.outputs[..]) else {
        return Err("it needs two inputs and one result".into());
    };
    let large = to.folded(y).and_then(Folded::scalar).is_some_and(|limit| limit >= LARGE);
    if node.op == "Greater" && large && to.folded(x).is_none() && to.readers.get(result) == Some(&1) {
        let of = to.name(x).to_owned();
        to.spelled.insert(result.clone(), Spelled::Large(of));
        return Ok(());
    }
    let inputs = vec![("self", to.tensor(x)?), ("other", to.operand(y)?)];
    to.call(node, target, inputs)
}

/// `IsNaN`, which is asked of softmax, for rows that see nothing
pub(super) fn undefined(to: &mut Translation, node: &Node) -> Result<()> {
    let ([x], [result]) = (&node.inputs[..], &node.outputs[..]) else {
        return Err("it needs one input and one result".into());
    };
    let of = to.name(x).to_owned();
    to.spelled.insert(result.clone(), Spelled::Undefined(of));
    Ok(())
}

/// `Where`
pub(super) fn choice(to: &mut Translation, node: &Node) -> Result<()> {
    let [condition, x, y] = &node.inputs[..] else { return Err("it needs three inputs".into()) };
    let (first, second) = (to.name(x), to.name(y));
    let whole = match to.spelled.get(condition) {
        None => {
            let inputs = vec![
                ("condition", to.tensor(condition)?),
                ("self", to.operand(x)?),
                ("other", to.operand(y)?),
            ];
            return to.call(node, "where.self", inputs);
        }
        Some(Spelled::Large(of)) => {
            let softplus = |spelled: &Spelled| matches!(spelled, Spelled::Softplus(x) if x == of);
            first == of && to.spelled.get(second).is_some_and(softplus)
        }
        // What is defined stays what it is.
        Some(Spelled::Undefined(of)) => second == of && to.folded(x).is_some(),
        Some(Spelled::Softplus(_)) => false,
    };
    match whole {
        true => to.alias_of(node, y),
        false => Err("a condition that depends on the input is not covered".into()),
    }
}

/// `Trilu` of fixed numbers
pub(super) fn triangle(to: &mut Translation, node: &Node) -> Result<()> {
    let (x, k) = (node.inputs.first().ok_or("it has no input")?, node.inputs.get(1));
    let k = k.filter(|name| !name.is_empty()).map(|name| to.folded(name).and_then(Folded::scalar));
    let diagonal = k.unwrap_or(Some(0.)).ok_or("its diagonal is computed")? as i64;
    let inputs = vec![("self", to.tensor(x)?), ("diagonal", Argument::Int(diagonal))];
    to.call(node, if node.int("upper", 1) == 0 { "tril.default" } else { "triu.default" }, inputs)
}
