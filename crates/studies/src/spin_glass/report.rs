//! What the study of the spin glass says: verdict, numbers and table.

use collado_landscape::SemicircleLaw;
use serde::Serialize;

use super::{
    Bin, GAP_RATIO, NetworkScatter, SpinGlass, SpinGlassSettings, SpinPoint, bins, gap_ratio,
    picture::{bulk_picture, network_picture, picture},
    threshold,
};
use crate::{Report, Study, Table, Verdict, report::fields};

const SOURCE: &str = "Auffinger, Ben Arous, Černý 2013; Choromanska et al. 2015";
const RULE: &str = "supported: in every energy bin (width 0.2, at least 5 points, at least 3 bins) the mean share of \
                    negative eigenvalues is within 3 standard errors and one eigenvalue of the law; contradicted: in \
                    fewer than half";

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers {
    critical_points: Vec<PointNumbers>,
    unresolved: usize,
    bins: Vec<BinNumbers>,
    p: usize,
    size: usize,
    seed: u64,
    threshold: f64,
    gap_ratio: f64,
    gap_ratio_goe: f64,
    network: NetworkNumbers,
}

#[derive(Serialize)]
struct PointNumbers {
    energy: f64,
    index_fraction: f64,
    gradient_norm: f64,
    by_descent: bool,
}

#[derive(Serialize)]
struct BinNumbers {
    energy: f64,
    count: usize,
    found: f64,
    stderr: f64,
    theory: f64,
}

/// The critical points of the small network, and the law that fits them.
#[derive(Serialize)]
struct NetworkNumbers {
    network: String,
    searches: u64,
    critical_points: Vec<super::NetworkPoint>,
    semicircle: Option<LawNumbers>,
}

#[derive(Serialize)]
struct LawNumbers {
    center: f64,
    width: f64,
    rms: f64,
    spread: f64,
}

impl PointNumbers {
    fn new(x: &SpinPoint) -> Self {
        Self {
            energy: x.energy,
            index_fraction: x.index_fraction(),
            gradient_norm: x.gradient_norm,
            by_descent: x.by_descent,
        }
    }
}

impl BinNumbers {
    fn new(b: &Bin) -> Self {
        let [found, stderr] = b.found;
        Self { energy: b.energy, count: b.count, found, stderr, theory: b.theory }
    }
}

impl NetworkNumbers {
    fn new(network: &NetworkScatter) -> Self {
        let law =
            |l: &SemicircleLaw| LawNumbers { center: l.center, width: l.width, rms: l.rms, spread: l.spread };
        Self {
            network: NetworkScatter::title(),
            searches: network.searches,
            critical_points: network.points.clone(),
            semicircle: network.law.as_ref().map(law),
        }
    }
}

/// By [`RULE`]; and the number of bins that follow the law.
fn verdict(settings: &SpinGlassSettings, bins: &[Bin]) -> (Verdict, usize) {
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
    (verdict, hits)
}

impl From<&SpinGlass> for Report {
    fn from(study: &SpinGlass) -> Self {
        let (settings, points) = (&study.settings, study.points.as_slice());
        let bins = bins(settings.p, points);
        let (verdict, hits) = verdict(settings, &bins);
        let critical = || points.iter().filter(|x| x.is_critical);
        let unresolved = points.len() - critical().count();
        let numbers = Numbers {
            critical_points: critical().map(PointNumbers::new).collect(),
            unresolved,
            bins: bins.iter().map(BinNumbers::new).collect(),
            p: settings.p,
            size: settings.size,
            seed: settings.seed,
            threshold: threshold(settings.p),
            gap_ratio: gap_ratio(points),
            gap_ratio_goe: GAP_RATIO,
            network: NetworkNumbers::new(&study.network),
        };
        let mut pictures =
            vec![("spin-glass", picture(settings, points)), ("bulk", bulk_picture(settings, points))];
        if !study.network.points.is_empty() {
            pictures.push(("network", network_picture(&study.network)));
        }
        Self {
            claim: SpinGlassSettings::CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict,
            shown: format!(
                "{hits} of {} energy bins follow the law; mean gap ratio {:.4}, a GOE matrix has {GAP_RATIO}.",
                bins.len(),
                numbers.gap_ratio
            ),
            not_shown: format!(
                "{unresolved} of {} searches found no critical point; those found are where Newton's method leads, not all of them. \
                 The network's points are drawn beside them; no law is claimed for it.",
                points.len()
            ),
            numbers: fields(&numbers),
            table: table(points),
            pictures,
        }
    }
}

/// A row for each search.
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
