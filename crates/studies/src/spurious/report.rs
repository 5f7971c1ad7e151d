//! What the study of spurious minima says: verdict, numbers and table.

use serde::Serialize;

use super::{
    SampledRow, Spurious, SpuriousMinimum, SpuriousRow, SpuriousSettings, Tally,
    decision::{conditions, power},
    picture,
    published::published,
};
use crate::{
    Claim, Report, Table, Verdict,
    report::{Cell, fields},
};

pub(super) const CLAIM: Claim = Claim {
    statement: "Gradient descent on two-layer ReLU networks with k planted teachers ends in spurious minima for n = k, \
        as often as published, and never for n = k + 2.",
    source: "Safran & Shamir 2018, Spurious local minima are common in two-layer ReLU neural networks; Safran, Yehudai & \
        Shamir 2021 for the rates",
    rule: "supported: for every n = k with a published rate the interval of the difference of both rates (Newcombe, \
        jointly 95 %) holds 0 and is at most 20 percentage points long, and for n = k + 2 no run ends in a spurious \
        minimum, of so many that a share of 1 % would have shown (95 %); contradicted: such an interval leaves 0 out, or \
        a run with n = k + 2 ends in a spurious minimum; inconclusive: too few runs, more than 5 % of a row unresolved, \
        no k with a published rate, or no row with n = k + 2",
    contradicted_by: "a rate for n = k that differs from the published one by more than both samples allow; one run with \
        n = k + 2 that ends at F > 1e-3 with a gradient of 1e-9 and a positive definite Hessian",
};

const NOT_SHOWN: &str = "Not shown: anything about other laws of inputs or starts than N(0, I) and N(0, I/k), or about \
                         the minima that no run has hit; for n > k the global minimum is not a point, and F ≤ 1e-3 is \
                         taken for it.";

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
            published: published(r.k).filter(|_| r.n == r.k).map(|p| p.rate()),
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
        let conditions = conditions(rows);
        let numbers = Numbers {
            settings,
            rows: rows.iter().map(RowNumbers::new).collect(),
            sgd: sampled.iter().map(SampledNumbers::new).collect(),
        };
        Self {
            claim: CLAIM,
            verdict: Verdict::of(&conditions),
            conditions,
            power: power(rows),
            shown: shown(rows, sampled),
            not_shown: NOT_SHOWN.into(),
            numbers: fields(&numbers),
            table: table(rows, sampled),
            pictures: vec![("spurious", picture::picture(rows, sampled))],
        }
    }
}

/// Rates differ from k to k: each is given for itself.
fn shown(rows: &[SpuriousRow], sampled: &[SampledRow]) -> String {
    let mut extras: Vec<usize> = rows.iter().map(|r| r.n - r.k).collect();
    extras.sort_unstable();
    extras.dedup();
    let rate = |k: usize, tally: &Tally| format!("{} of {} at k = {k}", tally.spurious, tally.runs);
    let share = |&extra: &usize| {
        let name = if extra == 0 { "n = k".into() } else { format!("n = k + {extra}") };
        let of = rows.iter().filter(|r| r.n - r.k == extra).map(|r| rate(r.k, &r.tally));
        format!("for {name} in {}", of.collect::<Vec<_>>().join(", "))
    };
    let shares: Vec<_> = extras.iter().map(share).collect();
    let drawn: Vec<_> = sampled.iter().map(|r| rate(r.k, &r.tally)).collect();
    let drawn = match drawn.is_empty() {
        true => String::new(),
        false => format!("; SGD on drawn data ends near one, n = k, in {}", drawn.join(", ")),
    };
    format!(
        "Shown: runs of gradient descent that end in spurious minima, each with a positive definite Hessian: {}{drawn}.",
        shares.join("; ")
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
    let known = published(k).filter(|_| n == k).map_or(f64::NAN, |p| p.rate());
    let counts = [tally.runs, tally.spurious, tally.unresolved].map(|count| Cell::from(count as usize));
    let [low, high] = tally.interval();
    let head = [method.into(), k.into(), n.into()].into_iter().chain(counts);
    head.chain([tally.rate(), low, high, known].map(Cell::from)).chain(minima).collect()
}
