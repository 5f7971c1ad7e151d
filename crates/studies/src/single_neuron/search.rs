//! Descent on the loss of one neuron, coordinate by coordinate.

use collado_risk::LogisticNeuron;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Coordinates of one minimum differ by less, relative to their size.
const SAME: f64 = 1e-9;
/// Length of a step of descent in log w.
const STEP: f64 = 0.05;

/// Starts whose logarithms are uniform, from far below the least minimum to far above the largest.
pub(super) fn starts(risk: &LogisticNeuron, count: usize, seed: u64) -> Vec<Vec<f64>> {
    let longest = risk.lengths().fold(1., f64::max);
    let (from, to) = ((0.1 / longest).ln(), 10f64.ln());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut start = || (0..risk.dims()).map(|_| rng.random_range(from..to).exp()).collect();
    (0..count).map(|_| start()).collect()
}

/// The different strict local minima that descent from `count` starts ends at, in lexicographic order.
pub(super) fn minima(risk: &LogisticNeuron, count: usize, seed: u64) -> Vec<Vec<f64>> {
    let starts = starts(risk, count, seed);
    let ends: Vec<Vec<f64>> = starts.par_iter().filter_map(|start| descend(risk, start)).collect();
    distinct(ends)
}

/// Follows $-\nabla F$ in log w, whose signs are those of the coordinates' slopes, then bisects each; nothing where a
/// coordinate leaves the range or ends without f″ > 0.
pub(super) fn descend(risk: &LogisticNeuron, start: &[f64]) -> Option<Vec<f64>> {
    start.iter().map(|&w| coordinate(risk, w)).collect()
}

fn coordinate(risk: &LogisticNeuron, start: f64) -> Option<f64> {
    let slope = |u: f64| risk.coordinate(u.exp())[1];
    let direction = if slope(start.ln()) > 0. { -STEP } else { STEP };
    let (mut a, mut steps) = (start.ln(), 0);
    while slope(a + direction) * direction < 0. {
        (a, steps) = (a + direction, steps + 1);
        if steps > 1000 {
            return None;
        }
    }
    let (mut low, mut high) = (a.min(a + direction).exp(), a.max(a + direction).exp());
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if risk.coordinate(middle)[1] < 0. { low = middle } else { high = middle }
    }
    let end = 0.5 * (low + high);
    (risk.coordinate(end)[2] > 0.).then_some(end)
}

/// Sorts points and drops those next to another: coordinate by coordinate, values closer than [`SAME`] are one.
fn distinct(ends: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut values: Vec<f64> = ends.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|next, kept| *next - *kept <= SAME * next.abs());
    let snap = |w: &f64| values[values.partition_point(|v| *v <= *w).max(1) - 1];
    let mut points: Vec<Vec<f64>> = ends.iter().map(|end| end.iter().map(snap).collect()).collect();
    points.sort_by(|a, b| {
        a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    points.dedup();
    points
}
