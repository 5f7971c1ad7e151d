//! The semicircle law that the energy of a critical point puts on its index, and what the points found say about it.

use std::f64::consts::PI;

use super::SpinPoint;
use crate::Estimate;

/// Mean ratio of adjacent gaps of GOE matrices (Atas, Bogomolny, Giraud, Roux 2013); 0.386 for independent levels.
pub const GAP_RATIO: f64 = 0.5307;

/// Width of an energy bin.
const WIDTH: f64 = 0.2;

/// $E_\infty=-2\sqrt{(p-1)/p}$: below it, for large N, only minima and saddles of finite index.
pub fn threshold(p: usize) -> f64 {
    -2. * ((p as f64 - 1.) / p as f64).sqrt()
}

/// The semicircle law for the share of negative eigenvalues at energy u:
/// $\tfrac12+(x\sqrt{1-x^2}+\arcsin x)/\pi$, $x=pu/(2\sqrt{p(p-1)})$ clipped to [−1, 1].
pub fn index_fraction(p: usize, energy: f64) -> f64 {
    let x = (energy / -threshold(p)).clamp(-1., 1.);
    0.5 + (x * (1. - x * x).sqrt() + x.asin()) / PI
}

/// Critical points of similar energy.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Their mean energy.
    pub energy: f64,
    /// Number of points.
    pub count: usize,
    /// Mean share of negative eigenvalues, and its standard error.
    pub found: [f64; 2],
    /// Mean of the law at the points' energies.
    pub theory: f64,
    /// The mean of found minus theory, point by point, with an interval that holds for all bins jointly.
    pub deviation: Estimate,
}

/// Bins of width 0.2 with at least 5 critical points, ascending.
pub fn bins(p: usize, points: &[SpinPoint]) -> Vec<Bin> {
    let critical: Vec<&SpinPoint> = points.iter().filter(|x| x.is_critical).collect();
    let number = |x: &SpinPoint| (x.energy / WIDTH).round() as i64;
    let mut numbers: Vec<i64> = critical.iter().map(|x| number(x)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let members = |b: i64| critical.iter().copied().filter(|x| number(x) == b).collect::<Vec<_>>();
    let groups: Vec<Vec<&SpinPoint>> = numbers.into_iter().map(members).filter(|m| m.len() >= 5).collect();
    groups.iter().map(|members| bin(p, members, groups.len())).collect()
}

fn bin(p: usize, members: &[&SpinPoint], bins: usize) -> Bin {
    let law = |x: &SpinPoint| index_fraction(p, x.energy);
    let column = |of: &dyn Fn(&SpinPoint) -> f64| members.iter().map(|x| of(x)).collect::<Vec<_>>();
    let mean = |of: &dyn Fn(&SpinPoint) -> f64| Estimate::new(&column(of)).mean;
    let (n, found) = (members.len() as f64, mean(&SpinPoint::index_fraction));
    let variance = mean(&|x| (x.index_fraction() - found).powi(2)) * n / (n - 1.);
    Bin {
        energy: mean(&|x| x.energy),
        count: members.len(),
        found: [found, (variance / n).sqrt()],
        theory: mean(&law),
        deviation: Estimate::jointly(&column(&|x| x.index_fraction() - law(x)), bins),
    }
}

/// Mean ratio of adjacent gaps (the smaller over the larger) in the middle half of the spectra; NaN where these are too short.
pub fn gap_ratio(points: &[SpinPoint]) -> f64 {
    let ratios: Vec<f64> = points
        .iter()
        .filter(|x| x.is_critical)
        .flat_map(|x| {
            let n = x.eigenvalues.len();
            let middle = &x.eigenvalues[n / 4..n - n / 4];
            let gaps: Vec<f64> = middle.windows(2).map(|w| w[1] - w[0]).collect();
            gaps.windows(2).map(|g| g[0].min(g[1]) / g[0].max(g[1])).collect::<Vec<_>>()
        })
        .collect();
    ratios.iter().sum::<f64>() / ratios.len() as f64
}
