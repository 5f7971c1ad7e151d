//! Which analyses cover a network. Each is asked by a run on two random examples, so that the answer is its own.

use collado_models::Network;
use collado_risk::Loss;
use serde::Serialize;
use serde_json::Value;

use super::analyses::{ANALYSES, Analysis, Trial};

/// Whether an analysis covers a network.
#[derive(Serialize)]
pub(super) struct Coverage {
    pub(super) analysis: &'static str,
    /// The commands that need it.
    pub(super) commands: &'static str,
    /// None where it was not tried.
    pub(super) covered: Option<bool>,
    /// What it lacks, or why it was not tried.
    pub(super) lacks: Option<String>,
}

/// Networks that take more arithmetic for one example are not tried: it would take longer than a look at a file may.
const MOST: u64 = 500_000_000;

/// Asks all analyses. The loss is the one that the file states, or the usual one for its outputs.
pub(super) fn all(network: &Network, provenance: Option<&Value>) -> Vec<Coverage> {
    let flops: u64 = (0..network.nodes().len()).map(|id| network.flops(id)).sum();
    let stated = provenance.and_then(|p| p.get("loss")?.as_str()?.parse::<Loss>().ok());
    let loss = stated.unwrap_or(if network.outputs() > 1 { Loss::CrossEntropy } else { Loss::Squared });
    let trial = match flops <= MOST {
        true => Trial::new(network, loss),
        false => Err(format!("not tried: one example takes {flops} operations, more than {MOST}")),
    };
    let ask = |&Analysis { name, commands, run }: &Analysis| {
        let (covered, lacks) = match &trial {
            Err(reason) => (None, Some(reason.clone())),
            Ok(trial) => match run(trial) {
                Ok(()) => (Some(true), None),
                Err(reason) => (Some(false), Some(reason)),
            },
        };
        Coverage { analysis: name, commands, covered, lacks }
    };
    ANALYSES.iter().map(ask).collect()
}
