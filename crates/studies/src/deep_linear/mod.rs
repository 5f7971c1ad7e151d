//! Deep linear networks (theory §2): every local minimum is global, and every two points are connected at the height of
//! the higher one, by an explicit path.

mod paths;
mod picture;
mod report;
mod ridge;

use candle_core::{DType, Device, Tensor};
use collado_data::Targets;
use collado_dynamics::{Rule, Stop, TrainSettings, linear_optimum, train};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Regularizer};

pub use self::{
    paths::Pair,
    report::CLAIM,
    ridge::{ridge_barrier, scalar_ridge},
};
use crate::{
    Result, StudyError,
    watch::{Progress, Watch},
};

/// Whether gradient descent on a deep linear network ends at the global optimum from every start (Kawaguchi 2016: with
/// squared loss every local minimum is global), and whether the path of [`DeepLinear`](collado_dynamics::DeepLinear)
/// stays below the higher of its ends (Freeman & Bruna 2017).
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `widths` | 6, 8, 8, 3 | $n_0..n_K$ | hidden ones above the smaller of the ends |
/// | `examples` | 100 | of `synthetic:linear` with noise ½ | ≥ 1 |
/// | `starts` | 20 | runs; neighbours are paired for paths | ≥ 2 |
/// | `steps` | 20 000 | steps of gradient descent with momentum 0.9 | ≥ 1 |
/// | `lr` | 5e-3 | step size | > 0 |
/// | `gradient` | 1e-8 | a run has converged when ‖∇F‖ is this small | > 0 |
/// | `seed` | 0 | of the data and the first start | |
#[derive(Debug, Clone, PartialEq)]
pub struct DeepLinearStudy {
    /// Widths.
    pub widths: Vec<usize>,
    /// Examples.
    pub examples: usize,
    /// Runs.
    pub starts: usize,
    /// Steps.
    pub steps: u64,
    /// Step size.
    pub lr: f64,
    /// Gradient norm.
    pub gradient: f64,
    /// Seed.
    pub seed: u64,
}

impl Default for DeepLinearStudy {
    fn default() -> Self {
        Self {
            widths: vec![6, 8, 8, 3],
            examples: 100,
            starts: 20,
            steps: 20_000,
            lr: 5e-3,
            gradient: 1e-8,
            seed: 0,
        }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct DeepLinearResult {
    /// How.
    pub study: DeepLinearStudy,
    /// The least risk of any network of this architecture, in closed form: least squares of the narrowest width's rank.
    pub optimum: f64,
    /// Final risk of each start.
    pub risks: Vec<f64>,
    /// Whether its gradient became as small as asked; the others are undecided.
    pub converged: Vec<bool>,
    /// Explicit paths between neighbouring starts, and between their ends; none where a hidden width is too small.
    pub pairs: Vec<Pair>,
}

impl DeepLinearStudy {
    /// For a look in seconds.
    pub fn quick() -> Self {
        Self { starts: 8, steps: 10_000, ..Self::default() }
    }

    /// More starts.
    pub fn full() -> Self {
        Self { starts: 100, ..Self::default() }
    }

    /// Runs the study; `progress` is told the share done, `false` stops it.
    ///
    /// # Errors
    /// When a setting is out of range, `progress` asks to stop, and those of training and connecting.
    pub fn run(&self, progress: Progress<'_>) -> Result<DeepLinearResult> {
        let arch = Arch::dense(Activation::Linear, &self.widths, false)?;
        if self.starts < 2 {
            let (expected, found) = ("at least 2", self.starts.to_string());
            return Err(StudyError::Setting { name: "--starts", expected, found });
        }
        let (d, q, n, seed) = (arch.inputs(), arch.outputs(), self.examples, self.seed);
        let data = collado_data::load(&format!("synthetic:linear?d={d}&q={q}&n={n}&noise=0.5&seed={seed}"))?;
        let Targets::Values(targets) = &data.train.targets else {
            let found = "classes".into();
            return Err(StudyError::Setting { name: "data", expected: "real targets", found });
        };
        let narrowest = self.widths.iter().copied().min().unwrap_or(0);
        let optimum = linear_optimum(&data.train.inputs, targets, narrowest, false)?.risk;
        let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
        let objective = EmpiricalRisk::new(&arch, Examples::new(&data.train.inputs, targets)?, criterion)?
            .with_memory(256 << 20);
        let seeds: Vec<u64> = (0..self.starts as u64).map(|i| seed.wrapping_add(i)).collect();
        let start = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu)?;
        let mut watch = Watch::new(progress, 0., 0.9);
        let runs = train(&objective, &start, &seeds, &self.training(), &mut watch)?.runs;
        if watch.stopped() {
            return Err(StudyError::Interrupted);
        }
        let ends = Tensor::stack(&runs.iter().map(|run| run.theta.clone()).collect::<Vec<_>>(), 0)?;
        Ok(DeepLinearResult {
            study: self.clone(),
            optimum,
            risks: runs.iter().map(|run| run.value.risk).collect(),
            converged: runs.iter().map(|run| run.stop == Stop::Converged).collect(),
            pairs: paths::pairs(&objective, &start, &ends)?,
        })
    }

    fn training(&self) -> TrainSettings {
        TrainSettings {
            epochs: self.steps,
            batch: 0,
            rule: Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0. },
            lr: self.lr,
            until_gradient: Some(self.gradient),
            ..TrainSettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_ends_at_least_squares() {
        // The second has a width below the rank of the fit: reduced-rank regression, and no paths.
        for widths in [vec![4, 6, 5, 3], vec![4, 2, 3]] {
            let study = DeepLinearStudy { starts: 6, examples: 60, widths, ..DeepLinearStudy::default() };
            let found = study.run(&mut |_| true).unwrap();
            assert!(found.converged.iter().all(|c| *c), "{found:?}");
            assert!(found.risks.iter().all(|r| (r - found.optimum).abs() < 1e-10), "{found:?}");
            assert_eq!(found.pairs.len(), if study.widths.len() == 4 { 6 } else { 0 });
            for pair in &found.pairs {
                assert!(pair.excess() <= 1e-10, "{}", pair.excess());
                assert!(!pair.minima || pair.straight > 0.01, "{}", pair.straight);
            }
        }
    }

    #[test]
    fn a_study_can_be_stopped() {
        let mut calls = 0;
        let stopped = DeepLinearStudy::quick().run(&mut |_| {
            calls += 1;
            calls < 3
        });
        assert!(matches!(stopped, Err(StudyError::Interrupted)) && calls == 3);
    }
}
