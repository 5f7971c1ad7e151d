//! A picture of a network's operations.

use std::path::Path;

use collado_models::{Network, NodeId, Op};
use collado_plots::{Diagram, Role, Step};

use super::network::words;
use crate::{failure::Failure, files, shown::counted};

/// Refuses names of pictures in another format.
pub(super) fn check(out: &Path) -> Result<(), Failure> {
    match out.extension().and_then(|e| e.to_str()) {
        Some("svg" | "png") => Ok(()),
        _ => {
            let found = out.display();
            Err(Failure::usage(format!("--out: expected a name that ends in .svg or .png, found '{found}'")))
        }
    }
}

/// Writes the picture.
pub(super) fn write(out: &Path, network: &Network) -> Result<(), Failure> {
    let diagram = diagram(network);
    let picture = match out.extension().and_then(|e| e.to_str()) {
        Some("png") => diagram.to_png()?,
        _ => diagram.to_svg()?.into_bytes(),
    };
    files::bytes(out, &picture)
}

/// Operations that only continue the one before them share its box.
fn diagram(network: &Network) -> Diagram {
    let nodes = network.nodes();
    let mut readers = vec![0; nodes.len()];
    nodes.iter().flat_map(|node| &node.inputs).for_each(|&read| readers[read] += 1);
    let mut diagram = Diagram::new(network.arch().to_string()).subtitle(format!(
        "{} on an example of {}, {}",
        counted(nodes.len() - 1, "operation"),
        shape(network.input()),
        counted(network.size(), "parameter")
    ));
    // The box of each operation.
    let mut place: Vec<usize> = vec![0; nodes.len()];
    let mut boxes: Vec<Vec<NodeId>> = Vec::new();
    for (id, node) in nodes.iter().enumerate() {
        let continued = match (&node.op, node.inputs.as_slice()) {
            (op, &[read]) if continues(op) && readers[read] == 1 && !matches!(nodes[read].op, Op::Input) => {
                Some(place[read])
            }
            _ => None,
        };
        // Only what ends its box can be continued.
        let continued = continued.filter(|&b| boxes[b].last() == node.inputs.first());
        match continued {
            Some(b) => boxes[b].push(id),
            None => boxes.push(vec![id]),
        }
        place[id] = continued.unwrap_or(boxes.len() - 1);
    }
    for ids in &boxes {
        let first = &nodes[ids[0]];
        let last = &nodes[ids[ids.len() - 1]];
        let head = first.op.layer().map_or_else(|| words(&first.op.to_string()), str::to_owned);
        let mut lines = vec![head];
        if first.op.layer().is_some() {
            lines.push(detail(&first.op));
        }
        lines.extend(ids[1..].iter().map(|&id| detail(&nodes[id].op)));
        if !matches!(last.op, Op::Source(_)) {
            lines.push(shape(&last.shape));
        }
        let mut reads: Vec<usize> = first.inputs.iter().map(|&read| place[read]).collect();
        reads.sort_unstable();
        reads.dedup();
        diagram = diagram.step(Step { lines, reads, role: role(&first.op) });
    }
    diagram
}

/// Whether an operation is shown in the box of the one that it reads.
fn continues(op: &Op) -> bool {
    matches!(
        op,
        Op::Norm(_) | Op::Activation(_) | Op::Function(_) | Op::Reshape | Op::Rearrange(_) | Op::Softmax(_)
    )
}

/// What an operation does, in a few words.
fn detail(op: &Op) -> String {
    match op {
        Op::Norm(norm) => format!("{} '{}'", op.kind().replace('_', " "), norm.name),
        Op::Affine(affine) => format!("{} {} to {}", op.kind(), affine.inputs(), affine.outputs()),
        Op::Activation(_) => op.kind().to_owned(),
        Op::Source(_) => op.kind().to_owned(),
        op => words(&op.to_string()),
    }
}

/// Operations of one kind have one colour.
fn role(op: &Op) -> Role {
    match op {
        Op::Affine(_) | Op::Embedding(_) => Role::Train,
        Op::Add | Op::Multiply | Op::Concat(_) | Op::MatMul => Role::Test,
        Op::Pool(_) | Op::Reduce(_) => Role::Accent,
        _ => Role::Reference,
    }
}

fn shape(sizes: &[usize]) -> String {
    sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join("×")
}
