//! How many runs ended where.

use serde::{Deserialize, Serialize};

use crate::wilson;

/// How many of some runs ended in spurious minima.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Number of runs.
    pub runs: u64,
    /// Number of runs that ended in a spurious minimum.
    pub spurious: u64,
    /// Number of runs that ended neither there nor at the global minimum.
    pub unresolved: u64,
}

impl Tally {
    /// The share of spurious runs.
    pub fn rate(&self) -> f64 {
        self.spurious as f64 / self.runs as f64
    }

    /// The 95 % Wilson interval of that share.
    pub fn interval(&self) -> [f64; 2] {
        wilson(self.spurious, self.runs)
    }

    /// Whether at most the share `limit` of the runs is unresolved.
    pub(super) fn is_resolved(&self, limit: f64) -> bool {
        self.unresolved as f64 <= limit * self.runs as f64
    }

    /// The counts in words.
    pub(super) fn text(&self) -> String {
        format!("{} of {} runs, {} unresolved", self.spurious, self.runs, self.unresolved)
    }
}
