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

/// A published rate as a count.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublishedRate {
    /// Number of spurious runs.
    pub(super) hits: u64,
    /// Number of runs.
    pub(super) runs: u64,
}

impl PublishedRate {
    pub(super) fn rate(&self) -> f64 {
        self.hits as f64 / self.runs as f64
    }

    /// The 95 % Wilson interval.
    pub(super) fn interval(&self) -> [f64; 2] {
        wilson(self.hits, self.runs)
    }
}

/// The published rate for n = k.
pub(super) fn published(k: usize) -> Option<PublishedRate> {
    let &(_, rate) = PUBLISHED.iter().find(|p| p.0 == k)?;
    Some(PublishedRate { hits: (rate * PUBLISHED_RUNS as f64).round() as u64, runs: PUBLISHED_RUNS })
}
