//! A network as a numbered list of operations.

use collado_models::{Network, NodeId};
use serde::Serialize;

/// A network.
#[derive(Serialize)]
pub(super) struct NetworkSummary {
    pub(super) arch: String,
    pub(super) input: Vec<usize>,
    pub(super) output: Vec<usize>,
    /// Numbers of parameters, and of running statistics.
    pub(super) parameters: usize,
    pub(super) buffers: usize,
    /// Additions, multiplications and functions of a number for one example.
    pub(super) flops: u64,
    pub(super) operations: Vec<Operation>,
    /// Other names of parameters that two layers share.
    pub(super) ties: Vec<(String, String)>,
}

/// An operation.
#[derive(Serialize)]
pub(super) struct Operation {
    pub(super) number: NodeId,
    kind: &'static str,
    pub(super) layer: Option<String>,
    /// What it does, in words.
    pub(super) operation: String,
    pub(super) reads: Vec<NodeId>,
    /// Shape of its result for one example.
    pub(super) shape: Vec<usize>,
    pub(super) parameters: usize,
    pub(super) flops: u64,
}

impl NetworkSummary {
    pub(super) fn new(network: &Network) -> Self {
        let nodes = network.nodes();
        let operations = nodes.iter().enumerate().map(|(number, node)| Operation {
            number,
            kind: node.op.kind(),
            layer: node.op.layer().map(str::to_owned),
            operation: words(&node.op.to_string()),
            reads: node.inputs.clone(),
            shape: node.shape.clone(),
            parameters: node.op.parameters().map(|columns| columns.len()).sum(),
            flops: network.flops(number),
        });
        let operations: Vec<Operation> = operations.collect();
        Self {
            arch: network.arch().to_string(),
            input: network.input().to_vec(),
            output: nodes.last().map_or_else(Vec::new, |node| node.shape.clone()),
            parameters: network.size(),
            buffers: network.buffers().len(),
            flops: operations.iter().map(|operation| operation.flops).sum(),
            operations,
            ties: network.ties().to_vec(),
        }
    }
}

/// The words of a message without their article.
pub(super) fn words(text: &str) -> String {
    let rest = ["the ", "an ", "a "].iter().find_map(|article| text.strip_prefix(article));
    rest.unwrap_or(text).to_owned()
}
