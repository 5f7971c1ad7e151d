//! The search for a spurious minimum by descent from many random starts.

use crate::Result;
use collado_risk::{Planted, PlantedDescent, PlantedRun, Progress};
use tracing::{debug, info, info_span};

use super::polish::{Polished, polish};

/// The result of descent from random starts.
#[derive(Debug, Clone, PartialEq)]
pub struct MultistartResult {
    /// The spurious minimum hit most often, when one was hit.
    pub minimum: Option<Polished>,
    /// Number of runs that were made.
    pub runs: u64,
    /// Number of runs that ended at the minimum.
    pub hits: usize,
}

/// Number of runs in one stack.
const BATCH: u64 = 128;
/// A run with at most this risk has found the global minimum.
const GLOBAL: f64 = 1e-3;
/// Two ends are taken for the same minimum when their risks differ by less than this.
const SAME: f64 = 1e-7;

/// Looks for the spurious minimum that gradient descent hits most often, in stacks of 128 runs until one holds a
/// spurious minimum, at most `max_runs`; then Newton's method. When `progress` stops the search, what the runs of the
/// last stack had reached is still looked at.
///
/// # Errors
/// The errors of the risk.
pub fn find_minimum(
    risk: &Planted,
    seed: u64,
    max_runs: u64,
    progress: &mut dyn Progress,
) -> Result<MultistartResult> {
    let settings = PlantedDescent {
        max_steps: 30_000,
        gradient_tolerance: 1e-6,
        risk_tolerance: GLOBAL,
        ..Default::default()
    };
    let _span = info_span!("find minimum", k = risk.k(), n = risk.n(), max_runs).entered();
    let mut made = 0;
    while made < max_runs {
        let mut runs = risk.starts(seed, made..made + BATCH);
        made += BATCH;
        let flow = risk.descend(&mut runs, &settings, progress)?;
        let groups = groups(runs);
        debug!(runs = made, spurious = groups.len(), "a stack has ended");
        for group in groups {
            for run in &group {
                let end = polish(risk, &run.weights, 1e-13, 0.1)?;
                if let Some(end) = end.filter(|e| e.risk > GLOBAL) {
                    info!(risk = end.risk, hits = group.len(), runs = made, "candidate chosen");
                    return Ok(MultistartResult { minimum: Some(end), runs: made, hits: group.len() });
                }
            }
        }
        if flow.is_break() {
            break;
        }
    }
    Ok(MultistartResult { minimum: None, runs: made, hits: 0 })
}

/// The runs that ended above the global minimum, grouped by risk, with the most frequent group first.
fn groups(runs: Vec<PlantedRun>) -> Vec<Vec<PlantedRun>> {
    let mut ends: Vec<_> = runs.into_iter().filter(|r| r.done && r.risk > GLOBAL).collect();
    ends.sort_by(|a, b| a.risk.total_cmp(&b.risk));
    let mut groups: Vec<_> =
        ends.chunk_by(|a, b| b.risk - a.risk <= SAME).map(<[PlantedRun]>::to_vec).collect();
    groups.sort_by_key(|g| std::cmp::Reverse(g.len()));
    groups
}
