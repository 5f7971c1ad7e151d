//! The exponent of a power law, fitted to the gaps of all pairs.

use super::Gaps;
use crate::estimate::{detectable_over_half, slope, student};

/// The slope of the line of least squares through (log m, log ε): the exponent of ε in m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponent {
    /// The slope.
    pub slope: f64,
    /// Its 95 % confidence interval by Student's t with two degrees of freedom fewer than pairs.
    pub interval: [f64; 2],
    /// The distance of a true exponent from a value that this interval would leave out in 80 % of samples.
    pub detectable: f64,
    /// Number of pairs with ε > 0, on which the fit rests.
    pub points: usize,
    /// Number of different widths m of these pairs.
    pub widths: usize,
    /// Number of pairs with ε = 0, which have no logarithm and are left out (censored).
    pub zeros: usize,
}

/// The least number of widths of a fit: through two any law would pass.
pub(super) const WIDTHS: usize = 3;
/// The least number of degrees of freedom of a fit, two fewer than pairs.
pub(super) const FREEDOM: usize = 4;

/// The exponent of ε in m over all pairs with ε > `zero`; `None` when they lie at fewer than three widths or are fewer than
/// six. The theorem's −1/n bounds ε from above: a steeper slope is consistent with it. Leaving pairs out makes the slope less
/// steep.
pub fn gap_exponent(all: &[Gaps], zero: f64) -> Option<Exponent> {
    let of = |at: &Gaps| -> Vec<(f64, f64)> {
        at.gaps.iter().filter(|g| **g > zero).map(|g| ((at.width as f64).ln(), g.ln())).collect()
    };
    let widths = all.iter().filter(|at| !of(at).is_empty()).count();
    let (xs, ys): (Vec<f64>, Vec<f64>) = all.iter().flat_map(of).unzip();
    let points = xs.len();
    if widths < WIDTHS || points < FREEDOM + 2 {
        return None;
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / points as f64;
    let (x, y, slope, freedom) = (mean(&xs), mean(&ys), slope(&xs, &ys), points as f64 - 2.);
    let square: f64 = xs.iter().map(|at| (at - x).powi(2)).sum();
    let residual: f64 = xs.iter().zip(&ys).map(|(at, of)| (of - y - slope * (at - x)).powi(2)).sum();
    let half = student(0.975, freedom) * (residual / freedom / square).sqrt();
    let zeros = all.iter().map(|at| at.gaps.len()).sum::<usize>() - points;
    let detectable = half * detectable_over_half(freedom);
    Some(Exponent { slope, interval: [slope - half, slope + half], detectable, points, widths, zeros })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(width: usize, gaps: Vec<f64>) -> Gaps {
        Gaps { width, gaps, straight: vec![] }
    }

    #[test]
    fn the_exponent_of_a_power_law_is_found() {
        let exact =
            |width: usize| at(width, vec![3. / (width * width) as f64, 3. / (width * width) as f64, 0.]);
        let found = gap_exponent(&[exact(4), exact(8), exact(16)], 0.).unwrap();
        assert!(
            (found.slope + 2.).abs() < 1e-12 && found.interval[1] - found.interval[0] < 1e-6,
            "{found:?}"
        );
        assert_eq!((found.points, found.widths, found.zeros), (6, 3, 3));
        // Two widths, or too few pairs, are no fit.
        assert!(gap_exponent(&[exact(4), exact(8)], 0.).is_none());
        assert!(gap_exponent(&[4, 8, 16].map(|m| at(m, vec![1. / m as f64])), 0.).is_none());
    }

    #[test]
    fn the_interval_is_students() {
        let all = [at(2, vec![0.5, 0.3]), at(4, vec![0.2, 0.1]), at(8, vec![0.08, 0.04])];
        let found = gap_exponent(&all, 0.).unwrap();
        let (low, high) = (found.interval[0], found.interval[1]);
        assert!((found.slope - 0.5 * (low + high)).abs() < 1e-12);
        // Half the length is 2.7764 standard errors, four degrees of freedom.
        let residuals: f64 = all
            .iter()
            .flat_map(|w| w.gaps.iter().map(move |g| (w.width as f64, *g)))
            .map(|(m, g)| {
                let line = all.iter().flat_map(|w| &w.gaps).map(|g| g.ln()).sum::<f64>() / 6.
                    + found.slope * (m.ln() - 4f64.ln());
                (g.ln() - line).powi(2)
            })
            .sum();
        let error = (residuals / 4. / (4. * 2f64.ln().powi(2))).sqrt();
        assert!(((high - low) / 2. - 2.776_445 * error).abs() < 1e-6, "{found:?}");
    }
}
