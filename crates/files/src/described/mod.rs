//! Networks as JSON: the list of operations that checkpoints and paths carry where no `--arch` string describes their
//! network. `docs/graph-files.md` documents the form.

mod function;
mod operation;
mod runs;

use std::collections::HashMap;

use collado_models::{Arch, Entry, FixedTensors, Network, NetworkBuilder};
use serde::{Deserialize, Serialize};

use self::{operation::Operation, runs::Runs};
use crate::{
    graph::{MAX_CALLS, MAX_FIXED, MAX_NUMBERS},
    number::to_json,
};

/// Metadata key of the network.
pub(crate) const NETWORK: &str = "collado.network";

/// The version of the form.
const FORMAT: u64 = 1;

/// A tensor: its name and its shape.
type Tensor = (String, Vec<usize>);

/// A network as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: u64,
    /// What the network is called in messages.
    name: String,
    /// Shape of an example.
    input: Vec<usize>,
    /// All parameters, in the order of a stack's columns.
    parameters: Vec<Tensor>,
    /// The running statistics of batch normalisation.
    buffers: Vec<Tensor>,
    /// Other names of parameters.
    ties: Vec<(String, String)>,
    /// Tensors of state dicts that are among the operations as fixed numbers.
    beside: Vec<Beside>,
    /// The operations after the input, which is number 0.
    operations: Vec<Step>,
}

/// A tensor of fixed numbers.
#[derive(Serialize, Deserialize)]
struct Beside {
    name: String,
    shape: Vec<usize>,
    /// Whether its numbers are of a whole type.
    whole: bool,
    /// The numbers, each with how often it comes.
    runs: Runs,
}

/// An operation with the numbers of those that it reads.
#[derive(Serialize, Deserialize)]
struct Step {
    reads: Vec<usize>,
    #[serde(flatten)]
    operation: Operation,
}

/// The version alone, which is read first.
#[derive(Deserialize)]
struct Versioned {
    format: u64,
}

/// The JSON of a network.
pub(crate) fn to_text(network: &Network) -> String {
    to_json(&describe(network)).expect("a description has no maps but those of fields").to_string()
}

/// The network without the operations that its output does not depend on.
///
/// # Errors
/// None are expected: the rest of a network fits together as the whole did.
pub(crate) fn pruned(network: Network) -> Result<Network, String> {
    let nodes = network.nodes();
    let mut used = vec![false; nodes.len()];
    *used.last_mut().expect("a network has an output") = true;
    for id in (0..nodes.len()).rev().filter(|&id| id > 0) {
        if used[id] {
            nodes[id].inputs.iter().for_each(|&read| used[read] = true);
        }
    }
    if used[1..].iter().all(|used| *used) {
        return Ok(network);
    }
    let mut description = describe(&network);
    let mut places = vec![0; nodes.len()];
    let mut next = 1..;
    for id in (1..nodes.len()).filter(|&id| used[id]) {
        places[id] = next.next().expect("there are more numbers than operations");
    }
    let mut kept = used[1..].iter();
    description.operations.retain(|_| *kept.next().expect("each operation is used or not"));
    description.operations.iter_mut().flat_map(|step| &mut step.reads).for_each(|read| *read = places[*read]);
    build(description)
}

fn describe(network: &Network) -> Description {
    let tensors = |layout: &collado_models::Layout| {
        layout.entries().iter().map(|entry| (entry.name.clone(), entry.shape.clone())).collect()
    };
    let names: HashMap<usize, &str> =
        network.layout().entries().iter().map(|entry| (entry.offset, entry.name.as_str())).collect();
    let steps = network.nodes().iter().skip(1);
    Description {
        format: FORMAT,
        name: network.arch().to_string(),
        input: network.input().to_vec(),
        parameters: tensors(network.layout()),
        buffers: tensors(network.buffers()),
        ties: network.ties().to_vec(),
        beside: beside(network.arch().beside()),
        operations: steps
            .map(|node| Step { reads: node.inputs.clone(), operation: Operation::of(node, &names) })
            .collect(),
    }
}

fn beside(tensors: &FixedTensors) -> Vec<Beside> {
    let entries = tensors.layout().entries().iter().zip(tensors.whole());
    let one = |(entry, &whole): (&Entry, &bool)| Beside {
        name: entry.name.clone(),
        shape: entry.shape.clone(),
        whole,
        runs: Runs::of(&tensors.values()[entry.offset..entry.offset + entry.len()]),
    };
    entries.map(one).collect()
}

/// The network that JSON describes. It is built as any other, so that what does not fit together is refused.
///
/// # Errors
/// When it is no such JSON, of another version, or describes no network.
pub(crate) fn from_text(text: &str) -> Result<Arch, String> {
    let Versioned { format } = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if format != FORMAT {
        return Err(format!("expected version {FORMAT}, found {format}"));
    }
    let network = build(serde_json::from_str(text).map_err(|e| e.to_string())?)?;
    Ok(network.arch().clone())
}

fn build(description: Description) -> Result<Network, String> {
    if description.operations.len() > 4 * MAX_CALLS {
        let found = description.operations.len();
        return Err(format!("expected at most {} operations, found {found}", 4 * MAX_CALLS));
    }
    let Description { name, input, parameters, buffers, ties, beside, operations, .. } = description;
    check(&input)?;
    let mut net = NetworkBuilder::new(&input);
    for (name, shape) in &parameters {
        check(shape)?;
        net.declare(name.clone(), shape);
    }
    for (name, shape) in &buffers {
        check(shape)?;
        net.declare_buffer(name.clone(), shape);
    }
    for (alias, name) in ties {
        net.tie(alias, name);
    }
    let shapes: HashMap<&str, &[usize]> =
        parameters.iter().map(|(name, shape)| (&**name, &**shape)).collect();
    let mut fixed = 0_usize;
    for (k, Step { reads, operation }) in operations.iter().enumerate() {
        let wrong = |reason: &str| format!("operation {}: {reason}", k + 1);
        if reads.iter().any(|&read| read > k) {
            return Err(wrong("reads one that comes after it"));
        }
        fixed = fixed.saturating_add(operation.fixed());
        if fixed > MAX_FIXED {
            return Err(wrong("there are too many fixed numbers"));
        }
        let id = operation.append(&mut net, reads, &shapes).map_err(|reason| wrong(&reason))?;
        check(net.shape(id)).map_err(|reason| wrong(&reason))?;
        if id != k + 1 || net.nodes().len() != k + 2 {
            // The builder knows better what is wrong.
            let reason =
                net.finish(name).err().map_or_else(|| "it is not one operation".into(), |e| e.to_string());
            return Err(wrong(&reason));
        }
    }
    let tensors = beside.into_iter().map(|Beside { name, shape, whole, runs }| {
        fixed = fixed.saturating_add(runs.len());
        if check(&shape).is_err() || fixed > MAX_FIXED || shape.iter().product::<usize>() != runs.len() {
            return Err(format!(
                "tensor '{}' has not the numbers of its shape, or too many",
                name.escape_debug()
            ));
        }
        Ok((name, shape, runs.values(), whole))
    });
    let beside = FixedTensors::new(tensors.collect::<Result<Vec<_>, _>>()?);
    let arch = net.finish(name).map_err(|e| e.to_string())?.arch().clone().with_beside(beside);
    Ok(arch.network())
}

/// Refuses shapes that no memory holds.
fn check(shape: &[usize]) -> Result<(), String> {
    let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    match count.filter(|&n| (1..=MAX_NUMBERS).contains(&n) && shape.len() <= 64) {
        Some(_) => Ok(()),
        None => Err(format!("has a shape of 1 to {MAX_NUMBERS} numbers as expected, found {shape:?}")),
    }
}
