//! The learned centre of a star, for any network.

use candle_core::Tensor;
use collado_risk::{Rows, Span};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tracing::info_span;

use crate::{
    Error, Optimizer, Result, Rule, Sampler, Schedule, Search, connect::refuse_infinite, schedule::Decay,
};

/// The centre c that minimises $\sum_iE_{t\sim U(0,1)}F((1-t)\theta_i+tc)$ by stochastic gradients, one t for each of the
/// segments of a step. It begins at the mean of the ends.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `epochs` | 60 | passes over the examples | ≥ 1 |
/// | `batch` | 128 | minibatch, shared by the segments of a step; 0 = all | |
/// | `lr` | 2e-3 | Adam's step size, with a cosine schedule | > 0 |
/// | `segments` | 16 | segments in a step, which take turns where there are more | ≥ 1 |
#[derive(Debug, Clone, Copy)]
pub struct LearnedStar {
    /// Number of passes over the examples.
    pub epochs: u64,
    /// Number of examples in a minibatch; 0 means all examples.
    pub batch: usize,
    /// The step size of Adam.
    pub lr: f64,
    /// The largest number of segments in a step.
    pub segments: usize,
}

impl Default for LearnedStar {
    fn default() -> Self {
        Self { epochs: 60, batch: 128, lr: 2e-3, segments: 16 }
    }
}

impl LearnedStar {
    /// The centre `[S]` of `ends` `[R, S]`.
    ///
    /// # Errors
    /// When a setting is outside its range, the risk cannot be evaluated, or the search diverges.
    pub fn centre(&self, ends: &Tensor, search: &mut Search<'_>) -> Result<Tensor> {
        if self.epochs == 0 || self.segments == 0 || !(self.lr > 0. && self.lr.is_finite()) {
            let found = format!("{} epochs, {} segments, lr {}", self.epochs, self.segments, self.lr);
            return Err(Error::Setting { name: "epochs, segments and lr", expected: "positive", found });
        }
        let count = ends.dims2()?.0;
        let _span = info_span!("star", ends = count, epochs = self.epochs).entered();
        // A new tensor: training writes into its first row.
        let vertices = Tensor::cat(&[&ends.mean_keepdim(0)?, ends], 0)?.contiguous()?;
        let centre = vertices.narrow(0, 0, 1)?;
        let mut gradient = centre.zeros_like()?;
        let mut optimizer = Optimizer::new(Rule::Adam { weight_decay: 0., decoupled: false }, &centre)?;
        let mut sampler = Sampler::new(search.seed, search.objective.examples(), self.batch);
        let mut rng = ChaCha8Rng::seed_from_u64(search.seed);
        let total = self.epochs.saturating_mul(sampler.steps_per_epoch());
        let schedule = Schedule { decay: Decay::Cosine, warmup: 0 };
        let at_once = self.segments.min(count);
        for step in 0..total {
            let mut coefficients = vec![0.; at_once * (count + 1)];
            for (j, row) in coefficients.chunks_exact_mut(count + 1).enumerate() {
                let end = ((step % count as u64) as usize * at_once + j) % count;
                let t: f64 = rng.random();
                (row[0], row[end + 1]) = (t, 1. - t);
            }
            let span = Span::new(&vertices, coefficients)?.with_free(0..1);
            let rows = if sampler.is_full() { Rows::All } else { Rows::Shared(sampler.batch(step)) };
            let values = search.objective.evaluate(&span, rows, Some(&mut gradient))?;
            refuse_infinite(&values, "star")?;
            // Adam does not see the scale of a gradient: the sum over the segments serves as their mean.
            optimizer.step(&centre, &gradient, self.lr * schedule.factor(step, total))?;
            if search.progress.update((step + 1) as f64 / total as f64).is_break() {
                break;
            }
        }
        // Only what is finite times zero is zero.
        let centre = centre.squeeze(0)?.copy()?;
        let left = (&centre * 0.)?.to_dtype(candle_core::DType::F64)?.sum_all()?.to_scalar::<f64>()?;
        if left == 0. { Ok(centre) } else { Err(Error::Diverged { method: "star" }) }
    }
}
