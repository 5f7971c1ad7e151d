//! The places of results among the values that all operations compute, and who reads them.

use crate::{Node, NodeId, Op};

/// For each operation whether its result depends on the input.
pub(super) fn varying(nodes: &[Node]) -> Vec<bool> {
    let mut varies = Vec::with_capacity(nodes.len());
    for node in nodes {
        let reads = node.inputs.iter().any(|&read| varies[read]);
        varies.push(reads || matches!(node.op, Op::Input));
    }
    varies
}

/// For each operation the last one that reads its result, or its own number where none does.
pub(super) fn last_readers(nodes: &[Node]) -> Vec<NodeId> {
    let mut last: Vec<NodeId> = (0..nodes.len()).collect();
    for (id, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&read| last[read] = id);
    }
    last
}

/// For each operation the one whose units it uses: reshapes, and activations that alone read their input, use those of
/// their input.
pub(super) fn owners(nodes: &[Node]) -> Vec<NodeId> {
    let mut readers = vec![0; nodes.len()];
    nodes.iter().flat_map(|node| &node.inputs).for_each(|&read| readers[read] += 1);
    let mut owner: Vec<NodeId> = Vec::with_capacity(nodes.len());
    for (id, node) in nodes.iter().enumerate() {
        let in_place = match (&node.op, node.inputs.as_slice()) {
            (Op::Reshape, _) => true,
            (Op::Activation(_), &[x]) => readers[x] == 1 && is_overwritable(&nodes[x].op),
            _ => false,
        };
        owner.push(if in_place { owner[node.inputs[0]] } else { id });
    }
    owner
}

/// Whether the reverse pass does without the operation's result, and nothing else reads the same numbers, as may be
/// through a reshape.
fn is_overwritable(op: &Op) -> bool {
    matches!(op, Op::Affine(_) | Op::Norm(_) | Op::Pool(_) | Op::Add | Op::Concat(_) | Op::Pad(_))
}

/// Gives every operation its units.
pub(super) fn place(nodes: &mut [Node], owner: &[NodeId]) {
    let mut end = 0;
    for id in 1..nodes.len() {
        let units = match owner[id] {
            own if own == id => end..end + nodes[id].shape.iter().product::<usize>(),
            other => nodes[other].units.clone(),
        };
        end = end.max(units.end);
        match &mut nodes[id].op {
            Op::Affine(op) => op.units = units.clone(),
            Op::Norm(op) => op.units = units.clone(),
            _ => {}
        }
        nodes[id].units = units;
    }
}
