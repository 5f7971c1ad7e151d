//! What is decided about a network before its models are computed.

use std::collections::BTreeSet;

use collado_models::{Activation, Affine, Chain, Map, Network, Op, PoolKind};
use collado_risk::{EmpiricalRisk, Statistics};

use crate::{Error, Result, leg::Leg, norm::NormPiece, piece::LayerPiece, taylor::Taylor};

/// The name of the analysis in messages.
pub(crate) const NAME: &str = "a proof along a path";

/// The order of work in a network.
pub(crate) struct Plan {
    /// The first affine operation that reads the network's input, by its number among affine operations: it is linear
    /// in the parameters, so that its products at the vertices are enough.
    pub(crate) first: Option<usize>,
    /// Whether the last operation is a dense layer that can be combined with the loss.
    pub(crate) margins: bool,
    /// For each activation whether it grows and only a max pooling reads it: the largest number is then taken before
    /// it, which leaves fewer numbers near a kink.
    pub(crate) deferred: Vec<bool>,
    /// Whether statistics of batch normalisation are those of the files.
    pub(crate) interpolates: bool,
    /// Whether statistics couple all rows.
    pub(crate) couples: bool,
}

impl Plan {
    /// The plan for a risk.
    ///
    /// # Errors
    /// When there is no rule for something.
    pub(crate) fn new(risk: &EmpiricalRisk) -> Result<Self> {
        let network = risk.network();
        if risk.data().targets().positions() > 1 {
            let operation = "a class for each position".to_owned();
            return Err(collado_models::Error::NoRule { analysis: NAME, operation }.into());
        }
        let (nodes, normalised) = (network.nodes(), network.batch_norms().next().is_some());
        let mut first = None;
        let mut deferred = Vec::new();
        let mut affine = 0;
        for (id, node) in nodes.iter().enumerate() {
            match &node.op {
                Op::Affine(Affine { map: Map::Dense { .. }, .. }) if node.shape.len() > 1 => {
                    let operation = format!("{}, for several positions", node.op);
                    return Err(collado_models::Error::NoRule { analysis: NAME, operation }.into());
                }
                Op::Affine(_) => {
                    first = first.or((node.inputs == [0]).then_some(affine));
                    affine += 1;
                }
                Op::Activation(rho @ (Activation::Leaky | Activation::Silu)) => {
                    let operation = format!("the activation {rho}");
                    return Err(collado_models::Error::NoRule { analysis: NAME, operation }.into());
                }
                Op::Activation(rho) => {
                    let reader = network.last_reader(id);
                    let pooled = matches!(&nodes[reader].op, Op::Pool(pool) if pool.kind == PoolKind::Max);
                    let alone =
                        nodes.iter().flat_map(|node| &node.inputs).filter(|read| **read == id).count() == 1;
                    deferred.push(*rho != Activation::Gelu && pooled && alone);
                }
                _ => {}
            }
        }
        let last = nodes.last().expect("a network has an output");
        let dense = matches!(&last.op, Op::Affine(Affine { map: Map::Dense { .. }, .. }));
        let margins = dense && first.is_none_or(|first| first + 1 < affine);
        let (interpolates, couples) = if normalised { rule(risk)? } else { (false, false) };
        Ok(Self { first, margins, deferred, interpolates, couples })
    }
}

/// Whether the rule for statistics takes those of the files, and whether it couples all rows.
fn rule(risk: &EmpiricalRisk) -> Result<(bool, bool)> {
    let n = risk.data().len();
    let own = std::sync::Arc::ptr_eq(risk.reference(), risk.data()) && risk.reference_rows().len() == n;
    match risk.statistics() {
        Statistics::Interpolate => Ok((true, false)),
        Statistics::Population if own => Ok((false, true)),
        Statistics::Train { batch } if batch == 0 || batch >= n => Ok((false, true)),
        Statistics::Population => {
            let (expected, found) =
                (format!("all {n} rows of the risk"), risk.reference_rows().len().to_string());
            Err(Error::Mismatch { what: "rows for the statistics of batch normalisation", expected, found })
        }
        rule => {
            let operation = format!("batch normalisation with the statistics {rule}");
            Err(collado_models::Error::NoRule { analysis: NAME, operation }.into())
        }
    }
}

/// The largest number of numbers of one example that are live at once in a pass.
pub(crate) fn live(network: &Network) -> usize {
    let nodes = network.nodes();
    let size = |id: usize| -> usize { nodes[id].shape.iter().product() };
    let at = |id: usize| -> usize {
        let in_place = matches!(nodes[id].op, Op::Activation(_) | Op::Norm(_) | Op::Reshape);
        let kept = |&x: &usize| match network.last_reader(x) {
            // What is read for the last time is replaced, or read while the result is made.
            last if last == id => !in_place,
            last => last > id,
        };
        size(id) + (1..id).filter(kept).map(size).sum::<usize>()
    };
    (1..nodes.len()).map(at).max().expect("a network has an operation")
}

/// The parameters of a network on a piece of a leg.
pub(crate) struct Pieces {
    /// For each affine operation, but for the one that the plan calls the first.
    pub(crate) affine: Vec<Option<LayerPiece>>,
    /// For each class that is needed the last layer as the one that puts out margins, if it is combined with the loss.
    pub(crate) margins: Vec<Option<LayerPiece>>,
    /// For each normalisation.
    pub(crate) norms: Vec<NormPiece>,
}

impl Pieces {
    /// The parameters for examples of the classes `classes`; `None` if tiles have several.
    pub(crate) fn new(
        network: &Network,
        plan: &Plan,
        classes: Option<&BTreeSet<u32>>,
        leg: &Leg,
        taylor: &Taylor,
    ) -> Self {
        let affine = network.affine().enumerate();
        let piece =
            |(k, op): (usize, &Affine)| (plan.first != Some(k)).then(|| LayerPiece::new(leg, op, taylor));
        let affine: Vec<_> = affine.map(piece).collect();
        let margins = match (affine.last(), classes) {
            (Some(Some(last)), Some(classes)) if plan.margins => (0..last.outputs)
                .map(|y| classes.contains(&(y as u32)).then(|| last.margins(y, taylor)))
                .collect(),
            _ => Vec::new(),
        };
        let norms = network.norms().map(|op| NormPiece::new(leg, op, taylor)).collect();
        Self { affine, margins, norms }
    }
}

/// The first layer of a network in the sense of a plan.
pub(crate) fn first_layer<'a>(network: &'a Network, plan: &Plan) -> Option<&'a Affine> {
    plan.first.and_then(|k| network.affine().nth(k))
}

/// The layers of a network without activations, if it is a chain of dense layers.
pub(crate) fn linear_chain(network: &Network) -> Option<&Chain> {
    network.chain().filter(|chain| chain.iter().all(|layer| layer.activation == Activation::Linear))
}
