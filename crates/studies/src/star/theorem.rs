//! Explicit centres of deep linear networks around the width of the theorem.

use candle_core::{DType, Device};
use collado_dynamics::{LinearGoal, LinearStar, linear_optimum};
use collado_models::{Activation, Arch, Init};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Loss, Objective, Path, Progress, Regularizer};
use serde::Serialize;

use super::StarSettings;
use crate::{Result, error::proceed, synthetic::regression};

/// Number of points at which F is looked at on a segment.
const POINTS: usize = 101;
/// Neurons above the width of the theorem.
const MORE: [usize; 2] = [0, 4];

/// The centre of r points of a network with L layers and q outputs.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// The number L of layers.
    pub layers: usize,
    /// The number q of outputs.
    pub outputs: usize,
    /// The number r of points.
    pub points: usize,
    /// The width of all hidden layers.
    pub width: usize,
    /// The width that the theorem asks for.
    pub threshold: usize,
    /// By how much the equations are missed, over the largest right hand side.
    pub residual: f64,
    /// The condition of the equations.
    pub condition: f64,
    /// The norm of the centre over the largest of a point.
    pub length: f64,
    /// The largest rise of F above the higher end of a segment, over F there.
    pub rise: f64,
    /// F at the centre minus the least F in closed form, over that.
    pub above_optimum: f64,
}

/// All cases from the width of the theorem on, less what is missing, and those with one neuron less than it asks for.
pub(super) fn measure(
    settings: &StarSettings,
    progress: &mut dyn Progress,
) -> Result<(Vec<Case>, Vec<Case>)> {
    let (mut from, mut below) = (Vec::new(), Vec::new());
    let all = settings.depths.len() * settings.outputs.len() * settings.points.len();
    for &layers in &settings.depths {
        for &outputs in &settings.outputs {
            for &points in &settings.points {
                let threshold = outputs * (points * (layers - 1) + 1);
                for more in MORE {
                    let width = threshold + more - settings.missing;
                    from.push(case(settings, (layers, outputs, points), width)?);
                }
                below.push(case(settings, (layers, outputs, points), threshold - 1)?);
                proceed(progress.update(below.len() as f64 / all as f64))?;
            }
        }
    }
    Ok((from, below))
}

fn case(
    settings: &StarSettings,
    (layers, outputs, points): (usize, usize, usize),
    width: usize,
) -> Result<Case> {
    let StarSettings { inputs, examples, draws, seed, .. } = *settings;
    let hidden = std::iter::repeat_n(width, layers - 1);
    let widths: Vec<usize> = std::iter::once(inputs).chain(hidden).chain([outputs]).collect();
    let arch = Arch::dense(Activation::Linear, &widths, false)?;
    let spec = format!("synthetic:linear?d={inputs}&q={outputs}&n={examples}&noise=0.5&seed={seed}");
    let (x, y) = regression(&spec)?;
    let optimum = linear_optimum(&x, &y, widths.iter().copied().min().unwrap_or(0), false)?;
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    let objective = EmpiricalRisk::new(&arch, Examples::new(&x, &y)?, criterion)?;
    let seeds: Vec<u64> = (0..points as u64).map(|i| seed.wrapping_add(i)).collect();
    let stack = Init::default().stack(&arch, &seeds, DType::F64, &Device::Cpu)?;
    let ends = (0..points).map(|i| stack.get(i)).collect::<candle_core::Result<Vec<_>>>()?;
    let star = LinearStar { arch, criterion, draws, seed };
    let found = star.best(&ends, LinearGoal::Optimum(&optimum))?;
    let (mut rise, mut at_centre) = (0_f64, f64::NAN);
    for end in &ends {
        let risks = objective.risks(&Path::segment(end, &found.theta)?.span(&ts())?)?;
        at_centre = risks[POINTS - 1];
        let higher = risks[0].max(at_centre);
        // NaN is above every end.
        rise = risks.iter().map(|f| f / higher - 1.).fold(rise, |m, r| if r <= m { m } else { r });
    }
    Ok(Case {
        layers,
        outputs,
        points,
        width,
        threshold: found.threshold,
        residual: found.residual,
        condition: found.condition,
        length: found.length,
        rise,
        above_optimum: at_centre / optimum.risk - 1.,
    })
}

fn ts() -> Vec<f64> {
    (0..POINTS).map(|i| i as f64 / (POINTS - 1) as f64).collect()
}
