//! Gradient descent from random starts, and the curves between two starts of a two-layer network.

use candle_core::{Device, Tensor};
use collado_dynamics::{DeepLinear, Rule, Stop, TrainSettings, train};
use collado_models::{Activation, Arch};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Progress, Regularizer, Span};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::Serialize;

use super::{RidgeSettings, WhiteData};
use crate::{Result, training::TrainingProgress};

/// Where descent from one start ended.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct End {
    /// ‖θ‖ at the start.
    pub start_norm: f64,
    /// F at the start.
    pub start_risk: f64,
    /// ‖θ‖ at the end.
    pub norm: f64,
    /// F at the end.
    pub risk: f64,
    /// Whether the gradient became as small as asked; the others decide nothing.
    pub converged: bool,
}

/// Number of points at which F is looked at on a curve.
const POINTS: usize = 401;

/// The starts, with norms that are uniform up to the largest, and where they end.
pub(super) struct Descent {
    objective: EmpiricalRisk,
    starts: Tensor,
    pub(super) ends: Vec<End>,
}

impl Descent {
    pub(super) fn run(
        settings: &RidgeSettings,
        data: &WhiteData,
        layers: usize,
        progress: &mut dyn Progress,
        (from, to): (f64, f64),
    ) -> Result<Self> {
        let hidden = std::iter::repeat_n(settings.width(), layers - 1);
        let widths: Vec<usize> =
            std::iter::once(settings.inputs).chain(hidden).chain([settings.outputs]).collect();
        let arch = Arch::dense(Activation::Linear, &widths, false)?;
        let (inputs, targets) = data.tensors()?;
        let criterion =
            Criterion { loss: Loss::Squared, kappa: settings.kappa, regularizer: Regularizer::L2 };
        let objective =
            EmpiricalRisk::new(&arch, Examples::new(&inputs, &targets)?, criterion)?.with_memory(256 << 20);
        let starts = starts(settings, arch.layout().len(), layers as u64)?;
        let training = TrainSettings {
            epochs: settings.steps,
            batch: 0,
            rule: Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0. },
            lr: settings.lr,
            until_gradient: Some(settings.gradient),
            ..TrainSettings::default()
        };
        let seeds: Vec<u64> = (0..settings.starts as u64).collect();
        let mut watch = TrainingProgress::new(progress, from, to);
        let runs = train(&objective, &starts, &seeds, &training, &mut watch)?.runs;
        watch.finish()?;
        let at_start = objective.risks(&Span::stack(&starts)?)?;
        let norm =
            |theta: &Tensor| Ok::<f64, crate::StudyError>(theta.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt());
        let ends = runs.iter().enumerate().map(|(i, run)| {
            Ok(End {
                start_norm: norm(&starts.get(i)?)?,
                start_risk: at_start[i],
                norm: norm(&run.theta)?,
                risk: run.value.risk,
                converged: run.stop == Stop::Converged,
            })
        });
        let ends = ends.collect::<Result<_>>()?;
        Ok(Self { objective, starts, ends })
    }

    /// By how much F rises above the higher end on the curves between neighbouring starts, over F there: the largest over all
    /// pairs, and their number. Curves are known for two layers only.
    pub(super) fn curves(&self) -> Result<(f64, usize)> {
        let method = DeepLinear::new(&self.objective);
        let (mut largest, mut count) = (f64::NEG_INFINITY, 0);
        for i in (0..self.ends.len() - 1).step_by(2) {
            let curve = method.ridge(&self.starts.get(i)?, &self.starts.get(i + 1)?)?;
            let rows: Vec<f64> = (0..POINTS).flat_map(|j| curve.at(j as f64 / (POINTS - 1) as f64)).collect();
            let stack = Tensor::from_vec(rows, (POINTS, self.starts.dims()[1]), &Device::Cpu)?;
            let risks = self.objective.risks(&Span::stack(&stack)?)?;
            let higher = risks[0].max(risks[POINTS - 1]);
            // NaN is above every end.
            let rise = risks.iter().map(|f| f / higher - 1.).fold(0., |m, r| if r <= m { m } else { r });
            largest = if rise <= largest { largest } else { rise };
            count += 1;
        }
        Ok((largest, count))
    }
}

/// Directions uniform on the sphere, norms uniform up to the largest.
fn starts(settings: &RidgeSettings, size: usize, layers: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(layers);
    let count = settings.starts;
    let rows = (0..count).flat_map(|i| {
        let direction: Vec<f64> = (0..size).map(|_| rng.sample::<f64, _>(StandardNormal)).collect();
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        let scale = settings.largest_norm * (i + 1) as f64 / count as f64 / norm;
        direction.into_iter().map(move |x| scale * x).collect::<Vec<_>>()
    });
    Ok(Tensor::from_vec(rows.collect(), (count, size), &Device::Cpu)?)
}
