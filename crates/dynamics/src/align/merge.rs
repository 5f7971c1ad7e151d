//! Many networks brought onto each other, and the shares of their average.

use candle_core::{DType, Tensor};
use collado_models::Arch;
use collado_risk::{Objective, Progress, Rows, Span};
use tracing::{info, info_span};

use super::Align;
use crate::{Error, Result, Sampler};

/// Alignment of many networks to each other (Ainsworth, Hayase & Srinivasa 2023, "Git re-basin", algorithm 3).
///
/// First all are aligned to one of them, which never changes. Then each of the others is aligned to the mean of the rest, round after
/// round, as long as the distances to the common mean become smaller.
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `align` | weights | alignment of one network to another | |
/// | `rounds` | 10 | rounds of alignment to means at most | |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The alignment of one network to another.
    pub align: Align,
    /// The largest number of rounds of alignment to means.
    pub rounds: usize,
}

impl Default for Merge {
    fn default() -> Self {
        Self { align: Align::default(), rounds: 10 }
    }
}

impl Merge {
    /// All `points` `[S]` of `arch`, aligned to each other; the one with the number `first` stays as it is.
    ///
    /// # Errors
    /// The errors of [`Align::align`].
    pub fn align(
        &self,
        arch: &Arch,
        points: &[Tensor],
        first: usize,
        data: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let _span = info_span!("merge", points = points.len()).entered();
        let near = |i: usize, to: &Tensor, point: &Tensor| match i == first {
            true => Ok(point.clone()),
            false => Ok::<_, Error>(self.align.align(arch, to, point, data)?.theta),
        };
        let mut found = points
            .iter()
            .enumerate()
            .map(|(i, point)| near(i, &points[first], point))
            .collect::<Result<Vec<_>>>()?;
        let mut spread = spread(&found)?;
        // Two points have nothing but each other.
        for round in 0..if points.len() > 2 { self.rounds } else { 0 } {
            let mut next = found.clone();
            for i in 0..next.len() {
                let others: Vec<&Tensor> =
                    next.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, point)| point).collect();
                let mean = Tensor::stack(&others, 0)?.mean(0)?;
                next[i] = near(i, &mean, &next[i])?;
            }
            let closer = self::spread(&next)?;
            info!(round, spread = closer, "aligned to means");
            if closer.is_nan() || closer >= spread * (1. - 1e-9) {
                break;
            }
            (found, spread) = (next, closer);
        }
        Ok(found)
    }
}

/// The mean squared distance of points to their mean.
fn spread(points: &[Tensor]) -> Result<f64> {
    let all = Tensor::stack(points, 0)?.to_dtype(DType::F64)?;
    let apart = all.broadcast_sub(&all.mean_keepdim(0)?)?;
    Ok(apart.sqr()?.sum_all()?.to_scalar::<f64>()? / points.len() as f64)
}

/// Steps and the step size of Adam in the logits, and examples in a minibatch.
const STEPS: u64 = 200;
const STEP: f64 = 0.1;
const BATCH: usize = 1024;

/// The shares s ≥ 0, Σs = 1, of `points` `[N, S]` for which the risk of $\sum_is_i\theta_i$ is low: a softmax whose
/// logits are trained by Adam from equal shares on. Equal shares are returned where training does not find lower ones.
///
/// # Errors
/// When the risk cannot be evaluated.
pub fn learned_shares(
    objective: &dyn Objective,
    points: &Tensor,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Vec<f64>> {
    let count = points.dims2()?.0;
    let _span = info_span!("shares", points = count).entered();
    let at = |shares: &[f64]| -> Result<Tensor> { Ok(Span::new(points, shares.to_vec())?.materialize()?) };
    let (mut logits, mut first, mut second) = (vec![0.; count], vec![0.; count], vec![0.; count]);
    let mut sampler = Sampler::new(seed, objective.examples(), BATCH);
    for step in 0..STEPS {
        let shares = softmax(&logits);
        let theta = at(&shares)?;
        let mut gradient = theta.zeros_like()?;
        let rows = if sampler.is_full() { Rows::All } else { Rows::Shared(sampler.batch(step)) };
        objective.evaluate(&Span::stack(&theta)?, rows, Some(&mut gradient))?;
        let slopes = points.matmul(&gradient.t()?)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        let mean: f64 = slopes.iter().zip(&shares).map(|(d, s)| d * s).sum();
        let decay = |beta: f64| 1. - beta.powi(step as i32 + 1);
        for i in 0..count {
            let slope = shares[i] * (slopes[i] - mean);
            first[i] = 0.9 * first[i] + 0.1 * slope;
            second[i] = 0.999 * second[i] + 0.001 * slope * slope;
            logits[i] -= STEP * (first[i] / decay(0.9)) / ((second[i] / decay(0.999)).sqrt() + 1e-12);
        }
        if progress.update((step + 1) as f64 / STEPS as f64).is_break() {
            break;
        }
    }
    let (equal, learned) = (vec![1. / count as f64; count], softmax(&logits));
    let stack = Tensor::cat(&[&at(&equal)?, &at(&learned)?], 0)?;
    let risks = objective.risks(&Span::stack(&stack)?)?;
    Ok(if risks[1] <= risks[0] { learned } else { equal })
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|x| (x - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|x| x / sum).collect()
}
