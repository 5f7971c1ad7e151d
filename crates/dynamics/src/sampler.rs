//! Random minibatches that depend on a seed and the step only.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Minibatches of one run: each epoch is a new permutation of the examples, cut into batches; the last may be short.
///
/// The batch of a step depends on (seed, step) only, so that a resumed run goes on to the same bits.
#[derive(Debug, Clone)]
pub struct Sampler {
    seed: u64,
    examples: usize,
    batch: usize,
    epoch: Option<u64>,
    order: Vec<u32>,
}

impl Sampler {
    /// Minibatches of `batch` of `examples` examples; 0, or more than there are, means all of them.
    pub fn new(seed: u64, examples: usize, batch: usize) -> Self {
        let batch = if batch == 0 { examples } else { batch.min(examples) };
        Self { seed, examples, batch, epoch: None, order: Vec::new() }
    }

    /// Number of batches in an epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.examples.div_ceil(self.batch) as u64
    }

    /// Number of examples in a batch; the last of an epoch may have fewer.
    pub(crate) fn size(&self) -> usize {
        self.batch
    }

    /// Whether every batch is the whole data set.
    pub fn is_full(&self) -> bool {
        self.batch == self.examples
    }

    /// The examples of step `step` (0-based).
    pub fn batch(&mut self, step: u64) -> &[u32] {
        self.prepare(step);
        self.prepared(step)
    }

    /// Permutes the examples for the epoch of step `step`, if they are not yet.
    pub(crate) fn prepare(&mut self, step: u64) {
        let epoch = step / self.steps_per_epoch();
        if self.epoch != Some(epoch) {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            // Stream 0 belongs to the initialisation.
            rng.set_stream(epoch + 1);
            self.order = (0..self.examples as u32).collect();
            self.order.shuffle(&mut rng);
            self.epoch = Some(epoch);
        }
    }

    /// The examples of a step in the epoch that was prepared.
    pub(crate) fn prepared(&self, step: u64) -> &[u32] {
        let from = (step % self.steps_per_epoch()) as usize * self.batch;
        &self.order[from..(from + self.batch).min(self.examples)]
    }
}
