//! The random streams that one split is drawn from.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// The split that is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Train,
    Test,
}

/// Three streams: one of the task, the same for both splits, and two of the split.
pub(super) struct Draw {
    /// The stream of the task: teachers, matrices, centres.
    pub(super) task: ChaCha8Rng,
    /// The stream of the rows.
    pub(super) rows: ChaCha8Rng,
    /// The stream of the noise.
    pub(super) noise: ChaCha8Rng,
}

impl Draw {
    pub(super) fn new(seed: u64, part: Part) -> Self {
        let stream = |stream| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream);
            rng
        };
        let (rows, noise) = match part {
            Part::Train => (1, 2),
            Part::Test => (3, 4),
        };
        Self { task: stream(0), rows: stream(rows), noise: stream(noise) }
    }
}

/// `n` numbers from N(0, 1).
pub(super) fn normals(n: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    rng.sample_iter(StandardNormal).take(n).collect()
}

/// Adds `noise` times N(0, 1) to every value.
pub(super) fn add_noise(values: &mut [f64], noise: f64, rng: &mut ChaCha8Rng) {
    if noise > 0.0 {
        values.iter_mut().for_each(|value| *value += noise * rng.sample::<f64, _>(StandardNormal));
    }
}

/// Divides every row by its norm, which is not 0 with probability 1.
pub(super) fn normalise_rows(values: &mut [f64], width: usize) {
    for row in values.chunks_mut(width) {
        let norm = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        row.iter_mut().for_each(|value| *value /= norm);
    }
}

/// `A x` for a row-major matrix with rows as long as `x`.
pub(super) fn product(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks(x.len()).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
}
