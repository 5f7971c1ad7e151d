//! The exponent of a power law, fitted to the gaps of all pairs.

use super::Gaps;

/// The slope of the line of least squares through (log m, log ε): the exponent of ε in m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponent {
    /// The slope.
    pub slope: f64,
    /// Its 95 % confidence interval: ± 1.96 standard errors.
    pub interval: [f64; 2],
    /// Number of pairs with ε > 0, on which the fit rests.
    pub points: usize,
    /// Number of pairs with ε = 0, which have no logarithm and are left out (censored).
    pub zeros: usize,
}

/// The exponent of ε in m over all pairs with ε > `zero`; `None` when they lie at fewer than two widths or are fewer than
/// three. The theorem's −1/n bounds ε from above: a steeper slope is consistent with it.
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
}
