//! Numbers as JSON, each with how often it comes: masks have few different ones.

use serde::{Deserialize, Serialize};

use crate::number::read_number;

/// Numbers, one run of equal ones after the other.
#[derive(Serialize, Deserialize)]
pub(super) struct Runs(Vec<(usize, Number)>);

/// A number, which is a word where it is not finite.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Number(#[serde(deserialize_with = "read_number")] f64);

impl Runs {
    /// The runs of these numbers.
    pub(super) fn of(values: &[f64]) -> Self {
        let same = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
        Self(values.chunk_by(same).map(|run| (run.len(), Number(run[0]))).collect())
    }

    /// Number of numbers.
    pub(super) fn len(&self) -> usize {
        self.0.iter().fold(0, |sum, (count, _)| sum.saturating_add(*count))
    }

    /// The numbers, whose count is to be looked at before.
    pub(super) fn values(&self) -> Vec<f64> {
        self.0.iter().flat_map(|&(count, Number(x))| std::iter::repeat_n(x, count)).collect()
    }
}
