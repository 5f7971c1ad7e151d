//! What the study of spurious minima says: verdict, numbers and table.

use serde::Serialize;

use super::{
    SampledRow, Spurious, SpuriousMinimum, SpuriousRow, SpuriousSettings, Tally, picture,
    published::published,
};
use crate::{
    Report, Study, Table, Verdict,
    report::{Cell, fields},
    wilson,
};

const SOURCE: &str = "Safran & Shamir 2018, Spurious local minima are common in two-layer ReLU neural networks; \
                      Safran, Yehudai & Shamir 2021 for the rates";
const RULE: &str = "supported: for every n = k with a published rate its 95 % Wilson interval meets the one found, and \
                    no run with n = k + 2 ends in a spurious minimum; contradicted: one of these fails; inconclusive: \
                    neither kind of row is there, or more than 5 % of the runs of one are unresolved.";

const NOT_SHOWN: &str = "Not shown: anything about other laws of inputs or starts than N(0, I) and N(0, I/k), or about \
                         the minima that no run has hit; for n > k the global minimum is not a point, and F ≤ 1e-3 is \
                         taken for it.";

/// By [`RULE`].
fn verdict(rows: &[SpuriousRow]) -> Verdict {
    let judged: Vec<_> =
        rows.iter().filter(|r| r.n == r.k + 2 || (r.n == r.k && published(r.k).is_some())).collect();
    if judged.is_empty() || judged.iter().any(|r| r.tally.unresolved as f64 > 0.05 * r.tally.runs as f64) {
        return Verdict::Inconclusive;
    }
    let fits = |r: &&SpuriousRow| match published(r.k).filter(|_| r.n == r.k) {
        Some((_, [lo, hi])) => r.tally.interval()[0] <= hi && lo <= r.tally.interval()[1],
        None => r.tally.spurious == 0,
    };
    if judged.iter().all(fits) { Verdict::Supported } else { Verdict::Contradicted }
}

/// The study's own fields of the result.
#[derive(Serialize)]
struct Numbers<'a> {
    settings: &'a SpuriousSettings,
    rows: Vec<RowNumbers>,
    sgd: Vec<SampledNumbers>,
}

#[derive(Serialize)]
struct RowNumbers {
    #[serde(flatten)]
    rate: RateNumbers,
    published: Option<f64>,
    minima: Vec<MinimumNumbers>,
}

#[derive(Serialize)]
struct SampledNumbers {
    #[serde(flatten)]
    rate: RateNumbers,
    #[serde(rename = "F")]
    risk: f64,
}

/// How many runs ended where for one k and n, and their share.
#[derive(Serialize)]
struct RateNumbers {
    k: usize,
    n: usize,
    #[serde(flatten)]
    tally: Tally,
    rate: f64,
    ci: [f64; 2],
}

#[derive(Serialize)]
struct MinimumNumbers {
    #[serde(rename = "F")]
    risk: f64,
    hits: usize,
    lambda_min: f64,
}

impl RateNumbers {
    fn new(k: usize, n: usize, tally: Tally) -> Self {
        Self { k, n, tally, rate: tally.rate(), ci: tally.interval() }
    }
}

impl RowNumbers {
    fn new(r: &SpuriousRow) -> Self {
        let minimum =
            |m: &SpuriousMinimum| MinimumNumbers { risk: m.risk, hits: m.hits, lambda_min: m.lambda_min };
        Self {
            rate: RateNumbers::new(r.k, r.n, r.tally),
            published: published(r.k).filter(|_| r.n == r.k).map(|p| p.0),
            minima: r.minima.iter().map(minimum).collect(),
        }
    }
}

impl SampledNumbers {
    fn new(r: &SampledRow) -> Self {
        Self { rate: RateNumbers::new(r.k, r.k, r.tally), risk: r.risk }
    }
}

impl From<&Spurious> for Report {
    fn from(Spurious { settings, rows, sampled }: &Spurious) -> Self {
        let numbers = Numbers {
            settings,
            rows: rows.iter().map(RowNumbers::new).collect(),
            sgd: sampled.iter().map(SampledNumbers::new).collect(),
        };
        Self {
            claim: SpuriousSettings::CLAIM,
            source: SOURCE,
            rule: RULE,
            verdict: verdict(rows),
            shown: shown(rows, sampled),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(rows, sampled),
            pictures: vec![("spurious", picture::picture(rows, sampled))],
        }
    }
}

fn shown(rows: &[SpuriousRow], sampled: &[SampledRow]) -> String {
    let share = |extra: usize| {
        let of: Vec<_> = rows.iter().filter(|r| r.n == r.k + extra).collect();
        let (hits, runs) =
            (of.iter().map(|r| r.tally.spurious).sum::<u64>(), of.iter().map(|r| r.tally.runs).sum::<u64>());
        (runs > 0).then(|| {
            let [lo, hi] = wilson(hits, runs).map(|x| 100. * x);
            let name = if extra == 0 { "n = k".into() } else { format!("n = k + {extra}") };
            format!("{hits} of {runs} runs for {name} ({lo:.1}–{hi:.1} %)")
        })
    };
    let shares: Vec<_> = (0..3).filter_map(share).collect();
    let drawn = (!sampled.is_empty()).then(|| {
        let hits = sampled.iter().map(|r| r.tally.spurious).sum::<u64>();
        let runs = sampled.iter().map(|r| r.tally.runs).sum::<u64>();
        format!("; SGD on drawn data ends near one in {hits} of {runs}, n = k")
    });
    let drawn = drawn.unwrap_or_default();
    format!(
        "Shown: gradient descent ends in spurious minima, each with a positive definite Hessian, in {}{drawn}.",
        shares.join(", ")
    )
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
        table.push(&row_of("gradient-descent", r.k, r.n, &r.tally, [r.minima.len().into(), lowest.into()]));
    }
    for r in sampled {
        table.push(&row_of("sgd", r.k, r.k, &r.tally, ["".into(), r.risk.into()]));
    }
    table
}

fn row_of<'a>(method: &'a str, k: usize, n: usize, tally: &Tally, minima: [Cell<'a>; 2]) -> Vec<Cell<'a>> {
    let known = published(k).filter(|_| n == k).map_or(f64::NAN, |p| p.0);
    let counts = [tally.runs, tally.spurious, tally.unresolved].map(|count| Cell::from(count as usize));
    let [low, high] = tally.interval();
    let head = [method.into(), k.into(), n.into()].into_iter().chain(counts);
    head.chain([tally.rate(), low, high, known].map(Cell::from)).chain(minima).collect()
}
