//! SGD on drawn data, where the risk is that of a sample and no longer of the whole population.

use candle_core::{Device, Tensor};
use collado_dynamics::{Decay, Optimizer, Rule, Sampler, Schedule};
use collado_models::{Activation, Arch};
use collado_risk::{
    Criterion, EmpiricalRisk, Examples, Loss, Objective, Part, Planted, PlantedRun, Progress, Regularizer,
    Rows, Span,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{SpuriousSettings, Tally, descend};
use crate::{Result, error::proceed};

/// How SGD on drawn data ended for n = k.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampledRow {
    /// Number of teachers, and of neurons.
    pub k: usize,
    /// How many runs ended where: in whose basin of the population risk.
    pub tally: Tally,
    /// Mean population risk at the ends of the spurious runs; NaN without any.
    pub risk: f64,
}

/// SGD without momentum, step size $2/n$ (in F) with a cosine schedule, from the starts of the population's runs, on
/// `settings.samples` examples $x\sim N(0,I_k)$, $y=\sum_j\rho(x_j)$. Where a run ends is told by gradient descent on the population
/// risk from there.
pub(super) fn sampled(
    settings: &SpuriousSettings,
    k: usize,
    progress: &mut dyn Progress,
) -> Result<SampledRow> {
    let population = Planted::new(k, k)?;
    let starts = population.starts(settings.seed, 0..settings.sgd_runs);
    let ends = train(settings, k, &starts, &mut Part::new(progress, 0., 0.8))?;
    let mut runs: Vec<_> = ends.chunks_exact(k * k).map(|w| PlantedRun::new(w.to_vec())).collect();
    let mut slopes = vec![0.; k * k];
    let before: Vec<f64> = runs
        .iter()
        .map(|run| population.value(&run.weights, &mut slopes))
        .collect::<std::result::Result<_, _>>()?;
    let (_, tally) = descend(settings, &population, &mut runs, &mut Part::new(progress, 0.8, 1.))?;
    let above: Vec<f64> = before.into_iter().filter(|f| *f > super::GLOBAL).collect();
    let risk = above.iter().sum::<f64>() / above.len() as f64;
    Ok(SampledRow { k, tally, risk })
}

/// All runs as one stack of networks `k-k-1` whose output weights stay 1; the ends `[runs, k·k]`, row by row.
fn train(
    settings: &SpuriousSettings,
    k: usize,
    starts: &[PlantedRun],
    progress: &mut dyn Progress,
) -> Result<Vec<f64>> {
    let arch = Arch::dense(Activation::Relu, &[k, k, 1], false)?;
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    let (inputs, targets) = examples(settings, k)?;
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets)?, criterion)?.with_memory(1 << 28);
    let (runs, size) = (starts.len(), k * k + k);
    let rows = starts.iter().flat_map(|run| run.weights.iter().copied().chain(std::iter::repeat_n(1., k)));
    let theta = Tensor::from_vec(rows.collect(), (runs, size), &Device::Cpu)?;
    // Output weights have no gradient.
    let mask: Vec<f64> = (0..size).map(|at| if at < k * k { 1. } else { 0. }).collect();
    let mask = Tensor::from_vec(mask, (1, size), &Device::Cpu)?;
    let (span, mut grad) = (Span::stack(&theta)?, theta.zeros_like()?);
    let mut optimizer =
        Optimizer::new(Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. }, &theta)?;
    let sampler =
        |run: usize| Sampler::new(settings.seed ^ ((run as u64 + 1) << 20), settings.samples, BATCH);
    let mut samplers: Vec<Sampler> = (0..runs).map(sampler).collect();
    let schedule = Schedule { decay: Decay::Cosine, warmup: 0 };
    let mut batch = Vec::new();
    for step in 0..settings.sgd_steps {
        if step.is_multiple_of(50) {
            proceed(progress.update(step as f64 / settings.sgd_steps as f64))?;
        }
        batch.clear();
        samplers.iter_mut().for_each(|s| batch.extend_from_slice(s.batch(step)));
        let rows = Rows::Each { rows: &batch, batch: batch.len() / runs };
        objective.evaluate(&span, rows, Some(&mut grad))?;
        // The squared loss is 2F.
        let lr = schedule.factor(step, settings.sgd_steps) / k as f64;
        optimizer.step(&theta, &grad.broadcast_mul(&mask)?, lr)?;
    }
    Ok(theta.narrow(1, 0, k * k)?.flatten_all()?.to_vec1()?)
}

/// The size of a minibatch.
const BATCH: usize = 64;

fn examples(settings: &SpuriousSettings, k: usize) -> Result<(Tensor, Tensor)> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(u64::MAX - k as u64);
    let xs: Vec<f64> = (0..settings.samples * k).map(|_| rng.sample(StandardNormal)).collect();
    let ys: Vec<f64> = xs.chunks_exact(k).map(|x| x.iter().map(|x| x.max(0.)).sum()).collect();
    let inputs = Tensor::from_vec(xs, (settings.samples, k), &Device::Cpu)?;
    Ok((inputs, Tensor::from_vec(ys, (settings.samples, 1), &Device::Cpu)?))
}
