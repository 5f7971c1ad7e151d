//! Buffers among the tensors of a model, which does not tell them from parameters.

use std::collections::{HashMap, HashSet};

use super::{choice::comparison_of, model::Graph};

/// The names of running statistics, and of masks: tensors that are only compared, through which no gradient goes.
pub(super) fn buffers(graph: &Graph) -> HashSet<String> {
    let norms = graph.nodes.iter().filter(|node| node.op == "BatchNormalization");
    let statistics = norms.flat_map(|node| node.inputs.iter().skip(3).map(String::as_str));
    // Whether all readers of a value so far, from the last on, only compare it.
    let mut compared: HashMap<&str, bool> =
        graph.outputs.iter().map(|output| (output.name.as_str(), false)).collect();
    for node in graph.nodes.iter().rev() {
        let compares = comparison_of(&node.op).is_some() || node.op == "Not";
        let carries = matches!(
            node.op.as_str(),
            "Identity" | "Cast" | "Slice" | "Squeeze" | "Unsqueeze" | "Reshape" | "Expand"
        );
        let result = node.outputs.first().and_then(|name| compared.get(name.as_str()));
        let own = compares || carries && result == Some(&true);
        for name in &node.inputs {
            *compared.entry(name).or_insert(true) &= own;
        }
    }
    let masks = graph.initializers.iter().map(|tensor| tensor.name.as_str());
    let masks = masks.filter(|name| compared.get(name) == Some(&true));
    statistics.chain(masks).map(str::to_owned).collect()
}
