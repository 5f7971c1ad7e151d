use candle_core::{DType, Device, Tensor};
use collado_data::{Dataset, Targets};
use collado_dynamics::{
    Connect, Constructive, ConstructiveSettings, Decay, Epoch, Linear, Problem, Result, Rule, Schedule,
    TrainSettings, profile, train,
};
use collado_models::{Activation, Arch, DenseObjective, Init, Loss, Objective, Regularizer, Risk, Span};

/// What is left above two minima of a two-layer ReLU network, for growing widths m (theory §3).
///
/// | Name | Default | Purpose | Range |
/// |---|---|---|---|
/// | `widths` | 4, 8, 16, 32 | m | ≥ 1 |
/// | `pairs` | 10 | pairs of minima for each width | ≥ 1 |
/// | `kappa` | 1e-3 | weight of ‖W_2‖₁ | ≥ 0 |
/// | `steps` | 3000 | steps of Adam to a minimum, all examples in each | ≥ 1 |
/// | `dropped` | half | neurons dropped at each end: half of m, or the search of [`Constructive`] | |
/// | `seed` | 0 | of the first minimum | |
#[derive(Debug, Clone)]
pub struct OverparamGap {
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
        Self { widths: vec![4, 8, 16, 32], pairs: 10, kappa: 1e-3, steps: 3000, search: false, seed: 0 }
    }
}

/// What was found at one width.
#[derive(Debug, Clone, PartialEq)]
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

impl OverparamGap {
    /// Runs the study on the training rows of `data`; `progress` is told after each width (done, in all) and may stop.
    ///
    /// # Errors
    /// When a setting is out of range, and those of training and connecting.
    pub fn run(&self, data: &Dataset, progress: &mut dyn FnMut(usize, usize) -> bool) -> Result<Vec<Gaps>> {
        let mut all = Vec::new();
        for (i, &width) in self.widths.iter().enumerate() {
            all.push(self.width(data, width)?);
            if !progress(i + 1, self.widths.len()) {
                break;
            }
        }
        Ok(all)
    }

    fn width(&self, data: &Dataset, width: usize) -> Result<Gaps> {
        let inputs = data.train.inputs.to_dtype(DType::F64)?;
        let targets = match &data.train.targets {
            Targets::Classes { labels, .. } => Tensor::from_slice(labels, labels.len(), &Device::Cpu)?,
            Targets::Values(values) => values.clone(),
        };
        let arch = Arch::dense(Activation::Relu, &[data.features(), width, data.outputs()], true)?;
        let risk = Risk { loss: Loss::Squared, kappa: self.kappa, regularizer: Regularizer::L1Last };
        let objective = DenseObjective::new(&arch, &inputs, &targets, risk, 256 << 20)?;
        let minima = self.minima(&arch, &objective)?;
        let dropped = (!self.search).then_some(width.div_ceil(2));
        let settings = ConstructiveSettings { dropped, ..ConstructiveSettings::default() };
        let method = Constructive { arch, risk, inputs, targets, settings };
        let (mut gaps, mut straight) = (Vec::new(), Vec::new());
        for ends in minima.chunks_exact(2) {
            let mut problem = Problem { objective: &objective, seed: self.seed, progress: &mut |_, _| true };
            let chain = method.connect(&ends[0], &ends[1], &mut problem)?;
            let risks = objective.risks(&Span::stack(chain.vertices())?)?;
            let higher = risks[0].max(risks[risks.len() - 1]);
            gaps.push(
                risks.iter().fold(higher, |m, r| if r.is_nan() { f64::NAN } else { m.max(*r) }) - higher,
            );
            let line = Linear.connect(&ends[0], &ends[1], &mut problem)?;
            straight.push(profile(&line, 61, &objective, None)?.barrier().above_ends);
        }
        Ok(Gaps { width, gaps, straight })
    }

    /// Both ends of all pairs, trained as one stack.
    fn minima(&self, arch: &Arch, objective: &DenseObjective) -> Result<Vec<Tensor>> {
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
        let training = train(objective, &start, &seeds, &settings, &mut |_: &Epoch<'_>| Ok(()))?;
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
        let data = collado_data::load("synthetic:teacher?d=2&n=100&k=16").unwrap();
        let study = OverparamGap { widths: vec![4, 32], pairs: 2, steps: 800, ..OverparamGap::default() };
        let all = study.run(&data, &mut |_, _| true).unwrap();
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        assert!(mean(&all[1].gaps) < mean(&all[0].gaps), "{all:?}");
        assert!(mean(&all[1].gaps) < mean(&all[1].straight) / 5., "{all:?}");
    }
}
