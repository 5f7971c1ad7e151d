//! Operations on axes.

use super::{
    folded::Entry,
    model::Node,
    translate::{Result, Translation},
};
use crate::graph::schema::Argument;

/// `Reshape`
pub(super) fn reshape(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, shape] = &node.inputs[..] else { return Err("it has no shape".into()) };
    let sizes = to.sizes(node, shape)?;
    let known = node.outputs.first().is_some_and(|result| to.metas.contains_key(result));
    let flat = to
        .folded(shape)
        .is_some_and(|value| value.entries.len() == 2 && value.entries[1] == Entry::Fixed(-1.));
    if !known && flat {
        let inputs = vec![("self", to.tensor(x)?), ("start_dim", Argument::Int(1))];
        return to.call(node, "flatten.using_ints", inputs);
    }
    let inputs = vec![("self", to.tensor(x)?), ("size", sizes)];
    to.call(node, "view.default", inputs)
}

/// `Flatten`
pub(super) fn flatten(to: &mut Translation, node: &Node) -> Result<()> {
    match node.int("axis", 1) {
        1 => {
            let x = node.inputs.first().ok_or("it has no input")?;
            let inputs = vec![("self", to.tensor(x)?), ("start_dim", Argument::Int(1))];
            to.call(node, "flatten.using_ints", inputs)
        }
        axis => Err(format!("its axis is {axis}, expected 1")),
    }
}

/// `Expand`
pub(super) fn expand(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, shape] = &node.inputs[..] else { return Err("it has no shape".into()) };
    let size = to.expanded(node, x, shape)?;
    let inputs = vec![("self", to.tensor(x)?), ("size", size)];
    to.call(node, "expand.default", inputs)
}

/// `Transpose`
pub(super) fn transpose(to: &mut Translation, node: &Node) -> Result<()> {
    let x = node.inputs.first().ok_or("it has no input")?;
    let axes = node.ints("perm").ok_or("its order of axes is not stated")?.to_vec();
    if axes == [1, 0]
        && to.parameter(x).is_some()
        && let Some(result) = node.outputs.first()
    {
        to.note_turned(result, x);
    }
    let inputs = vec![("self", to.tensor(x)?), ("dims", Argument::Ints(axes))];
    to.call(node, "permute.default", inputs)
}

/// `Squeeze`
pub(super) fn squeeze(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, axes] = &node.inputs[..] else { return Err("its axes are not stated".into()) };
    let inputs = vec![("self", to.tensor(x)?), ("dim", Argument::Ints(to.fixed_ints(axes)?))];
    to.call(node, "squeeze.dims", inputs)
}

/// `Unsqueeze`: one new axis after the other, the first of the result first
pub(super) fn unsqueeze(to: &mut Translation, node: &Node) -> Result<()> {
    let [x, axes] = &node.inputs[..] else { return Err("its axes are not stated".into()) };
    let mut axes = to.fixed_ints(axes)?;
    if let [_, _, ..] = axes[..] {
        let rank = to.folded(x).map(|value| value.shape.len()).or_else(|| to.rank(x));
        let rank = rank.ok_or("its input has an unknown number of axes")? + axes.len();
        axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis += rank as i64);
        axes.sort_unstable();
    }
    let steps = axes.into_iter().map(|axis| (axis, vec![("dim", Argument::Int(axis))]));
    chain(to, node, "unsqueeze.default", steps.collect())
}

/// Calls one after the other on the first input, each along an axis and with arguments of its own.
fn chain(
    to: &mut Translation,
    node: &Node,
    target: &str,
    steps: Vec<(i64, Vec<(&str, Argument)>)>,
) -> Result<()> {
    let (x, result) =
        (node.inputs.first().ok_or("it has no input")?, node.outputs.first().ok_or("it has no result")?);
    let (mut from, last) = (x.clone(), steps.len().checked_sub(1).ok_or("it has no axes")?);
    for (k, (axis, arguments)) in steps.into_iter().enumerate() {
        let name = if k == last { result.clone() } else { format!("{result} (axis {axis})") };
        let inputs = [vec![("self", to.tensor(&from)?)], arguments].concat();
        to.call_as(node, target, inputs, Argument::Tensor(name.clone()));
        from = name;
    }
    Ok(())
}

/// `Concat`
pub(super) fn concat(to: &mut Translation, node: &Node) -> Result<()> {
    let part = |name: &String| match to.tensor(name)? {
        Argument::Tensor(name) => Ok(name),
        _ => Err("it has a part that is no tensor".to_owned()),
    };
    let names = node.inputs.iter().map(part).collect::<Result<Vec<String>>>()?;
    let inputs = vec![("tensors", Argument::Tensors(names)), ("dim", Argument::Int(node.int("axis", 0)))];
    to.call(node, "cat.default", inputs)
}

/// `Split`, into parts of stated sizes, or of equal ones
pub(super) fn split(to: &mut Translation, node: &Node) -> Result<()> {
    let x = node.inputs.first().ok_or("it has no input")?;
    let sizes = node.inputs.get(1).filter(|name| !name.is_empty());
    let (target, parts) = match sizes.map(|name| to.fixed_ints(name)).transpose()? {
        Some(sizes) => ("split_with_sizes.default", ("split_sizes", Argument::Ints(sizes))),
        None => ("chunk.default", ("chunks", Argument::Int(node.outputs.len() as i64))),
    };
    let inputs = vec![("self", to.tensor(x)?), parts, ("dim", Argument::Int(node.int("axis", 0)))];
    to.call_as(node, target, inputs, Argument::Tensors(node.outputs.clone()));
    Ok(())
}

/// `SplitToSequence`, into a list of parts of one size
pub(super) fn split_to_list(to: &mut Translation, node: &Node) -> Result<()> {
    let ([x, size], [result]) = (&node.inputs[..], &node.outputs[..]) else {
        return Err("the size of its parts is not stated".into());
    };
    let sizes = to.shape_entries(x).ok_or("its input has an unknown shape")?;
    let axis = node.int("axis", 0);
    let place = usize::try_from(if axis < 0 { axis + sizes.len() as i64 } else { axis });
    let length = match place.ok().and_then(|place| sizes.get(place)) {
        Some(Entry::Fixed(length)) => *length,
        _ => return Err(format!("its axis {axis} has an unknown length")),
    };
    let size = to.folded(size).filter(|size| size.shape.is_empty()).and_then(|size| size.scalar());
    let size = size.filter(|&size| size >= 1.).ok_or("its parts are not of one fixed size")?;
    let parts: Vec<String> = (0..(length / size).ceil() as usize).map(|i| format!("{result}[{i}]")).collect();
    to.lists.insert(result.clone(), parts.clone());
    let split = ("split_size", Argument::Int(size as i64));
    let inputs = vec![("self", to.tensor(x)?), split, ("dim", Argument::Int(axis))];
    to.call_as(node, "split.Tensor", inputs, Argument::Tensors(parts));
    Ok(())
}

/// `SequenceAt`
pub(super) fn part_of_list(to: &mut Translation, node: &Node) -> Result<()> {
    let [list, index] = &node.inputs[..] else { return Err("it has no index".into()) };
    let parts = to.lists.get(list).ok_or("its list is not known")?;
    let [at] = to.fixed_ints(index)?[..] else { return Err("it has several indices".into()) };
    let at = usize::try_from(if at < 0 { at + parts.len() as i64 } else { at }).ok();
    let part = at.and_then(|at| parts.get(at)).ok_or("its list has no such part")?.clone();
    to.alias_of(node, &part)
}

/// `Gather`: one position of an axis, or rows of a table
pub(super) fn gather(to: &mut Translation, node: &Node) -> Result<()> {
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
        // A list of one position keeps its axis.
        Some((1, Some(at))) if to.parameter(x).is_none() => {
            let inputs = vec![
                ("self", to.tensor(x)?),
                ("dim", Argument::Int(axis)),
                ("start", Argument::Int(at as i64)),
                ("length", Argument::Int(1)),
            ];
            to.call(node, "narrow.default", inputs)
        }
        _ if axis == 0 && to.parameter(x).is_some() => {
            let inputs = vec![("weight", to.tensor(x)?), ("indices", to.tensor(index)?)];
            to.call(node, "embedding.default", inputs)
        }
        _ => Err("rows that do not come from a table of parameters are not covered".into()),
    }
}

/// `Slice`
pub(super) fn slice(to: &mut Translation, node: &Node) -> Result<()> {
    let [_, starts, ends, rest @ ..] = &node.inputs[..] else { return Err("it has no ends".into()) };
    let (starts, ends) = (to.fixed_ints(starts)?, to.fixed_ints(ends)?);
    let list = |to: &Translation, i: usize| {
        rest.get(i).filter(|name| !name.is_empty()).map(|name| to.fixed_ints(name)).transpose()
    };
    let axes = list(to, 0)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(to, 1)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return Err("it has not as many ends as axes".into());
    }
    let arguments = |i: usize| {
        let numbers = [("dim", axes[i]), ("start", starts[i]), ("end", ends[i]), ("step", steps[i])];
        (axes[i], numbers.map(|(name, n)| (name, Argument::Int(n))).to_vec())
    };
    chain(to, node, "slice.Tensor", (0..starts.len()).map(arguments).collect())
}

/// `Pad`
pub(super) fn pad(to: &mut Translation, node: &Node) -> Result<()> {
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
