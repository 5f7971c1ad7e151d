//! The critical points of a small network, to be drawn beside those of the spin glass.

use candle_core::{DType, Device};
use collado_landscape::{CriticalPoint, CriticalSearch, CriticalSettings, Goal, SemicircleLaw, Termination};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Part, Progress, Regularizer};
use serde::Serialize;

use crate::{Result, synthetic::regression};

/// Widths of the layers of the network.
const WIDTHS: [usize; 3] = [4, 6, 1];
/// Examples, drawn from a teacher with noise.
const EXAMPLES: usize = 40;
/// Weight of the regulariser: with it, no direction is flat.
const KAPPA: f64 = 0.01;
/// Number of searches that share a stack.
const CHUNK: u64 = 16;

/// Critical points of a small tanh network, to lay beside the spin glass's.
#[derive(Debug, Clone, Default)]
pub struct NetworkScatter {
    /// The critical points, each once up to symmetry.
    pub points: Vec<NetworkPoint>,
    /// Number of searches.
    pub searches: u64,
    /// The semicircle law with centre and width fitted to the points, where they allow a fit.
    pub law: Option<SemicircleLaw>,
}

/// A critical point of the network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NetworkPoint {
    /// The risk F.
    pub risk: f64,
    /// Number of negative eigenvalues over the number of parameters.
    pub index_fraction: f64,
    /// The norm $\|\nabla F\|$ of the gradient.
    pub gradient_norm: f64,
    /// Whether it was found by lowering F.
    pub by_descent: bool,
}

/// Searches from `starts` random points for critical points of any index, and from a fifth as many for minima.
pub(super) fn scatter(starts: u64, seed: u64, progress: &mut dyn Progress) -> Result<NetworkScatter> {
    let arch = Arch::dense(Activation::Tanh, &WIDTHS, true)?;
    let search = critical_search(&arch, seed)?;
    let searches = starts + starts / 5;
    let mut points: Vec<(CriticalPoint, bool)> = Vec::new();
    let mut done = 0;
    while done < searches {
        let goal = if done < starts { Goal::Gradient } else { Goal::Risk };
        let end = (done + CHUNK).min(if done < starts { starts } else { searches });
        let seeds: Vec<u64> = (done..end).map(|i| seed.wrapping_add(i)).collect();
        let theta = Init::Normal { sigma: 1.5 }.stack(&arch, &seeds, DType::F64, &Device::Cpu)?;
        let settings = CriticalSettings { goal, ..CriticalSettings::default() };
        let mut part = Part::new(progress, done as f64 / searches as f64, end as f64 / searches as f64);
        let ends = search.search(&theta, &settings, &mut part)?;
        for end in ends.iter().filter(|end| end.ended == Termination::Critical) {
            points.push((search.examine(&end.theta)?, goal == Goal::Risk));
        }
        done = end;
    }
    Ok(gather(&search, &points, searches))
}

fn critical_search(arch: &Arch, seed: u64) -> Result<CriticalSearch> {
    let (inputs, targets) =
        regression(&format!("synthetic:teacher?d={}&n={EXAMPLES}&noise=0.5&seed={seed}", WIDTHS[0]))?;
    let criterion = Criterion { loss: Loss::Squared, kappa: KAPPA, regularizer: Regularizer::L2 };
    let risk = EmpiricalRisk::new(arch, Examples::new(&inputs, &targets)?, criterion)?.with_memory(64 << 20);
    Ok(CriticalSearch::new(&risk)?)
}

/// Each point once; degenerate ones have eigenvalues without a sign and are left out.
fn gather(search: &CriticalSearch, points: &[(CriticalPoint, bool)], searches: u64) -> NetworkScatter {
    let (all, by_descent): (Vec<CriticalPoint>, Vec<bool>) = points.iter().cloned().unzip();
    let first = search.distinct(&all);
    let kept = (0..all.len()).filter(|&i| first[i] == i && !all[i].is_degenerate());
    let point = |i: usize| NetworkPoint {
        risk: all[i].risk,
        index_fraction: all[i].index_fraction(),
        gradient_norm: all[i].gradient_norm,
        by_descent: by_descent[i],
    };
    let points: Vec<NetworkPoint> = kept.map(point).collect();
    let (risks, fractions): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.risk, p.index_fraction)).unzip();
    NetworkScatter { law: SemicircleLaw::fit(&risks, &fractions), points, searches }
}

impl NetworkScatter {
    /// The network and its data in words.
    pub(super) fn title() -> String {
        format!(
            "tanh:{}-{}-{} on {EXAMPLES} examples of a noisy teacher, κ = {KAPPA}",
            WIDTHS[0], WIDTHS[1], WIDTHS[2]
        )
    }
}
