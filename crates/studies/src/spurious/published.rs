//! The published rates, with which those found are compared.

use crate::wilson;

/// k and the share of spurious runs for n = k among 500 runs, as published by Safran, Yehudai & Shamir 2021 (their follow-up
/// experiment).
pub const PUBLISHED: [(usize, f64); 10] = [
    (6, 0.),
    (7, 0.054),
    (8, 0.114),
    (9, 0.222),
    (10, 0.320),
    (12, 0.538),
    (14, 0.704),
    (16, 0.872),
    (18, 0.896),
    (20, 0.942),
];
/// Number of runs behind each of them.
const PUBLISHED_RUNS: u64 = 500;

/// The published rate for n = k, and its 95 % Wilson interval.
pub(super) fn published(k: usize) -> Option<(f64, [f64; 2])> {
    let &(_, rate) = PUBLISHED.iter().find(|p| p.0 == k)?;
    Some((rate, wilson((rate * PUBLISHED_RUNS as f64).round() as u64, PUBLISHED_RUNS)))
}
