//! Parameters, prepared for reverse passes.

use super::super::{
    Graph,
    plan::{Kind, Step},
    reverse::Reverse,
};

/// A point or a vector, with the weights of each step in the order in which a reverse pass reads them.
pub(super) struct Packed<'p> {
    pub(super) row: &'p [f64],
    /// For each step; nothing where no derivative is wanted with respect to what the step reads.
    pub(super) reverse: Vec<Option<Reverse<'p, f64>>>,
}

impl<'p> Packed<'p> {
    /// A row that no reverse pass reads weights of.
    pub(super) fn plain(graph: &Graph<f64>, row: &'p [f64]) -> Self {
        Self { row, reverse: graph.plan.steps.iter().map(|_| None).collect() }
    }

    pub(super) fn new(graph: &'p Graph<f64>, row: &'p [f64]) -> Self {
        let pack = |step: &Step| match (&step.kind, step.inputs[0]) {
            (Kind::Map(map), x) if x != 0 => {
                let weight = &row[map.weight.clone()];
                Some(Reverse::new(map.convolution, weight, &graph.plan.values[x], &graph.pool))
            }
            _ => None,
        };
        Self { row, reverse: graph.plan.steps.iter().map(pack).collect() }
    }
}
