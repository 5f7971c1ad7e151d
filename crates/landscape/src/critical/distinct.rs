//! Recognises critical points that are copies of each other up to a symmetry.

use super::{CriticalPoint, CriticalSearch};

/// Points are compared only if their risks differ by at most this, relatively.
const RISK: f64 = 1e-6;
/// Two networks are taken for the same function if their outputs differ by at most this, relatively. It is far above
/// the difference that a gradient of 1e-10 leaves, also at degenerate points.
const OUTPUTS: f64 = 1e-5;

impl CriticalSearch {
    /// For each point the first one that equals it up to symmetry, which may be the point itself.
    ///
    /// Two points are the same when their outputs on the data agree, and so do their index and their number of zero
    /// modes. No symmetry changes these, whichever the network has: permutations, scales, signs, invertible matrices
    /// between linear layers. The other way round it is coarser: one function may have several critical points of the
    /// same index.
    pub fn distinct(&self, points: &[CriticalPoint]) -> Vec<usize> {
        let mut first: Vec<usize> = Vec::with_capacity(points.len());
        for (i, point) in points.iter().enumerate() {
            let same = (0..i).find(|&j| first[j] == j && is_same(point, &points[j]));
            first.push(same.unwrap_or(i));
        }
        first
    }
}

fn is_same(a: &CriticalPoint, b: &CriticalPoint) -> bool {
    let kind = |p: &CriticalPoint| (p.spectrum.index, p.spectrum.zero_modes);
    let close = (a.risk - b.risk).abs() <= RISK * (1e-3 + a.risk.abs().max(b.risk.abs()));
    let square = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    let difference: Vec<f64> = a.outputs.iter().zip(&b.outputs).map(|(a, b)| a - b).collect();
    close && kind(a) == kind(b) && square(&difference).sqrt() <= OUTPUTS * (1. + square(&a.outputs).sqrt())
}
