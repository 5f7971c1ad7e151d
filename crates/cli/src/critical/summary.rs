//! The result of `collado critical`.

use std::{collections::BTreeMap, path::Path};

use collado_landscape::{CriticalPoint, SemicircleLaw, Termination};
use serde::Serialize;

use super::{
    found::{CriticalResult, Member},
    linear::Comparison,
    starts::Start,
};
use crate::{json::print, shown::risk};

/// The result of `critical`.
#[derive(Serialize)]
pub(super) struct Summary {
    arch: String,
    data: String,
    parameters: usize,
    searches: usize,
    /// The number of searches for each way to end.
    ended: BTreeMap<&'static str, usize>,
    /// The different critical points, by ascending risk.
    critical_points: Vec<Point>,
    minima: Option<Minima>,
    semicircle: Option<SemicircleLaw>,
    deep_linear: Option<Comparison>,
    seconds: f64,
}

/// A critical point up to symmetry.
#[derive(Serialize)]
struct Point {
    risk: f64,
    index: usize,
    index_fraction: f64,
    zero_modes: usize,
    idle: usize,
    degenerate: bool,
    smallest: f64,
    error: f64,
    kink: bool,
    gradient_norm: f64,
    /// Number of searches that ended there.
    hits: usize,
    start: Origin,
}

/// The start of the first of these searches.
#[derive(Serialize)]
struct Origin {
    source: &'static str,
    seed: u64,
    epoch: Option<u64>,
}

/// The points without a negative eigenvalue.
#[derive(Serialize)]
struct Minima {
    lowest: f64,
    highest: f64,
    count: usize,
}

impl Summary {
    pub(super) fn new(found: &CriticalResult<'_>, seconds: f64) -> Self {
        let points: Vec<&CriticalPoint> = found.members.iter().map(|m| m.point).collect();
        let count = |ended: Termination| found.ends.iter().filter(|e| e.ended == ended).count();
        let minima = |(lowest, highest)| {
            let count = found.members.iter().filter(|m| m.is_minimum()).count();
            Minima { lowest, highest, count }
        };
        Self {
            arch: found.task.arch.to_string(),
            data: found.task.data.spec.clone(),
            parameters: found.task.arch.layout().len(),
            searches: found.ends.len(),
            ended: Termination::ALL.into_iter().map(|ended| (ended.name(), count(ended))).collect(),
            critical_points: found.members.iter().map(Point::new).collect(),
            minima: found.minima().map(minima),
            semicircle: found.law,
            deep_linear: found.closed.as_ref().map(|c| c.check(&points)),
            seconds,
        }
    }

    /// Prints the results for people.
    pub(super) fn print(&self, folder: &Path) {
        for (name, count) in self.ended.iter().filter(|(_, count)| **count != 0) {
            print(&format!("{count:>5} searches ended: {name}"));
        }
        print(&format!("{:>5} critical points up to symmetry", self.critical_points.len()));
        print("        risk  index  zero modes  of them idle   smallest |λ|   hits");
        for p in self.critical_points.iter().take(LINES) {
            let notes = [(p.degenerate, "degenerate"), (p.kink, "on a kink")];
            let notes: Vec<&str> = notes.iter().filter(|(is, _)| *is).map(|(_, note)| *note).collect();
            print(&format!(
                "{:>12}  {:>5}  {:>10}  {:>12}   {:>12.3e}  {:>5}  {}",
                risk(p.risk),
                p.index,
                p.zero_modes,
                p.idle,
                p.smallest,
                p.hits,
                notes.join(", ")
            ));
        }
        if self.critical_points.len() > LINES {
            print(&format!("  … and {} more in critical.csv", self.critical_points.len() - LINES));
        }
        if let Some(check) = &self.deep_linear {
            print(&format!(
                "deep linear: global optimum {}, reached by {}; above it {} strict saddles, {} without a negative eigenvalue, {} exceptions",
                risk(check.optimum),
                check.global,
                check.strict_saddles,
                check.degenerate,
                check.exceptions
            ));
        }
        print(&format!("written to {}", folder.display()));
    }
}

impl Point {
    fn new(m: &Member<'_>) -> Self {
        let (p, Start { seed, epoch, .. }) = (m.point, *m.start);
        Self {
            risk: p.risk,
            index: p.spectrum.index,
            index_fraction: p.index_fraction(),
            zero_modes: p.spectrum.zero_modes,
            idle: p.idle,
            degenerate: p.is_degenerate(),
            smallest: p.smallest(),
            error: p.spectrum.rounding,
            kink: p.is_on_kink(),
            gradient_norm: p.gradient_norm,
            hits: m.hits,
            start: Origin { source: m.start.source(), seed, epoch },
        }
    }
}

/// The largest number of points that are printed.
const LINES: usize = 20;
