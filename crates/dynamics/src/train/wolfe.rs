//! A line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6), with the safeguards
//! and constants of PyTorch's.

use candle_core::Tensor;

use crate::Result;

/// The least decrease of the risk, as a share of the decrease that the slope at the start predicts.
const ENOUGH: f64 = 1e-4;
/// The largest slope at the end, as a share of the slope at the start.
const FLAT: f64 = 0.9;
/// Brackets shorter than this, in the largest parameter, are not cut further.
const SHORT: f64 = 1e-9;
const TRIALS: usize = 25;

/// The risk and its slope at the parameter t along a direction.
#[derive(Clone)]
pub(super) struct Trial {
    pub(super) t: f64,
    pub(super) risk: f64,
    /// The derivative of the risk with respect to t.
    pub(super) slope: f64,
    /// The gradient at that point.
    pub(super) grad: Tensor,
}

/// A point along a direction of descent whose largest entry is `size`, from t = `first` on, where the risk has fallen
/// enough and is flat enough; the lowest point seen where none is found in [`TRIALS`].
pub(super) fn strong_wolfe(
    start: Trial,
    first: f64,
    size: f64,
    evaluate: &mut dyn FnMut(f64) -> Result<Trial>,
) -> Result<Trial> {
    let high = |x: &Trial| x.risk.is_nan() || x.risk > start.risk + ENOUGH * x.t * start.slope;
    let flat = |x: &Trial| x.slope.abs() <= -FLAT * start.slope;
    let mut trials = 1;
    let (mut before, mut here) = (start.clone(), evaluate(first)?);
    // Forwards, until a minimum lies between the last two points.
    while !(high(&here) || here.slope >= 0. || (trials > 1 && here.risk >= before.risk)) {
        if flat(&here) || trials == TRIALS {
            return Ok(here);
        }
        let t = cubic(&before, &here, (here.t + 0.01 * (here.t - before.t), 10. * here.t));
        before = std::mem::replace(&mut here, evaluate(t)?);
        trials += 1;
    }
    if !high(&here) && flat(&here) {
        return Ok(here);
    }
    let (mut low, mut top) = if here.risk < before.risk { (here, before) } else { (before, here) };
    let mut stuck = false;
    while trials < TRIALS && (top.t - low.t).abs() * size >= SHORT {
        let t = inside(cubic(&low, &top, ordered(low.t, top.t)), ordered(low.t, top.t), &mut stuck);
        let trial = evaluate(t)?;
        trials += 1;
        if high(&trial) || trial.risk >= low.risk {
            top = trial;
            if top.risk < low.risk {
                std::mem::swap(&mut low, &mut top);
            }
            continue;
        }
        if flat(&trial) {
            return Ok(trial);
        }
        if trial.slope * (top.t - low.t) >= 0. {
            top = low;
        }
        low = trial;
    }
    Ok(low)
}

/// Returns `t` if it is a tenth of the bracket away from both ends. The first `t` inside that is closer is accepted; the
/// next one is moved to that distance.
fn inside(t: f64, (min, max): (f64, f64), stuck: &mut bool) -> f64 {
    let margin = 0.1 * (max - min);
    if (max - t).min(t - min) >= margin {
        *stuck = false;
        return t;
    }
    if !*stuck && min < t && t < max {
        *stuck = true;
        return t;
    }
    *stuck = false;
    if (t - max).abs() < (t - min).abs() { max - margin } else { min + margin }
}

fn ordered(a: f64, b: f64) -> (f64, f64) {
    (a.min(b), a.max(b))
}

/// The minimum, inside the bounds, of the cubic with both points' risks and slopes, or the middle of the bounds where
/// the cubic has no minimum.
fn cubic(a: &Trial, b: &Trial, (min, max): (f64, f64)) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3. * (a.risk - b.risk) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    let t = b.t - (b.t - a.t) * ((b.slope + square.sqrt() - d1) / (b.slope - a.slope + 2. * square.sqrt()));
    if square >= 0. && !t.is_nan() { t.clamp(min, max) } else { f64::midpoint(min, max) }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// The conditions, on functions with known derivatives, from first trials too long and too short.
    #[test]
    fn the_point_found_meets_both_conditions() -> Result<()> {
        type Function = fn(f64) -> (f64, f64);
        let functions: [Function; 4] = [
            |t| ((t - 3.).powi(2), 2. * (t - 3.)),
            |t| ((t - 1.).powi(4) - t, 4. * (t - 1.).powi(3) - 1.),
            |t| (-t / (t * t + 2.), (t * t - 2.) / (t * t + 2.).powi(2)),
            // Beyond 2 there is nothing to compute.
            |t| if t < 2. { (-(2. - t).ln() - 2. * t, 1. / (2. - t) - 2.) } else { (f64::NAN, f64::NAN) },
        ];
        let grad = Tensor::zeros(1, candle_core::DType::F64, &Device::Cpu)?;
        for (i, function) in functions.into_iter().enumerate() {
            for first in [1e-3, 0.5, 1., 40.] {
                let mut count = 0;
                let mut evaluate = |t| {
                    count += 1;
                    let (risk, slope) = function(t);
                    Ok(Trial { t, risk, slope, grad: grad.clone() })
                };
                let start = evaluate(0.)?;
                let (risk, slope) = (start.risk, start.slope);
                let end = strong_wolfe(start, first, 1., &mut evaluate)?;
                assert!(end.risk <= risk + ENOUGH * end.t * slope, "{i}, from {first}: {}", end.risk);
                assert!(end.slope.abs() <= -FLAT * slope, "{i}, from {first}: {} at {}", end.slope, end.t);
                assert!(count <= 14, "{i}, from {first}: {count} evaluations");
            }
        }
        Ok(())
    }

    #[test]
    fn the_minimum_of_a_cubic_is_found_at_once() -> Result<()> {
        // t³ − 3t has its minimum at 1.
        let grad = Tensor::zeros(1, candle_core::DType::F64, &Device::Cpu)?;
        let at = |t: f64| Trial { t, risk: t.powi(3) - 3. * t, slope: 3. * t * t - 3., grad: grad.clone() };
        for (a, b) in [(0., 2.), (2., 0.), (-0.5, 1.5)] {
            assert!((cubic(&at(a), &at(b), (0., 2.)) - 1.).abs() < 1e-14);
        }
        Ok(())
    }
}
