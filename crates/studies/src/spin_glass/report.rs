//! What the study of the spin glass says: verdict, numbers and table.

use collado_landscape::SemicircleLaw;
use serde::Serialize;

use super::{
    Bin, GAP_RATIO, NetworkScatter, SpinGlass, SpinGlassSettings, SpinPoint, bins, gap_ratio,
    picture::{bulk_picture, network_picture, picture},
    threshold,
};
use crate::{Claim, Condition, Report, Table, Verdict, report::fields};

pub(super) const CLAIM: Claim = Claim {
    statement: "The energy of a critical point of the spherical p-spin glass fixes its index: the higher, the more \
        negative eigenvalues, by the semicircle law.",
    source: "Auffinger, Ben Arous, Černý 2013; Choromanska et al. 2015",
    rule: "in every energy bin (width 0.2, at least 5 points) the mean of the share of negative eigenvalues minus the \
        law has an interval (Student's t, jointly 95 %). Supported: there are at least 3 bins, every interval meets ± \
        one eigenvalue of N − 1 and is short enough to show a deviation of 0.1; contradicted: one interval lies outside; \
        otherwise inconclusive, as for an N so small that one eigenvalue is half of 0.1 or more",
    contradicted_by: "critical points of one energy whose mean index is off the law by more than one eigenvalue and the \
        sampling error, as when energies and indices have nothing to do with each other",
};

/// The deviation from the law that each bin has to be able to show.
const VISIBLE: f64 = 0.1;
/// The least number of bins: the law is a relation between energies and indices.
const BINS: usize = 3;

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
    deviation: f64,
    deviation_ci: [f64; 2],
}

/// The critical points of the small network, and the law that fits them.
#[derive(Serialize)]
struct NetworkNumbers {
    network: String,
    searches: u64,
    critical_points: Vec<super::NetworkPoint>,
    semicircle: Option<SemicircleLaw>,
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
        let (deviation, deviation_ci) = (b.deviation.mean, b.deviation.interval);
        Self { energy: b.energy, count: b.count, found, stderr, theory: b.theory, deviation, deviation_ci }
    }
}

impl NetworkNumbers {
    fn new(network: &NetworkScatter) -> Self {
        Self {
            network: NetworkScatter::title(),
            searches: network.searches,
            critical_points: network.points.clone(),
            semicircle: network.law,
        }
    }
}

/// By the rule of [`CLAIM`].
fn conditions(settings: &SpinGlassSettings, bins: &[Bin]) -> Vec<Condition> {
    let enough = if bins.len() >= BINS { Verdict::Supported } else { Verdict::Inconclusive };
    let mut conditions = vec![Condition::new(
        format!("critical points fill at least {BINS} energy bins"),
        enough,
        format!("{} bins with 5 points or more", bins.len()),
    )];
    conditions.extend(bins.iter().map(|bin| on_the_law(settings, bin)));
    conditions
}

/// One eigenvalue of N − 1 is the resolution of a spectrum.
fn resolution(settings: &SpinGlassSettings) -> f64 {
    1. / (settings.size as f64 - 1.)
}

fn on_the_law(settings: &SpinGlassSettings, bin: &Bin) -> Condition {
    let (resolution, [low, high]) = (resolution(settings), bin.deviation.interval);
    let verdict = match Verdict::near_zero([low, high], resolution, VISIBLE) {
        Verdict::Supported if 2. * resolution > VISIBLE => Verdict::Inconclusive,
        verdict => verdict,
    };
    let found = format!(
        "{:.3} found, {:.3} by the law, difference {low:.3} to {high:.3}, one eigenvalue is {resolution:.3} ({} points)",
        bin.found[0], bin.theory, bin.count
    );
    Condition::new(format!("at u = {:.2} the mean index follows the law", bin.energy), verdict, found)
}

fn power(settings: &SpinGlassSettings, bins: &[Bin]) -> String {
    let widest = bins.iter().map(|b| b.deviation.half()).fold(0., f64::max) + resolution(settings);
    match bins.is_empty() {
        true => "none: no energy bin has 5 points".to_owned(),
        false => format!(
            "a mean index that is {widest:.3} or more off the law, a fraction of all eigenvalues, would contradict it in the bin that \
             shows least ({} bins jointly)",
            bins.len()
        ),
    }
}

impl From<&SpinGlass> for Report {
    fn from(study: &SpinGlass) -> Self {
        let (settings, points) = (&study.settings, study.points.as_slice());
        let bins = bins(settings.p, points);
        let conditions = conditions(settings, &bins);
        let hits = conditions[1..].iter().filter(|c| c.verdict == Verdict::Supported).count();
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
        let ratio = match numbers.gap_ratio.is_finite() {
            true => format!("mean gap ratio {:.4}, a GOE matrix has {GAP_RATIO}", numbers.gap_ratio),
            false => "the spectra are too short for gap ratios".to_owned(),
        };
        let mut pictures =
            vec![("spin-glass", picture(settings, points)), ("bulk", bulk_picture(settings, points))];
        if !study.network.points.is_empty() {
            pictures.push(("network", network_picture(&study.network)));
        }
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: power(settings, &bins),
            shown: format!(
                "Shown: {hits} of {} energy bins follow the law, {} critical points; {ratio}.",
                bins.len(),
                numbers.critical_points.len()
            ),
            not_shown: format!(
                "Not shown: {unresolved} of {} searches found no critical point; those found are where Newton's method leads, not all of them. \
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
