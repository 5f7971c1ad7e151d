use serde_json::{Value, json};

use super::{SampledRow, Spurious, SpuriousRow, picture};
use crate::{
    Report, Table, Verdict,
    report::{Cell, fields, number, numbers},
    wilson,
};

/// Share of spurious runs for n = k among 500 runs (Safran, Yehudai & Shamir 2021, their follow-up experiment).
pub const PUBLISHED: [(usize, f64); 10] = [
    (6, 0.),
    (7, 0.054),
    (8, 0.114),
    (9, 0.222),
    (10, 0.320),
    (12, 0.538),
    (14, 0.704),
    (16, 0.872),
    (18, 0.896),
    (20, 0.942),
];
/// Runs behind each of them.
pub(super) const PUBLISHED_RUNS: u64 = 500;

pub(super) fn published(k: usize) -> Option<(f64, [f64; 2])> {
    let &(_, rate) = PUBLISHED.iter().find(|p| p.0 == k)?;
    Some((rate, wilson((rate * PUBLISHED_RUNS as f64).round() as u64, PUBLISHED_RUNS)))
}

/// The claim that the study decides on.
pub const CLAIM: &str = "Gradient descent on two-layer ReLU networks with k planted teachers ends in spurious minima for \
                         n = k, as often as published, and never for n = k + 2.";
const SOURCE: &str = "Safran & Shamir 2018, Spurious local minima are common in two-layer ReLU neural networks; Safran, Yehudai & \
                      Shamir 2021 for the rates";
const RULE: &str = "supported: for every n = k with a published rate its 95 % Wilson interval meets the one found, and no run \
                    with n = k + 2 ends in a spurious minimum; contradicted: one of these fails; inconclusive: neither \
                    kind of row is there, or more than 5 % of the runs of one are unresolved.";

/// By [`RULE`].
fn verdict(rows: &[SpuriousRow]) -> Verdict {
    let judged: Vec<_> =
        rows.iter().filter(|r| r.n == r.k + 2 || (r.n == r.k && published(r.k).is_some())).collect();
    if judged.is_empty() || judged.iter().any(|r| r.unresolved as f64 > 0.05 * r.runs as f64) {
        return Verdict::Inconclusive;
    }
    let fits = |r: &&SpuriousRow| match published(r.k).filter(|_| r.n == r.k) {
        Some((_, [lo, hi])) => r.interval()[0] <= hi && lo <= r.interval()[1],
        None => r.spurious == 0,
    };
    if judged.iter().all(fits) { Verdict::Supported } else { Verdict::Contradicted }
}

impl From<&Spurious> for Report {
    fn from(Spurious { settings, rows, sampled }: &Spurious) -> Self {
        Self {
            claim: CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: verdict(rows),
            shown: shown(rows, sampled),
            not_shown: "Not shown: anything about other laws of inputs or starts than N(0, I) and N(0, I/k), or about the minima \
                        that no run has hit; for n > k the global minimum is not a point, and F ≤ 1e-3 is taken for it."
                .into(),
            numbers: fields(json!({
                "settings": {
                    "k": settings.k, "extra": settings.extra, "runs": settings.runs, "max_steps": settings.max_steps,
                    "gradient_tolerance": settings.gradient_tolerance, "sgd_runs": settings.sgd_runs,
                    "samples": settings.samples, "sgd_steps": settings.sgd_steps, "seed": settings.seed,
                },
                "rows": rows.iter().map(row).collect::<Vec<_>>(),
                "sgd": sampled.iter().map(sgd).collect::<Vec<_>>(),
            })),
            table: table(rows, sampled),
            pictures: vec![("spurious", picture::picture(rows, sampled))],
        }
    }
}

fn shown(rows: &[SpuriousRow], sampled: &[SampledRow]) -> String {
    let share = |extra: usize| {
        let of: Vec<_> = rows.iter().filter(|r| r.n == r.k + extra).collect();
        let (hits, runs) =
            (of.iter().map(|r| r.spurious).sum::<u64>(), of.iter().map(|r| r.runs).sum::<u64>());
        (runs > 0).then(|| {
            let [lo, hi] = wilson(hits, runs).map(|x| 100. * x);
            let name = if extra == 0 { "n = k".into() } else { format!("n = k + {extra}") };
            format!("{hits} of {runs} runs for {name} ({lo:.1}–{hi:.1} %)")
        })
    };
    let shares: Vec<_> = (0..3).filter_map(share).collect();
    let drawn = (!sampled.is_empty()).then(|| {
        let hits = sampled.iter().map(|r| r.spurious).sum::<u64>();
        let runs = sampled.iter().map(|r| r.runs).sum::<u64>();
        format!("; SGD on drawn data ends near one in {hits} of {runs}, n = k")
    });
    let drawn = drawn.unwrap_or_default();
    format!(
        "Shown: gradient descent ends in spurious minima, each with a positive definite Hessian, in {}{drawn}.",
        shares.join(", ")
    )
}

fn row(r: &SpuriousRow) -> Value {
    let minimum = |m: &super::SpuriousMinimum| json!({"F": number(m.risk), "hits": m.hits, "lambda_min": number(m.lambda_min)});
    json!({
        "k": r.k, "n": r.n, "runs": r.runs, "spurious": r.spurious, "unresolved": r.unresolved, "rate": r.rate(),
        "ci": numbers(&r.interval()), "published": published(r.k).filter(|_| r.n == r.k).map(|p| p.0),
        "minima": r.minima.iter().map(minimum).collect::<Vec<_>>(),
    })
}

fn sgd(r: &SampledRow) -> Value {
    json!({
        "k": r.k, "n": r.k, "runs": r.runs, "spurious": r.spurious, "unresolved": r.unresolved, "rate": r.rate(),
        "ci": numbers(&r.interval()), "F": number(r.risk),
    })
}

/// A row for each pair of k and n, then one for each k of SGD.
fn table(rows: &[SpuriousRow], sampled: &[SampledRow]) -> Table {
    let mut table = Table::new(&[
        "method",
        "k",
        "n",
        "runs",
        "spurious",
        "unresolved",
        "rate",
        "low",
        "high",
        "published",
        "minima",
        "lowest_F",
    ]);
    for r in rows {
        let lowest = r.minima.iter().map(|m| m.risk).fold(f64::NAN, f64::min);
        let counts = [r.k, r.n, r.runs as usize, r.spurious as usize, r.unresolved as usize];
        let rate = [r.rate(), r.interval()[0], r.interval()[1]];
        table.push(&row_of("gradient-descent", counts, rate, [r.minima.len().into(), lowest.into()]));
    }
    for r in sampled {
        let counts = [r.k, r.k, r.runs as usize, r.spurious as usize, r.unresolved as usize];
        let rate = [r.rate(), r.interval()[0], r.interval()[1]];
        table.push(&row_of("sgd", counts, rate, ["".into(), r.risk.into()]));
    }
    table
}

fn row_of<'a>(method: &'a str, counts: [usize; 5], rate: [f64; 3], minima: [Cell<'a>; 2]) -> Vec<Cell<'a>> {
    let known = published(counts[0]).filter(|_| counts[0] == counts[1]).map_or(f64::NAN, |p| p.0);
    let head = std::iter::once(Cell::from(method)).chain(counts.map(Cell::from));
    head.chain(rate.map(Cell::from)).chain([known.into()]).chain(minima).collect()
}
