//! The results of `collado critical`: table, picture and summary.

use std::path::Path;

use collado_landscape::{CriticalPoint, CriticalSearch, SearchEnd, SemicircleLaw, Termination};
use serde_json::{Map, Value as Json, json};

use super::{Start, linear::ClosedForm, picture};
use crate::{
    failure::Failure,
    folder,
    json::{number, print},
    shown::{risk, risk_in},
    table::{text, write_table},
    task::Task,
};

/// A critical point that stands for all searches that led to it.
pub(super) struct Member<'a> {
    pub(super) start: &'a Start,
    pub(super) point: &'a CriticalPoint,
    /// Number of searches that ended there.
    pub(super) hits: usize,
}

impl Member<'_> {
    /// Whether there is no negative eigenvalue. Points on a kink do not count, as eigenvalues do not describe them.
    pub(super) fn is_minimum(&self) -> bool {
        self.point.spectrum.index == 0 && !self.point.is_on_kink()
    }
}

/// The results of all searches.
pub(super) struct CriticalResult<'a> {
    pub(super) task: &'a Task,
    starts: &'a [Start],
    ends: &'a [SearchEnd],
    examined: &'a [Option<CriticalPoint>],
    /// For each search that ended at a critical point, the first search that ended at the same point.
    same: Vec<Option<usize>>,
    /// The different critical points, by ascending risk.
    pub(super) members: Vec<Member<'a>>,
    pub(super) law: Option<SemicircleLaw>,
    pub(super) closed: Option<ClosedForm>,
}

impl<'a> CriticalResult<'a> {
    pub(super) fn new(
        task: &'a Task,
        search: &CriticalSearch,
        starts: &'a [Start],
        ends: &'a [SearchEnd],
        examined: &'a [Option<CriticalPoint>],
    ) -> Result<Self, Failure> {
        let at: Vec<usize> = (0..ends.len()).filter(|&i| examined[i].is_some()).collect();
        let points: Vec<CriticalPoint> = examined.iter().flatten().cloned().collect();
        let mut same = vec![None; ends.len()];
        for (i, first) in search.distinct(&points).into_iter().enumerate() {
            same[at[i]] = Some(at[first]);
        }
        let hits = |i: usize| same.iter().filter(|s| **s == Some(i)).count();
        let mut members: Vec<Member<'a>> = (0..ends.len())
            .filter(|&i| same[i] == Some(i))
            .filter_map(|i| Some(Member { start: &starts[i], point: examined[i].as_ref()?, hits: hits(i) }))
            .collect();
        members.sort_by(|a, b| a.point.risk.total_cmp(&b.point.risk));
        // Zero modes have no sign: points that have them beside those of symmetries are not the law's.
        let regular = members.iter().filter(|m| !m.point.is_degenerate() && !m.point.is_on_kink());
        let (risks, fractions): (Vec<f64>, Vec<f64>) =
            regular.map(|m| (m.point.risk, m.point.index_fraction())).unzip();
        let law = SemicircleLaw::fit(&risks, &fractions);
        Ok(Self { task, starts, ends, examined, same, members, law, closed: ClosedForm::new(task)? })
    }

    /// The range of the risks of points without a negative eigenvalue.
    pub(super) fn minima(&self) -> Option<(f64, f64)> {
        let mut risks = self.members.iter().filter(|m| m.is_minimum()).map(|m| m.point.risk);
        let first = risks.next()?;
        Some(risks.fold((first, first), |(low, high), r| (low.min(r), high.max(r))))
    }

    /// Writes `critical.csv` and the picture, and returns the summary.
    pub(super) fn write(&self, folder: &Path, seconds: f64) -> Result<Json, Failure> {
        self.table(&folder.join("critical.csv"))?;
        folder::picture(folder, "critical", &picture::figure(self))?;
        let mut summary = self.json();
        summary["seconds"] = number(seconds);
        Ok(summary)
    }

    fn table(&self, file: &Path) -> Result<(), Failure> {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record([
            "search",
            "source",
            "seed",
            "epoch",
            "ended",
            "steps",
            "risk",
            "gradient_norm",
            "same_as",
            "index",
            "index_fraction",
            "zero_modes",
            "idle",
            "degenerate",
            "smallest",
            "error",
            "kink",
        ])?;
        for (i, (start, end)) in self.starts.iter().zip(self.ends).enumerate() {
            let epoch = start.epoch.map_or(String::new(), |e| e.to_string());
            let place = self.examined[i]
                .as_ref()
                .map_or((end.risk, end.gradient_norm), |p| (p.risk, p.gradient_norm));
            let mut row = vec![i.to_string(), start.source().into(), start.seed.to_string(), epoch];
            row.extend([end.ended.name().into(), end.steps.to_string(), text(place.0), text(place.1)]);
            match (&self.examined[i], self.same[i]) {
                (Some(p), Some(same)) => row.extend([
                    same.to_string(),
                    p.spectrum.index.to_string(),
                    text(p.index_fraction()),
                    p.spectrum.zero_modes.to_string(),
                    p.idle.to_string(),
                    u8::from(p.is_degenerate()).to_string(),
                    text(p.smallest()),
                    text(p.spectrum.rounding),
                    u8::from(p.is_on_kink()).to_string(),
                ]),
                _ => row.extend(vec![String::new(); 9]),
            }
            table.write_record(&row)?;
        }
        write_table(file, table)
    }

    fn json(&self) -> Json {
        let member = |m: &Member<'_>| {
            let (p, s) = (m.point, &m.point.spectrum);
            json!({
                "risk": number(p.risk), "index": s.index, "index_fraction": number(p.index_fraction()),
                "zero_modes": s.zero_modes, "idle": p.idle, "degenerate": p.is_degenerate(),
                "smallest": number(p.smallest()), "error": number(s.rounding), "kink": p.is_on_kink(),
                "gradient_norm": number(p.gradient_norm), "hits": m.hits, "start": m.start.json(),
            })
        };
        let law = |l: &SemicircleLaw| {
            json!({"center": number(l.center), "width": number(l.width), "rms": number(l.rms),
                "spread": number(l.spread)})
        };
        let points: Vec<&CriticalPoint> = self.members.iter().map(|m| m.point).collect();
        json!({
            "arch": self.task.arch.to_string(), "data": self.task.data.spec,
            "parameters": self.task.arch.layout().len(), "searches": self.ends.len(), "ended": self.counts(),
            "critical_points": self.members.iter().map(member).collect::<Vec<_>>(),
            "minima": self.minima().map(|(low, high)| json!({"lowest": number(low), "highest": number(high),
                "count": self.members.iter().filter(|m| m.is_minimum()).count()})),
            "semicircle": self.law.as_ref().map(law),
            "deep_linear": self.closed.as_ref().map(|c| c.check(&points)),
        })
    }

    /// The number of searches for each way to end.
    fn counts(&self) -> Map<String, Json> {
        let count = |ended: Termination| self.ends.iter().filter(|e| e.ended == ended).count();
        Termination::ALL.into_iter().map(|ended| (ended.name().to_owned(), count(ended).into())).collect()
    }

    /// Prints the results for people.
    pub(super) fn report(&self, folder: &Path, summary: &Json) {
        for (name, count) in self.counts().iter().filter(|(_, count)| **count != 0) {
            print(&format!("{count:>5} searches ended: {name}"));
        }
        print(&format!("{:>5} critical points up to symmetry", self.members.len()));
        print("        risk  index  zero modes  of them idle   smallest |λ|   hits");
        for m in self.members.iter().take(LINES) {
            let (p, s) = (m.point, &m.point.spectrum);
            let notes = [(p.is_degenerate(), "degenerate"), (p.is_on_kink(), "on a kink")];
            let notes: Vec<&str> = notes.iter().filter(|(is, _)| *is).map(|(_, note)| *note).collect();
            print(&format!(
                "{:>12}  {:>5}  {:>10}  {:>12}   {:>12.3e}  {:>5}  {}",
                risk(p.risk),
                s.index,
                s.zero_modes,
                p.idle,
                p.smallest(),
                m.hits,
                notes.join(", ")
            ));
        }
        if self.members.len() > LINES {
            print(&format!("  … and {} more in critical.csv", self.members.len() - LINES));
        }
        if let Some(check) = summary["deep_linear"].as_object() {
            print(&format!(
                "deep linear: global optimum {}, reached by {}; above it {} strict saddles, {} without a negative eigenvalue, {} exceptions",
                risk_in(&check["optimum"]),
                check["global"],
                check["strict_saddles"],
                check["degenerate"],
                check["exceptions"]
            ));
        }
        print(&format!("written to {}", folder.display()));
    }
}

/// The largest number of points that are printed.
const LINES: usize = 20;
