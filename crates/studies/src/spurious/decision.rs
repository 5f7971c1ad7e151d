//! How the counts of spurious runs decide on the claim.

use super::{
    SpuriousRow,
    published::{PublishedRate, published},
};
use crate::{Condition, Verdict, newcombe, proportion::detectable_difference, shown_by};

/// Half the length up to which an interval of a difference of rates counts as an answer.
const VISIBLE: f64 = 0.1;
/// The share of spurious runs that must have shown itself for n = k + 2.
const RARE: f64 = 0.01;
/// The share of runs that may stay unresolved.
const UNRESOLVED: f64 = 0.05;

/// The conditions of the claim.
pub(super) fn conditions(rows: &[SpuriousRow]) -> Vec<Condition> {
    let known: Vec<_> =
        rows.iter().filter(|r| r.n == r.k).filter_map(|r| Some((r, published(r.k)?))).collect();
    let wide: Vec<_> = rows.iter().filter(|r| r.n == r.k + 2).collect();
    let mut conditions: Vec<_> = known.iter().map(|(r, p)| as_published(r, p, known.len())).collect();
    conditions.extend(wide.iter().map(|r| never_spurious(r)));
    let missing = |what: &str, found: &str| Condition::new(what, Verdict::Inconclusive, found);
    if known.is_empty() {
        conditions
            .push(missing("for n = k the rate is the published one", "no k of these has a published rate"));
    }
    if wide.is_empty() {
        conditions.push(missing("for n = k + 2 no run ends in a spurious minimum", "no row with n = k + 2"));
    }
    conditions
}

/// Whether a row with n = k has the published rate, as one of `comparisons`.
fn as_published(r: &SpuriousRow, known: &PublishedRate, comparisons: usize) -> Condition {
    let [low, high] = newcombe((r.tally.spurious, r.tally.runs), (known.hits, known.runs), comparisons);
    let verdict = match r.tally.is_resolved(UNRESOLVED) {
        true => Verdict::near_zero([low, high], 0., VISIBLE),
        false => Verdict::Inconclusive,
    };
    let found = format!(
        "{}, published {} of {}: difference {:.1} to {:.1} %",
        r.tally.text(),
        known.hits,
        known.runs,
        100. * low,
        100. * high
    );
    Condition::new(format!("for n = k = {} the rate is the published one", r.k), verdict, found)
}

/// Whether a row with n = k + 2 has no spurious run.
fn never_spurious(r: &SpuriousRow) -> Condition {
    let (rare, tally) = (shown_by(r.tally.runs), r.tally);
    let verdict = match (tally.spurious, tally.is_resolved(UNRESOLVED) && rare <= RARE) {
        (0, true) => Verdict::Supported,
        (0, false) => Verdict::Inconclusive,
        _ => Verdict::Contradicted,
    };
    let found = format!("{}; a share of {:.1} % would have shown", tally.text(), 100. * rare);
    Condition::new(format!("for k = {} and n = k + 2 no run ends in a spurious minimum", r.k), verdict, found)
}

/// What this many runs would have told.
pub(super) fn power(rows: &[SpuriousRow]) -> String {
    let known: Vec<_> =
        rows.iter().filter(|r| r.n == r.k).filter_map(|r| Some((r, published(r.k)?))).collect();
    let off = |(r, p): &(&SpuriousRow, PublishedRate)| {
        100. * detectable_difference((r.tally.spurious, r.tally.runs), (p.hits, p.runs), known.len())
    };
    let most = known.iter().map(off).fold(0., f64::max);
    let fewest = rows.iter().filter(|r| r.n == r.k + 2).map(|r| r.tally.runs).min();
    let rates = match known.is_empty() {
        true => "no rate is compared".to_owned(),
        false => format!(
            "a rate for n = k that is {most:.0} percentage points off the published one would have been told from it in 80 % of samples"
        ),
    };
    let wide = fewest.map_or_else(String::new, |runs| {
        format!(
            "; a share of {:.1} % of spurious runs for n = k + 2 would have shown (95 %)",
            100. * shown_by(runs)
        )
    });
    rates + &wide
}

#[cfg(test)]
mod tests {
    use super::{super::Tally, *};

    fn row(k: usize, n: usize, runs: u64, spurious: u64) -> SpuriousRow {
        SpuriousRow { k, n, tally: Tally { runs, spurious, unresolved: 0 }, minima: Vec::new() }
    }

    fn verdict(rows: &[SpuriousRow]) -> Verdict {
        Verdict::of(&conditions(rows))
    }

    #[test]
    fn only_enough_runs_at_published_rates_decide() {
        // 32 % are published for k = 10, 11.4 % for k = 8.
        let wide = row(10, 12, 500, 0);
        assert_eq!(verdict(&[row(10, 10, 500, 160), row(8, 8, 500, 57), wide.clone()]), Verdict::Supported);
        assert_eq!(verdict(&[row(10, 10, 500, 60), wide.clone()]), Verdict::Contradicted);
        assert_eq!(verdict(&[row(10, 10, 500, 160), row(10, 12, 500, 1)]), Verdict::Contradicted);
        // Three runs, no published rate (k = 11), or no row with n = k + 2: nothing is said.
        assert_eq!(verdict(&[row(10, 10, 3, 1), wide.clone()]), Verdict::Inconclusive);
        assert_eq!(verdict(&[row(10, 10, 500, 160), row(10, 12, 3, 0)]), Verdict::Inconclusive);
        assert_eq!(verdict(&[row(11, 11, 500, 200), wide.clone()]), Verdict::Inconclusive);
        assert_eq!(verdict(&[row(10, 10, 500, 160)]), Verdict::Inconclusive);
        let mut open = row(10, 10, 500, 160);
        open.tally.unresolved = 26;
        assert_eq!(verdict(&[open, wide]), Verdict::Inconclusive);
    }
}
