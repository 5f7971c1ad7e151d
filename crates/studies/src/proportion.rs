//! Shares of runs, their differences, and what a number of runs can tell.

use statrs::distribution::{ContinuousCDF, Normal};

/// The 95 % Wilson score interval of the share `hits` / `runs` (Wilson 1927). It ends at exactly 0 when nothing
/// was hit, and at exactly 1 when every run hit.
pub fn wilson(hits: u64, runs: u64) -> [f64; 2] {
    score(hits, runs, 1)
}

/// The Wilson interval of one of `comparisons` shares that hold their intervals together with a probability of 95 %.
fn score(hits: u64, runs: u64, comparisons: usize) -> [f64; 2] {
    let (n, z) = (runs as f64, normal(1. - 0.025 / comparisons.max(1) as f64));
    let p = hits as f64 / n;
    let centre = (p + z * z / (2. * n)) / (1. + z * z / n);
    let half = z / (1. + z * z / n) * (p * (1. - p) / n + z * z / (4. * n * n)).sqrt();
    [if hits == 0 { 0. } else { centre - half }, if hits == runs { 1. } else { centre + half }]
}

/// The interval of the difference of two independent shares, the first minus the second, each given as (hits, runs): that of
/// Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10, for one of `comparisons`
/// differences that hold their intervals together with a probability of 95 %.
pub fn newcombe(first: (u64, u64), second: (u64, u64), comparisons: usize) -> [f64; 2] {
    let share = |(hits, runs): (u64, u64)| hits as f64 / runs as f64;
    let (p, q) = (share(first), share(second));
    let [[l, u], [m, v]] = [first, second].map(|(hits, runs)| score(hits, runs, comparisons));
    [p - q - (p - l).hypot(v - q), p - q + (u - p).hypot(q - m)]
}

/// How far the true difference has to be from a value for [`newcombe`]'s interval to leave that value out in 80 % of samples like
/// these, by the normal law.
pub(crate) fn detectable_difference(first: (u64, u64), second: (u64, u64), comparisons: usize) -> f64 {
    let [low, high] = newcombe(first, second, comparisons);
    0.5 * (high - low) * (1. + normal(0.8) / normal(1. - 0.025 / comparisons.max(1) as f64))
}

/// The smallest share that would have been hit at least once in `runs` runs with a probability of 95 %.
pub fn shown_by(runs: u64) -> f64 {
    1. - 0.05f64.powf(1. / runs as f64)
}

/// A quantile of the standard normal law.
fn normal(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_intervals_are_where_the_normal_score_is_its_quantile() {
        for (hits, runs) in [(5, 10), (1, 500), (69, 500), (499, 500)] {
            let share = hits as f64 / runs as f64;
            for end in wilson(hits, runs) {
                let score = (share - end) / (end * (1. - end) / runs as f64).sqrt();
                assert!((score.abs() - 1.959_963_985).abs() < 1e-8, "{hits} of {runs}: {score}");
            }
        }
        let [low, high] = wilson(0, 100);
        assert_eq!(low, 0.);
        assert!((high - 0.036_993_5).abs() < 1e-7, "{high}");
        assert_eq!(wilson(100, 100), [1. - high, 1.]);
    }

    /// Newcombe 1998, table II, method 10: contrasts (a) to (d) and (f).
    #[test]
    fn differences_have_the_published_intervals() {
        let published = [
            ((56, 70), (48, 80), [0.0524, 0.3339]),
            ((9, 10), (3, 10), [0.1705, 0.8090]),
            ((6, 7), (2, 7), [0.0582, 0.8062]),
            ((5, 56), (0, 29), [-0.0381, 0.1926]),
            ((0, 10), (0, 20), [-0.1611, 0.2775]),
            ((10, 10), (0, 20), [0.6791, 1.]),
        ];
        for (first, second, interval) in published {
            let found = newcombe(first, second, 1);
            for (found, expected) in found.iter().zip(interval) {
                assert!((found - expected).abs() < 6e-5, "{first:?} {second:?}: {found} {expected}");
            }
        }
        let (one, four) = (newcombe((30, 100), (20, 100), 1), newcombe((30, 100), (20, 100), 4));
        assert!(four[0] < one[0] && one[1] < four[1]);
    }

    #[test]
    fn what_a_number_of_runs_shows() {
        assert!((shown_by(59) - 0.05).abs() < 1e-3 && (shown_by(299) - 0.01).abs() < 1e-4);
        assert_eq!(shown_by(0), 1.);
    }
}
