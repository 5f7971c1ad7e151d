//! Gradient descent and SGD at one width, and what is recorded of them.

use candle_core::Tensor;
use collado_dynamics::{Optimizer, Rule, Sampler};
use collado_landscape::{Kernel, KernelSpectrum, Outputs, SpectrumSettings, Tangent};
use collado_risk::{
    Criterion, EmpiricalRisk, Examples, Loss, Objective, Part, Progress, Regularizer, Rows, Span,
};
use serde::{Deserialize, Serialize};

use super::Setup;
use crate::{Result, error::proceed};

/// Memory for the slopes and activations of a stack, in bytes.
const MEMORY: usize = 1 << 29;

/// Gradient descent and SGD at one width and initialisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Descent {
    /// Index into [`STARTS`](super::STARTS).
    pub start: usize,
    /// Number of neurons n.
    pub neurons: usize,
    /// Step size of gradient descent, $\min_\text{runs}m/(2\lambda_\max(\Theta_0))$: 1/L of the linearised risk.
    pub step_size: f64,
    /// Step size of SGD, $\min_\text{runs}1/(2\max_i\Theta_{ii})$: for each minibatch of B its
    /// $\lambda_\max\le B\max_i\Theta_{ii}$.
    pub sgd_step_size: f64,
    /// What was recorded of each run of gradient descent.
    pub gradient: Vec<Vec<Snapshot>>,
    /// What was recorded of each run of SGD.
    pub stochastic: Vec<Vec<Snapshot>>,
}

/// What is recorded at one step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of steps done.
    pub step: u64,
    /// Step size times steps.
    pub time: f64,
    /// The risk r(t).
    pub risk: f64,
    /// The theorem's bound of the risk, $r(0)\exp(-4\inf_{s\le t}\lambda_\min(\bar K)\,t/m)$, the infimum over the
    /// recorded times.
    pub bound: f64,
    /// The smallest eigenvalue $\lambda_\min(\bar K_t)$ of the last layer's kernel.
    pub lambda_min: f64,
    /// The smallest eigenvalue of the tangent kernel $\Theta_t$, of which $\bar K_t$ is the last layer's part.
    pub tangent_lambda_min: f64,
    /// The distance from the start, $\|\theta_t-\theta_0\|$.
    pub displacement: f64,
    /// The first layer's share of that distance, $\|\theta^1_t-\theta^1_0\|$.
    pub first_layer_displacement: f64,
    /// The relative change of the last layer's kernel, $\|\bar K_t-\bar K_0\|_F/\|\bar K_0\|_F$.
    pub last_layer_drift: f64,
    /// The relative change of the tangent kernel, $\|\Theta_t-\Theta_0\|_F/\|\Theta_0\|_F$.
    pub tangent_drift: f64,
    /// The relative distance from the linearised model, $\|f_t-f^\text{lin}_t\|/\|f_0-y\|$ with $f^\text{lin}$ the
    /// outputs of gradient descent on the network linearised at $\theta_0$; NaN for SGD.
    pub linear_gap: f64,
}

/// One run's state at its start.
struct InitialState {
    theta: Vec<f64>,
    last_layer: Kernel,
    tangent: Kernel,
    residual: Vec<f64>,
}

pub(super) fn run(
    setup: &Setup<'_>,
    start: usize,
    neurons: usize,
    progress: &mut dyn Progress,
) -> Result<Descent> {
    let (arch, stack) = (setup.arch(neurons)?, setup.stack(start, neurons)?);
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    let objective = EmpiricalRisk::new(&arch, Examples::new(&setup.inputs, &setup.targets)?, criterion)?
        .with_memory(MEMORY);
    let targets = setup.targets.flatten_all()?.to_vec1::<f64>()?;
    let origins = (0..setup.settings.runs)
        .map(|run| {
            let theta = stack.get(run)?;
            let at = Tangent::new(&arch, &theta, &setup.inputs)?;
            let residual = at.outputs().iter().zip(&targets).map(|(f, y)| f - y).collect();
            let (last_layer, tangent) = (at.last_layer(), at.kernel(Outputs::Mean));
            Ok(InitialState { theta: theta.to_vec1()?, last_layer, tangent, residual })
        })
        .collect::<Result<Vec<_>>>()?;
    let m = setup.settings.examples as f64;
    let (mut step_size, mut sgd_step_size) = (f64::INFINITY, f64::INFINITY);
    for InitialState { tangent, .. } in &origins {
        let spectrum = KernelSpectrum::new(tangent, &SpectrumSettings::default())?;
        step_size = step_size.min(m / (2. * spectrum.max.value));
        let diagonal = (0..tangent.size()).map(|i| tangent.row(i)[i]).fold(0., f64::max);
        sgd_step_size = sgd_step_size.min(1. / (2. * diagonal));
    }
    let walk = DescentRuns { neurons, setup, objective: &objective, targets: &targets, origins: &origins };
    let seeds = setup.seeds(start, neurons);
    let steps = setup.settings.steps;
    let gradient =
        walk.descend(&stack, None, [step_size, steps as f64], &mut Part::new(progress, 0., 0.5))?;
    // To the same time.
    let sgd = [sgd_step_size, (steps as f64 * step_size / sgd_step_size).round()];
    let stochastic = walk.descend(&stack, Some(&seeds), sgd, &mut Part::new(progress, 0.5, 1.))?;
    Ok(Descent { start, neurons, step_size, sgd_step_size, gradient, stochastic })
}

struct DescentRuns<'a> {
    neurons: usize,
    setup: &'a Setup<'a>,
    objective: &'a EmpiricalRisk,
    targets: &'a [f64],
    origins: &'a [InitialState],
}

impl DescentRuns<'_> {
    /// All runs as one stack with a step size and a number of steps; with minibatches when there are `seeds` for them.
    fn descend(
        &self,
        stack: &Tensor,
        seeds: Option<&[u64]>,
        [lr, steps]: [f64; 2],
        progress: &mut dyn Progress,
    ) -> Result<Vec<Vec<Snapshot>>> {
        let steps = steps.max(1.) as u64;
        let settings = self.setup.settings;
        let theta = stack.copy()?;
        let (span, mut grad) = (Span::stack(&theta)?, theta.zeros_like()?);
        let mut optimizer =
            Optimizer::new(Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. }, &theta)?;
        let sampler = |&seed| Sampler::new(seed, settings.examples, settings.batch);
        let mut samplers: Vec<Sampler> = seeds.unwrap_or(&[]).iter().map(sampler).collect();
        let mut linear: Vec<Vec<f64>> = self.origins.iter().map(|o| o.residual.clone()).collect();
        let mut moments = vec![Vec::new(); self.origins.len()];
        let times = record_at(steps);
        let mut rows = Vec::new();
        for step in 0..=steps {
            if times.contains(&step) {
                self.record(&theta, step, lr, seeds.is_none().then_some(&linear), &mut moments)?;
                proceed(progress.update(step as f64 / steps as f64))?;
            }
            rows.clear();
            samplers.iter_mut().for_each(|s| rows.extend_from_slice(s.batch(step)));
            let batch = match rows.len() {
                0 => Rows::All,
                all => Rows::Each { rows: &rows, batch: all / samplers.len() },
            };
            self.objective.evaluate(&span, batch, Some(&mut grad))?;
            optimizer.step(&theta, &grad, lr)?;
            for (e, origin) in linear.iter_mut().zip(self.origins).filter(|_| seeds.is_none()) {
                let force = origin.tangent.apply(e);
                let rate = 2. * lr / settings.examples as f64;
                e.iter_mut().zip(force).for_each(|(e, f)| *e -= rate * f);
            }
        }
        Ok(moments)
    }

    fn record(
        &self,
        theta: &Tensor,
        step: u64,
        lr: f64,
        linear: Option<&Vec<Vec<f64>>>,
        moments: &mut [Vec<Snapshot>],
    ) -> Result<()> {
        let (m, time) = (self.targets.len() as f64, lr * step as f64);
        for (run, (origin, moments)) in self.origins.iter().zip(moments).enumerate() {
            let point = theta.get(run)?;
            let at = Tangent::new(self.objective.arch(), &point, &self.setup.inputs)?;
            let residual: Vec<f64> = at.outputs().iter().zip(self.targets).map(|(f, y)| f - y).collect();
            let (last_layer, tangent) = (at.last_layer(), at.kernel(Outputs::Mean));
            let risk = squares(residual.iter().copied()) / m;
            let least =
                |kernel| KernelSpectrum::new(kernel, &SpectrumSettings::default()).map(|s| s.min.value);
            let (lambda_min, tangent_lambda_min) = (least(&last_layer)?, least(&tangent)?);
            let infimum = moments.iter().map(|x: &Snapshot| x.lambda_min).fold(lambda_min, f64::min);
            let start = moments.first().map_or(risk, |x| x.risk);
            let gap = |linear: &Vec<Vec<f64>>| {
                let off = residual.iter().zip(&linear[run]).map(|(e, l)| e - l);
                (squares(off) / squares(origin.residual.iter().copied())).sqrt()
            };
            let moved = point.to_vec1::<f64>()?;
            let distance = |columns: usize| {
                squares(moved[..columns].iter().zip(&origin.theta).map(|(a, b)| a - b)).sqrt()
            };
            moments.push(Snapshot {
                step,
                time,
                risk,
                bound: start * (-4. * infimum.max(0.) * time / m).exp(),
                lambda_min,
                tangent_lambda_min,
                displacement: distance(moved.len()),
                // The columns of θ² are the last ones.
                first_layer_displacement: distance(moved.len() - self.neurons),
                last_layer_drift: last_layer.distance(&origin.last_layer) / origin.last_layer.norm(),
                tangent_drift: tangent.distance(&origin.tangent) / origin.tangent.norm(),
                linear_gap: linear.map_or(f64::NAN, gap),
            });
        }
        Ok(())
    }
}

fn squares(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|x| x * x).sum()
}

/// 0, the last step, about four steps an octave between them, and twenty at equal distances.
fn record_at(steps: u64) -> Vec<u64> {
    let octaves = (steps as f64).log2();
    let count = (4. * octaves).ceil() as u64;
    let mut times: Vec<u64> =
        (0..=count).map(|i| (octaves * i as f64 / count.max(1) as f64).exp2().round() as u64).collect();
    times.extend((0..=20).map(|i| steps * i / 20));
    times.sort_unstable();
    times.dedup();
    times
}
