//! What is left above two minima of a two-layer ReLU network of width m: ε(m) shrinks at least as fast as $m^{-1/n}$ for
//! n inputs (Freeman & Bruna 2017, "Topology and geometry of half-rectified network optimization", theorem 2.4; theory
//! §3).

mod exponent;
mod picture;
mod report;

use candle_core::{DType, Device, Tensor};
#[cfg(feature = "clap")]
use collado_data::range::{count_from_one, not_negative, whole};
use collado_dynamics::{
    Connect, Constructive, ConstructiveSettings, Decay, Linear, Rule, Schedule, Search, TrainSettings, train,
};
use collado_models::{Activation, Arch, Init};
use collado_risk::{
    Criterion, EmpiricalRisk, Examples, Loss, Objective, Progress, Regularizer, Span, profile,
};
use serde::{Deserialize, Serialize};

pub use self::exponent::{Exponent, gap_exponent};
use crate::{
    CellCache, Claim, Report, Result, Study, error::refuse, synthetic::regression,
    training::TrainingProgress, widths::ascending,
};

/// Settings of [`overparam_gap`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct OverparamGapSettings {
    /// Number n of inputs.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().inputs, value_parser = whole::<usize>(1..=100_000),
    ))]
    pub inputs: usize,
    /// Widths m of the hidden layer.
    #[cfg_attr(feature = "clap", arg(
        long, value_delimiter = ',', default_values_t = Self::default().widths,
        value_parser = whole::<usize>(1..=1_000_000),
    ))]
    pub widths: Vec<usize>,
    /// Number of pairs of minima for each width.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().pairs, value_parser = whole::<usize>(1..=1_000_000),
    ))]
    pub pairs: usize,
    /// Number of examples.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().examples, value_parser = whole::<usize>(1..=100_000_000),
    ))]
    pub examples: usize,
    /// Weight of the output weights' absolute values.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().kappa, value_parser = not_negative,
    ))]
    pub kappa: f64,
    /// Number of steps of Adam to a minimum.
    #[cfg_attr(feature = "clap", arg(
        long, default_value_t = Self::default().steps, value_parser = count_from_one::<u64>(),
    ))]
    pub steps: u64,
    /// Search for the best number of neurons to drop, instead of dropping half of them.
    #[cfg_attr(feature = "clap", arg(long))]
    pub search: bool,
    /// Seed of the data and of the first minimum.
    #[cfg_attr(feature = "clap", arg(skip))]
    pub seed: u64,
}

impl Default for OverparamGapSettings {
    fn default() -> Self {
        Self {
            inputs: 2,
            widths: vec![3, 4, 6, 8, 16, 32],
            pairs: 10,
            examples: 400,
            kappa: 1e-3,
            steps: 3000,
            search: false,
            seed: 0,
        }
    }
}

impl Study for OverparamGapSettings {
    const NAME: &'static str = "overparam-gap";
    const CLAIM: Claim = report::CLAIM;

    fn quick() -> Self {
        Self { widths: vec![3, 4, 6, 8, 16], pairs: 6, steps: 1500, ..Self::default() }
    }

    fn full() -> Self {
        Self { widths: vec![3, 4, 6, 8, 12, 16, 32, 64, 128], pairs: 20, ..Self::default() }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn report(&self, cells: &CellCache, progress: &mut dyn Progress) -> Result<Report> {
        Ok(Report::from(&overparam_gap(self, cells, progress)?))
    }
}

/// What was found at one width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    /// The width m.
    pub width: usize,
    /// ε of each pair: the largest risk at a vertex of the chain, on whose legs F is convex, above the higher end.
    pub gaps: Vec<f64>,
    /// The straight line's barrier above the ends, sampled at 61 points.
    pub straight: Vec<f64>,
}

/// Everything that [`overparam_gap`] measures.
#[derive(Debug, Clone, PartialEq)]
pub struct OverparamGap {
    /// The settings it was measured with.
    pub settings: OverparamGapSettings,
    /// What was found at each width, ascending.
    pub widths: Vec<Gaps>,
}

/// Trains pairs of minima on `synthetic:teacher` with 16 teachers at every width, and connects them by the path of
/// [`Constructive`] and by the straight line. Finished widths are kept in `cells`.
///
/// # Errors
/// When a setting is out of range, `progress` stops the study, a cell cannot be kept, or training or connecting fails.
pub fn overparam_gap(
    settings: &OverparamGapSettings,
    cells: &CellCache,
    progress: &mut dyn Progress,
) -> Result<OverparamGap> {
    if settings.widths.is_empty() || settings.pairs == 0 {
        let found = format!("{} widths, {} pairs", settings.widths.len(), settings.pairs);
        return refuse("widths, pairs", "at least one each", found);
    }
    let OverparamGapSettings { inputs, examples, seed, .. } = settings;
    let (inputs, targets) =
        regression(&format!("synthetic:teacher?d={inputs}&n={examples}&k=16&seed={seed}"))?;
    let widths = ascending(&settings.widths);
    let all = widths.iter().map(|&m| m as f64 + 8.).sum::<f64>();
    let (mut done, mut found) = (0., Vec::new());
    for width in widths {
        let share = (width as f64 + 8.) / all;
        let mut training = TrainingProgress::new(progress, done, done + share);
        let measure = || gaps(settings, &inputs, &targets, width, &mut training);
        found.push(cells.get(settings, &format!("m{width}"), measure)?);
        done += share;
    }
    Ok(OverparamGap { settings: settings.clone(), widths: found })
}

/// Trains and connects all pairs of one width.
fn gaps(
    settings: &OverparamGapSettings,
    inputs: &Tensor,
    targets: &Tensor,
    width: usize,
    progress: &mut TrainingProgress<'_>,
) -> Result<Gaps> {
    let inputs = inputs.to_dtype(DType::F64)?;
    let arch = Arch::dense(Activation::Relu, &[settings.inputs, width, targets.dims2()?.1], true)?;
    let criterion =
        Criterion { loss: Loss::Squared, kappa: settings.kappa, regularizer: Regularizer::L1Last };
    let objective =
        EmpiricalRisk::new(&arch, Examples::new(&inputs, targets)?, criterion)?.with_memory(256 << 20);
    let minima = minima(settings, &arch, &objective, progress)?;
    let dropped = (!settings.search).then_some(width.div_ceil(2));
    let constructive = ConstructiveSettings { dropped, ..ConstructiveSettings::default() };
    let method = Constructive { risk: objective.clone(), settings: constructive };
    let (mut gaps, mut straight) = (Vec::new(), Vec::new());
    for ends in minima.chunks_exact(2) {
        let mut search = Search { objective: &objective, seed: settings.seed, progress: &mut () };
        let chain = method.find(&ends[0], &ends[1], &mut search)?.path;
        let risks = objective.risks(&Span::stack(chain.vertices())?)?;
        let higher = risks[0].max(risks[risks.len() - 1]);
        gaps.push(risks.iter().fold(higher, |m, r| if r.is_nan() { f64::NAN } else { m.max(*r) }) - higher);
        let line = Linear.find(&ends[0], &ends[1], &mut search)?.path;
        straight.push(profile(&line, 61, &objective, None)?.barrier().above_ends);
    }
    Ok(Gaps { width, gaps, straight })
}

/// Both ends of all pairs, trained as one stack.
fn minima(
    settings: &OverparamGapSettings,
    arch: &Arch,
    objective: &EmpiricalRisk,
    progress: &mut TrainingProgress<'_>,
) -> Result<Vec<Tensor>> {
    let seeds: Vec<u64> = (0..2 * settings.pairs as u64).map(|i| settings.seed.wrapping_add(i)).collect();
    let start = Init::default().stack(arch, &seeds, DType::F64, &Device::Cpu)?;
    let training = TrainSettings {
        epochs: settings.steps,
        batch: 0,
        rule: Rule::Adam { weight_decay: 0., decoupled: false },
        lr: 1e-2,
        schedule: Schedule { decay: Decay::Cosine, warmup: 0 },
        ..TrainSettings::default()
    };
    let training = train(objective, &start, &seeds, &training, progress)?;
    progress.finish()?;
    Ok(training.runs.into_iter().map(|run| run.theta).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    /// The constructive path supports the claim; the straight line, taken for it, contradicts it.
    #[test]
    fn wider_networks_leave_less_and_straight_lines_do_not() {
        let settings = OverparamGapSettings {
            widths: vec![32, 3, 8, 4],
            examples: 100,
            pairs: 8,
            steps: 800,
            ..OverparamGapSettings::default()
        };
        let mut found = overparam_gap(&settings, &CellCache::none(), &mut ()).unwrap();
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (narrow, wide) = (&found.widths[0], &found.widths[3]);
        assert!(mean(&wide.gaps) < mean(&narrow.gaps) && mean(&wide.gaps) < mean(&wide.straight) / 5.);
        assert_eq!(Report::from(&found).verdict, Verdict::Supported, "{found:?}");
        found.widths.iter_mut().for_each(|at| at.gaps.clone_from(&at.straight));
        let report = Report::from(&found);
        assert_eq!(report.verdict, Verdict::Contradicted, "{:?}", report.conditions);
        // Two widths give no exponent.
        found.widths.truncate(2);
        let report = Report::from(&found);
        assert_eq!(report.verdict, Verdict::Inconclusive);
        assert!(report.conditions[0].found.contains("at 2 widths"), "{:?}", report.conditions);
    }

    /// Zeros at wide networks speak for the claim: what is left above zero must not contradict it.
    #[test]
    fn zeros_are_no_contradiction() {
        let at = |width: usize, gaps: Vec<f64>| Gaps { width, straight: gaps.clone(), gaps };
        let widths = vec![
            at(4, vec![0.1, 0.1001, 0.0999]),
            at(8, vec![0.1, 0.1002, 0.0998]),
            at(16, vec![0.1, 0., 0., 0., 0., 0.]),
        ];
        let found = OverparamGap { settings: OverparamGapSettings::default(), widths };
        assert!(found.exponent().unwrap().interval[0] > found.bound());
        assert_eq!(Report::from(&found).verdict, Verdict::Inconclusive);
    }
}
