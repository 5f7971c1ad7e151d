//! Two-layer ReLU networks (theory §3): what is left above two minima shrinks with the width.

mod picture;
mod report;

use candle_core::{DType, Device, Tensor};
use collado_data::Targets;
use collado_dynamics::{
    Connect, Constructive, ConstructiveSettings, Decay, Linear, Rule, Schedule, Search, TrainSettings, train,
};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Regularizer, Span, profile};
use serde::{Deserialize, Serialize};

pub use self::report::CLAIM;
use crate::{
    CellCache, Result, StudyError,
    watch::{Progress, Watch},
};

/// What is left above two minima of a two-layer ReLU network, for growing widths m (theory §3).
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `inputs` | 2 | n, of `synthetic:teacher` with 16 teachers | ≥ 1 |
/// | `examples` | 400 | of it | ≥ 1 |
/// | `widths` | 4, 8, 16, 32 | m | ≥ 1 |
/// | `pairs` | 10 | pairs of minima for each width | ≥ 1 |
/// | `kappa` | 1e-3 | weight of ‖W_2‖₁ | ≥ 0 |
/// | `steps` | 3000 | steps of Adam to a minimum, all examples in each | ≥ 1 |
/// | `dropped` | half | neurons dropped at each end: half of m, or the search of [`Constructive`] | |
/// | `seed` | 0 | of the first minimum | |
#[derive(Debug, Clone, PartialEq)]
pub struct OverparamGap {
    /// n.
    pub inputs: usize,
    /// Examples.
    pub examples: usize,
    /// m.
    pub widths: Vec<usize>,
    /// Pairs.
    pub pairs: usize,
    /// κ.
    pub kappa: f64,
    /// Steps.
    pub steps: u64,
    /// Whether l is searched for, instead of m/2.
    pub search: bool,
    /// Seed.
    pub seed: u64,
}

impl Default for OverparamGap {
    fn default() -> Self {
        Self {
            inputs: 2,
            examples: 400,
            widths: vec![4, 8, 16, 32],
            pairs: 10,
            kappa: 1e-3,
            steps: 3000,
            search: false,
            seed: 0,
        }
    }
}

/// What was found at one width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gaps {
    /// m.
    pub width: usize,
    /// ε of each pair: the largest risk at a vertex of the chain, on whose legs F is convex, above the higher end.
    pub gaps: Vec<f64>,
    /// The straight line's barrier above the ends, sampled at 61 points.
    pub straight: Vec<f64>,
}

/// A straight line through (log m, log ε) by least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponent {
    /// The slope.
    pub slope: f64,
    /// 95 % confidence interval: ± 1.96 standard errors.
    pub interval: [f64; 2],
    /// Pairs with ε > 0, which it rests on.
    pub points: usize,
    /// Pairs with ε = 0, which have no logarithm and are left out (censored).
    pub zeros: usize,
}

/// Everything measured.
#[derive(Debug, Clone, PartialEq)]
pub struct OverparamGapResult {
    /// How.
    pub study: OverparamGap,
    /// For each width.
    pub widths: Vec<Gaps>,
}

impl OverparamGap {
    /// For a look in seconds.
    pub fn quick() -> Self {
        Self { pairs: 6, steps: 2000, ..Self::default() }
    }

    /// More pairs, up to 128 neurons.
    pub fn full() -> Self {
        Self { widths: vec![4, 8, 16, 32, 64, 128], pairs: 20, ..Self::default() }
    }

    /// Runs the study; finished widths are kept in `cells`. `progress` is told the share done, `false` stops it.
    ///
    /// # Errors
    /// When a setting is out of range, `progress` asks to stop, a cell cannot be kept, and those of training and connecting.
    pub fn run(&self, cells: &CellCache, progress: Progress<'_>) -> Result<OverparamGapResult> {
        if self.widths.is_empty() || self.pairs == 0 {
            let found = format!("{} widths, {} pairs", self.widths.len(), self.pairs);
            return Err(StudyError::Setting {
                name: "--widths, --pairs",
                expected: "at least one each",
                found,
            });
        }
        let Self { inputs, examples, seed, .. } = self;
        let data =
            collado_data::load(&format!("synthetic:teacher?d={inputs}&n={examples}&k=16&seed={seed}"))?;
        let Targets::Values(targets) = &data.train.targets else {
            let found = "classes".into();
            return Err(StudyError::Setting { name: "data", expected: "real targets", found });
        };
        let mut widths = self.widths.clone();
        widths.sort_unstable();
        widths.dedup();
        let all = widths.iter().map(|&m| m as f64 + 8.).sum::<f64>();
        let (mut done, mut found) = (0., Vec::new());
        for width in widths {
            let share = (width as f64 + 8.) / all;
            let mut watch = Watch::new(progress, done, done + share);
            let measure = || self.width(&data.train.inputs, targets, width, &mut watch);
            found.push(cells.get(self, &format!("m{width}"), measure)?);
            done += share;
        }
        Ok(OverparamGapResult { study: self.clone(), widths: found })
    }

    fn width(
        &self,
        inputs: &Tensor,
        targets: &Tensor,
        width: usize,
        watch: &mut Watch<'_, '_>,
    ) -> Result<Gaps> {
        let inputs = inputs.to_dtype(DType::F64)?;
        let arch = Arch::dense(Activation::Relu, &[self.inputs, width, targets.dims2()?.1], true)?;
        let criterion =
            Criterion { loss: Loss::Squared, kappa: self.kappa, regularizer: Regularizer::L1Last };
        let objective =
            EmpiricalRisk::new(&arch, Examples::new(&inputs, targets)?, criterion)?.with_memory(256 << 20);
        let minima = self.minima(&arch, &objective, watch)?;
        let dropped = (!self.search).then_some(width.div_ceil(2));
        let settings = ConstructiveSettings { dropped, ..ConstructiveSettings::default() };
        let method = Constructive { risk: objective.clone(), settings };
        let (mut gaps, mut straight) = (Vec::new(), Vec::new());
        for ends in minima.chunks_exact(2) {
            let mut search = Search { objective: &objective, seed: self.seed, progress: &mut |_, _| true };
            let chain = method.find(&ends[0], &ends[1], &mut search)?.path;
            let risks = objective.risks(&Span::stack(chain.vertices())?)?;
            let higher = risks[0].max(risks[risks.len() - 1]);
            gaps.push(
                risks.iter().fold(higher, |m, r| if r.is_nan() { f64::NAN } else { m.max(*r) }) - higher,
            );
            let line = Linear.find(&ends[0], &ends[1], &mut search)?.path;
            straight.push(profile(&line, 61, &objective, None)?.barrier().above_ends);
        }
        Ok(Gaps { width, gaps, straight })
    }

    /// Both ends of all pairs, trained as one stack.
    fn minima(
        &self,
        arch: &Arch,
        objective: &EmpiricalRisk,
        watch: &mut Watch<'_, '_>,
    ) -> Result<Vec<Tensor>> {
        let seeds: Vec<u64> = (0..2 * self.pairs as u64).map(|i| self.seed.wrapping_add(i)).collect();
        let start = Init::default().stack(arch, &seeds, DType::F64, &Device::Cpu)?;
        let settings = TrainSettings {
            epochs: self.steps,
            batch: 0,
            rule: Rule::Adam { weight_decay: 0., decoupled: false },
            lr: 1e-2,
            schedule: Schedule { decay: Decay::Cosine, warmup: 0 },
            ..TrainSettings::default()
        };
        let training = train(objective, &start, &seeds, &settings, watch)?;
        if watch.stopped() {
            return Err(StudyError::Interrupted);
        }
        Ok(training.runs.into_iter().map(|run| run.theta).collect())
    }
}

/// The exponent of ε in m over all pairs with ε > `zero`; nothing when they lie at fewer than two widths or are fewer
/// than three. The theorem's −1/n bounds ε from above: a steeper slope is consistent with it.
pub fn gap_exponent(all: &[Gaps], zero: f64) -> Option<Exponent> {
    let points: Vec<(f64, f64)> = all
        .iter()
        .flat_map(|at| at.gaps.iter().filter(|g| **g > zero).map(|g| ((at.width as f64).ln(), g.ln())))
        .collect();
    let n = points.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let square: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    // NaN when there is no point.
    if points.len() < 3 || square <= 1e-12 {
        return None;
    }
    let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / square;
    let residual: f64 = points.iter().map(|p| (p.1 - y - slope * (p.0 - x)).powi(2)).sum();
    let half = 1.96 * (residual / (n - 2.) / square).sqrt();
    let zeros = all.iter().map(|at| at.gaps.len()).sum::<usize>() - points.len();
    Some(Exponent { slope, interval: [slope - half, slope + half], points: points.len(), zeros })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_power_law_is_found() {
        let at = |width: usize| Gaps {
            width,
            gaps: vec![3. / (width * width) as f64, 3. / (width * width) as f64, 0.],
            straight: vec![],
        };
        let found = gap_exponent(&[at(4), at(8), at(16)], 0.).unwrap();
        assert!(
            (found.slope + 2.).abs() < 1e-12 && found.interval[1] - found.interval[0] < 1e-6,
            "{found:?}"
        );
        assert_eq!((found.points, found.zeros), (6, 3));
        assert!(gap_exponent(&[at(4)], 0.).is_none());
    }

    #[test]
    fn wider_networks_leave_less() {
        let study = OverparamGap {
            widths: vec![32, 4],
            examples: 100,
            pairs: 2,
            steps: 800,
            ..OverparamGap::default()
        };
        let all = study.run(&CellCache::none(), &mut |_| true).unwrap().widths;
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        assert!(mean(&all[1].gaps) < mean(&all[0].gaps), "{all:?}");
        assert!(mean(&all[1].gaps) < mean(&all[1].straight) / 5., "{all:?}");
    }
}
