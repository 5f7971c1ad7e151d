//! Deep linear networks: every local minimum is global (Kawaguchi 2016, "Deep learning without poor local minima"), and any two
//! points are connected by an explicit path at the height of the higher one (Freeman & Bruna 2017, "Topology and geometry of
//! half-rectified network optimization", proposition 2.2; docs/theory.md §2).

mod paths;
mod picture;
mod report;

use candle_core::{DType, Device, Tensor};
#[cfg(feature = "clap")]
use collado_data::range::{count_from_one, positive, whole};
use collado_dynamics::{Rule, Stop, TrainSettings, linear_optimum, train};
use collado_models::{Activation, Arch, ArchSpec, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Progress, Regularizer, Span};
use serde::{Serialize, Serializer};

pub use self::paths::Pair;
use crate::{
    CellCache, Claim, Report, Result, Study, error::refuse, synthetic::regression, training::TrainingProgress,
};

/// Settings of [`deep_linear`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct DeepLinearSettings {
    /// Network without biases.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().arch))]
    #[serde(rename = "widths", serialize_with = "widths")]
    pub arch: ArchSpec,
    /// Number of examples.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().examples, value_parser = whole::<usize>(1..=100_000_000),
    ))]
    pub examples: usize,
    /// Number of starts of gradient descent, of which neighbours are connected.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().starts, value_parser = whole::<usize>(2..=1_000_000),
    ))]
    pub starts: usize,
    /// Number of steps of gradient descent.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().steps, value_parser = count_from_one::<u64>(),
    ))]
    pub steps: u64,
    /// Step size of gradient descent.
    #[cfg_attr(feature = "clap", arg(long, default_value_t = Self::default().lr, value_parser = positive))]
    pub lr: f64,
    /// A run has converged when the norm of its gradient is this small.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub gradient: f64,
    /// Seed of the data and of the first start.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for DeepLinearSettings {
    fn default() -> Self {
        Self {
            arch: "linear:6-8-8-3".parse().expect("this is how networks are written"),
            examples: 100,
            starts: 20,
            steps: 20_000,
            lr: 5e-3,
            gradient: 1e-8,
            seed: 0,
        }
    }
}

/// Results name the widths of the network.
fn widths<S: Serializer>(arch: &ArchSpec, to: S) -> std::result::Result<S::Ok, S::Error> {
    arch.with_ends(1, 1).widths().serialize(to)
}

impl Study for DeepLinearSettings {
    const NAME: &'static str = "deep-linear";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { starts: 8, steps: 10_000, ..Self::default() }
    }

    fn full() -> Self {
        Self { starts: 100, ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, _: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&deep_linear(self, progress)?))
    }
}

impl DeepLinearSettings {
    /// The network, when it is one of the theorem's.
    fn network(&self) -> Result<Arch> {
        let arch = self.arch.with_ends(1, 1);
        if arch.activation() != Activation::Linear || arch.has_bias(0) {
            return refuse("arch", "linear:… without biases", &self.arch);
        }
        Ok(arch)
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

/// Everything that [`deep_linear`] measures.
#[derive(Debug, Clone)]
pub struct DeepLinear {
    /// The settings it was measured with.
    pub settings: DeepLinearSettings,
    /// The least risk of any network of this architecture, in closed form: least squares of the narrowest width's rank.
    pub optimum: f64,
    /// The final risk of each start.
    pub risks: Vec<f64>,
    /// The risk of the network whose parameters are all 0, in which heights are measured.
    pub zero_risk: f64,
    /// Whether the gradient of each start became as small as asked; the others decide nothing.
    pub converged: Vec<bool>,
    /// Whether each start left the finite numbers or ended above where it began.
    pub diverged: Vec<bool>,
    /// Explicit paths between neighbouring starts, and between their ends; none where a hidden width is too small.
    pub pairs: Vec<Pair>,
}

/// Trains from random starts on `synthetic:linear` with noise ½, and connects neighbouring starts and ends by the path of
/// [`collado_dynamics::DeepLinear`] and by the straight line.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, or training or connecting fails.
pub fn deep_linear(settings: &DeepLinearSettings, progress: &mut dyn Progress) -> Result<DeepLinear> {
    if settings.starts < 2 {
        return refuse("starts", "at least 2", settings.starts);
    }
    measure(settings, &settings.network()?, progress)
}

/// The same for any network of dense layers.
fn measure(settings: &DeepLinearSettings, arch: &Arch, progress: &mut dyn Progress) -> Result<DeepLinear> {
    let (d, q, n, seed) = (arch.inputs(), arch.outputs(), settings.examples, settings.seed);
    let (inputs, targets) = regression(&format!("synthetic:linear?d={d}&q={q}&n={n}&noise=0.5&seed={seed}"))?;
    let narrowest = arch.widths().iter().copied().min().unwrap_or(0);
    let optimum = linear_optimum(&inputs, &targets, narrowest, false)?.risk;
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    let objective =
        EmpiricalRisk::new(arch, Examples::new(&inputs, &targets)?, criterion)?.with_memory(256 << 20);
    let seeds: Vec<u64> = (0..settings.starts as u64).map(|i| seed.wrapping_add(i)).collect();
    let start = Init::default().stack(arch, &seeds, DType::F64, &Device::Cpu)?;
    let mut training = TrainingProgress::new(progress, 0., 0.9);
    let runs = train(&objective, &start, &seeds, &settings.training(), &mut training)?.runs;
    training.finish()?;
    let ends = Tensor::stack(&runs.iter().map(|run| run.theta.clone()).collect::<Vec<_>>(), 0)?;
    let diverged: Vec<bool> = runs.iter().map(|run| run.stop == Stop::Diverged).collect();
    let zero = Tensor::zeros((1, arch.layout().len()), DType::F64, &Device::Cpu)?;
    Ok(DeepLinear {
        settings: settings.clone(),
        optimum,
        zero_risk: objective.risks(&Span::stack(&zero)?)?[0],
        risks: runs.iter().map(|run| run.value.risk).collect(),
        converged: runs.iter().map(|run| run.stop == Stop::Converged).collect(),
        pairs: paths::pairs(&objective, &start, &ends, &diverged)?,
        diverged,
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::{StudyError, Verdict};

    #[test]
    fn every_start_ends_at_least_squares() {
        // The second has a width below the rank of the fit: reduced-rank regression, and no paths.
        for (arch, pairs) in [("linear:4-6-5-3", 6), ("linear:4-2-3", 0)] {
            let arch = arch.parse().unwrap();
            let settings =
                DeepLinearSettings { starts: 6, examples: 60, arch, ..DeepLinearSettings::default() };
            let found = deep_linear(&settings, &mut ()).unwrap();
            assert!(found.converged.iter().all(|c| *c), "{found:?}");
            assert!(found.risks.iter().all(|r| (r - found.optimum).abs() < 1e-10), "{found:?}");
            let verdict = if pairs > 0 { Verdict::Supported } else { Verdict::Inconclusive };
            assert_eq!(Report::from(&found).verdict, verdict);
            assert_eq!(found.pairs.len(), pairs);
            for pair in &found.pairs {
                assert!(pair.excess(1e-6) <= 1e-10, "{}", pair.excess(1e-6));
                assert!(!pair.minima || pair.straight > 0.01, "{}", pair.straight);
            }
        }
    }

    #[test]
    fn a_study_can_be_stopped() {
        let mut calls = 0;
        let mut stop = |_: f64| {
            calls += 1;
            if calls < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let stopped = deep_linear(&DeepLinearSettings::quick(), &mut stop);
        assert!(matches!(stopped, Err(StudyError::Interrupted)) && calls == 3);
    }

    fn small() -> DeepLinearSettings {
        let arch = "linear:3-5-5-2".parse().unwrap();
        DeepLinearSettings { starts: 4, examples: 40, arch, ..DeepLinearSettings::default() }
    }

    /// One ReLU neuron fits the examples on one side of 0 only: its two minima are not global.
    #[test]
    fn an_activation_contradicts_the_claim() {
        let settings = DeepLinearSettings { starts: 8, ..small() };
        let arch = Arch::dense(Activation::Relu, &[1, 1, 1], false).unwrap();
        let found = measure(&settings, &arch, &mut ()).unwrap();
        assert!(found.bad() >= 4, "{found:?}");
        assert_eq!(Report::from(&found).verdict, Verdict::Contradicted);
    }

    /// Where the straight line is taken for the path, the path rises.
    #[test]
    fn a_path_that_rises_contradicts_the_claim() {
        let mut found = deep_linear(&small(), &mut ()).unwrap();
        assert_eq!(Report::from(&found).verdict, Verdict::Supported);
        found.pairs.iter_mut().for_each(|pair| pair.path.clone_from(&pair.line));
        assert_eq!(Report::from(&found).verdict, Verdict::Contradicted);
    }

    /// Too long steps leave the finite numbers: no path, no error, no verdict.
    #[test]
    fn divergence_is_said_and_decides_nothing() {
        let settings = DeepLinearSettings { lr: 1., ..small() };
        let found = deep_linear(&settings, &mut ()).unwrap();
        assert!(found.diverged.iter().all(|d| *d) && found.pairs.iter().all(|pair| !pair.minima));
        let report = Report::from(&found);
        assert_eq!(report.verdict, Verdict::Inconclusive);
        assert!(report.decisive().any(|c| c.found.contains("4 diverged")), "{:?}", report.conditions);
    }

    /// Fewer examples than inputs are fitted exactly; the optimum is then 0 up to rounding.
    #[test]
    fn an_optimum_of_zero_is_no_contradiction() {
        let found = deep_linear(&DeepLinearSettings { examples: 2, ..small() }, &mut ()).unwrap();
        assert!(found.optimum < 1e-20 && Report::from(&found).verdict == Verdict::Supported, "{found:?}");
    }
}
