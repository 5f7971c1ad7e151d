//! What a proof that nobody asked for may cost.

use crate::shown::significant;

/// The pieces of a proof: curves take 9 to 17.
const PIECES: usize = 16;
/// The sampled points that take as long as a piece.
const POINTS: f64 = 12.;

/// The seconds that an automatic proof may take in any case.
const LEAST: f64 = 1.;
/// How much longer than all before it an automatic proof may take: what is stopped just before its end is of little use.
const GRACE: f64 = 1.25;

/// The seconds that a proof of a path with so many legs is likely to take, where a point of its profile takes `point` seconds.
pub(crate) fn likely_seconds(legs: usize, point: f64) -> f64 {
    PIECES.max(legs) as f64 * POINTS * point
}

/// The seconds after which an automatic proof is stopped, where all before took `before` seconds. It is tried if it is likely
/// to end within them.
///
/// # Errors
/// The reason why it is not tried.
pub(crate) fn automatic_limit(likely: f64, before: f64) -> Result<f64, String> {
    let limit = (GRACE * before).max(LEAST);
    match likely <= limit {
        true => Ok(limit),
        false => {
            let [likely, before] = [likely, before].map(|seconds| significant(seconds, 2));
            Err(format!(
                "that takes some {likely} s, and all before took {before} s; --certify always proves a bound"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_tried_if_they_are_likely_to_end_in_time() {
        for (likely, before, limit) in [(0.1, 0., 1.), (1., 0.1, 1.), (7.4, 6.6, 8.25), (0.1, 4., 5.)] {
            assert_eq!(automatic_limit(likely, before), Ok(limit));
        }
        // What could not end before it is stopped is not begun.
        for (likely, before) in [(1.1, 0.1), (2.9, 1.), (8.3, 6.6), (f64::NAN, 1.), (f64::INFINITY, 1e9)] {
            let why = automatic_limit(likely, before).expect_err("that would not end");
            assert!(why.contains("--certify always"), "{why}");
        }
        assert_eq!(
            automatic_limit(30., 12.34),
            Err("that takes some 30 s, and all before took 12 s; --certify always proves a bound".into())
        );
    }

    #[test]
    fn paths_of_many_legs_take_a_piece_each() {
        assert_eq!(likely_seconds(1, 0.01), likely_seconds(16, 0.01));
        assert_eq!(likely_seconds(32, 0.01), 2. * likely_seconds(16, 0.01));
    }
}
