use serde_json::{Value, json};

use super::SpuriousRow;

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

/// The 95 % Wilson score interval of `hits` out of `runs`.
pub fn wilson(hits: u64, runs: u64) -> [f64; 2] {
    let (n, z) = (runs as f64, 1.959_963_984_540_054_f64);
    let p = hits as f64 / n;
    let centre = (p + z * z / (2. * n)) / (1. + z * z / n);
    let half = z / (1. + z * z / n) * (p * (1. - p) / n + z * z / (4. * n * n)).sqrt();
    [(centre - half).max(0.), (centre + half).min(1.)]
}

pub(super) fn published(k: usize) -> Option<(f64, [f64; 2])> {
    let &(_, rate) = PUBLISHED.iter().find(|p| p.0 == k)?;
    Some((rate, wilson((rate * PUBLISHED_RUNS as f64).round() as u64, PUBLISHED_RUNS)))
}

const CLAIM: &str = "Gradient descent on two-layer ReLU networks with k planted teachers ends in spurious minima for \
                     n = k, as often as published, and never for n = k + 2.";
const RULE: &str = "supported: for every n = k with a published rate its 95 % Wilson interval meets the one found, and no run \
                    with n = k + 2 ends in a spurious minimum; contradicted: one of these fails; inconclusive: neither \
                    kind of row is there, or more than 5 % of the runs of one are unresolved.";

/// `supported`, `contradicted` or `inconclusive`.
fn verdict(rows: &[SpuriousRow]) -> &'static str {
    let mut judged =
        rows.iter().filter(|r| r.n == r.k + 2 || (r.n == r.k && published(r.k).is_some())).peekable();
    if judged.peek().is_none() {
        return "inconclusive";
    }
    let judged: Vec<_> = judged.collect();
    if judged.iter().any(|r| r.unresolved as f64 > 0.05 * r.runs as f64) {
        return "inconclusive";
    }
    let fits = |r: &&SpuriousRow| match published(r.k).filter(|_| r.n == r.k) {
        Some((_, [lo, hi])) => r.interval()[0] <= hi && lo <= r.interval()[1],
        None => r.spurious == 0,
    };
    if judged.iter().all(fits) { "supported" } else { "contradicted" }
}

/// The study's `result.json`: claim, rule, verdict and the rows.
pub fn outcome(rows: &[SpuriousRow]) -> Value {
    let of = |r: &SpuriousRow| {
        let minima: Vec<_> = r
            .minima
            .iter()
            .map(|m| json!({"F": m.risk, "hits": m.hits, "lambda_min": m.lambda_min}))
            .collect();
        json!({
            "k": r.k, "n": r.n, "runs": r.runs, "spurious": r.spurious, "unresolved": r.unresolved,
            "rate": r.rate(), "ci": r.interval(), "published": published(r.k).filter(|_| r.n == r.k).map(|p| p.0),
            "minima": minima,
        })
    };
    let rows_json: Vec<_> = rows.iter().map(of).collect();
    json!({"claim": CLAIM, "rule": RULE, "verdict": verdict(rows), "rows": rows_json})
}
