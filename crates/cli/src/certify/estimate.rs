//! What a proof that nobody asked for may cost.

/// The pieces of a proof: curves take 9 to 17.
const PIECES: usize = 16;
/// The sampled points that take as long as a piece.
const POINTS: f64 = 12.;
/// The seconds that a proof may take whatever came before.
const PATIENCE: f64 = 3.;

/// The seconds that a proof of a path with so many legs is likely to take, where a point of its profile takes `point` seconds.
pub(crate) fn likely_seconds(legs: usize, point: f64) -> f64 {
    PIECES.max(legs) as f64 * POINTS * point
}

/// Whether a proof of so many seconds is worth trying after `before` seconds.
pub(crate) fn is_quick(seconds: f64, before: f64) -> bool {
    seconds <= before.max(PATIENCE)
}
