use std::f64::consts::PI;

use serde_json::{Value, json};

use super::{SpinGlass, SpinPoint, bulk_picture, network_picture, picture};
use crate::{
    Report, Table, Verdict,
    report::{fields, number},
};

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

/// Points of similar energy.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// Mean energy.
    pub energy: f64,
    /// Points.
    pub count: usize,
    /// Mean share of negative eigenvalues, and its standard error.
    pub found: [f64; 2],
    /// Mean of the law at the points' energies.
    pub theory: f64,
}

/// Bins of width 0.2 with at least 5 critical points, ascending.
pub fn bins(p: usize, points: &[SpinPoint]) -> Vec<Bin> {
    let critical: Vec<&SpinPoint> = points.iter().filter(|x| x.is_critical).collect();
    let number = |x: &SpinPoint| (x.energy / WIDTH).round() as i64;
    let mut numbers: Vec<i64> = critical.iter().map(|x| number(x)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let bin = |b: i64| {
        let members: Vec<&&SpinPoint> = critical.iter().filter(|x| number(x) == b).collect();
        let n = members.len() as f64;
        let mean = |f: &dyn Fn(&SpinPoint) -> f64| members.iter().map(|x| f(x)).sum::<f64>() / n;
        let found = mean(&SpinPoint::index_fraction);
        let variance = mean(&|x| (x.index_fraction() - found).powi(2)) * n / (n - 1.);
        let theory = mean(&|x| index_fraction(p, x.energy));
        Bin {
            energy: mean(&|x| x.energy),
            count: members.len(),
            found: [found, (variance / n).sqrt()],
            theory,
        }
    };
    numbers.into_iter().map(bin).filter(|b| b.count >= 5).collect()
}

/// Mean ratio of adjacent gaps (the smaller over the larger) in the middle half of the spectra.
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

/// What is tested.
pub const CLAIM: &str = "The energy of a critical point of the spherical p-spin glass fixes its index: the higher, the more \
                         negative eigenvalues, by the semicircle law.";

impl From<&SpinGlass> for Report {
    fn from(study: &SpinGlass) -> Self {
        let (settings, points) = (&study.settings, study.points.as_slice());
        let bins = bins(settings.p, points);
        // One eigenvalue of N − 1 is the resolution of a spectrum this small.
        let resolution = 1. / (settings.size as f64 - 1.);
        let near = |b: &&Bin| (b.found[0] - b.theory).abs() <= 3. * b.found[1] + resolution;
        let hits = bins.iter().filter(near).count();
        let verdict = match bins.len() {
            0..=2 => Verdict::Inconclusive,
            n if hits == n => Verdict::Supported,
            n if 2 * hits < n => Verdict::Contradicted,
            _ => Verdict::Inconclusive,
        };
        let critical = points.iter().filter(|x| x.is_critical).count();
        let mut pictures =
            vec![("spin-glass", picture(settings, points)), ("bulk", bulk_picture(settings, points))];
        if !study.network.points.is_empty() {
            pictures.push(("network", network_picture(&study.network)));
        }
        Self {
            claim: CLAIM,
            source: "Auffinger, Ben Arous, Černý 2013; Choromanska et al. 2015",
            rule: "supported: in every energy bin (width 0.2, at least 5 points, at least 3 bins) the mean share of negative \
                   eigenvalues is within 3 standard errors and one eigenvalue of the law; contradicted: in fewer than half",
            verdict,
            shown: format!(
                "{hits} of {} energy bins follow the law; mean gap ratio {:.4}, a GOE matrix has {GAP_RATIO}.",
                bins.len(),
                gap_ratio(points)
            ),
            not_shown: format!(
                "{} of {} searches found no critical point; those found are where Newton's method leads, not all of them. \
                 The network's points are drawn beside them; no law is claimed for it.",
                points.len() - critical,
                points.len()
            ),
            numbers: fields(numbers(study, &bins)),
            table: table(points),
            pictures,
        }
    }
}

fn numbers(study: &SpinGlass, bins: &[Bin]) -> Value {
    let (settings, points) = (&study.settings, study.points.as_slice());
    let point = |x: &SpinPoint| {
        json!({"energy": number(x.energy), "index_fraction": number(x.index_fraction()),
            "gradient_norm": number(x.gradient_norm), "by_descent": x.by_descent})
    };
    let bin = |b: &Bin| {
        json!({"energy": number(b.energy), "count": b.count, "found": number(b.found[0]),
            "stderr": number(b.found[1]), "theory": number(b.theory)})
    };
    json!({
        "critical_points": points.iter().filter(|x| x.is_critical).map(point).collect::<Vec<_>>(),
        "unresolved": points.iter().filter(|x| !x.is_critical).count(),
        "bins": bins.iter().map(bin).collect::<Vec<_>>(),
        "p": settings.p, "size": settings.size, "seed": settings.seed, "threshold": threshold(settings.p),
        "gap_ratio": number(gap_ratio(points)), "gap_ratio_goe": GAP_RATIO,
        "network": study.network.json(),
    })
}

fn table(points: &[SpinPoint]) -> Table {
    let mut table = Table::new(&["search", "critical", "energy", "index_fraction", "gradient_norm"]);
    for x in points {
        let search = if x.by_descent { "descent" } else { "newton" };
        let critical = usize::from(x.is_critical);
        table.push(&[
            search.into(),
            critical.into(),
            x.energy.into(),
            x.index_fraction().into(),
            x.gradient_norm.into(),
        ]);
    }
    table
}
