//! Parsers of numbers on the command line, which refuse values out of range before any work is done.

use std::time::Duration;

use collado_data::range::real;
pub(crate) use collado_data::range::{
    MANY, above_one, count_from_one as some, count_from_zero as any, not_negative, positive, whole,
};

/// A number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    real(text, "a number from 0 to 1", |x| (0. ..=1.).contains(&x))
}

/// A number from 0 to 1, excluding 1.
pub(crate) fn momentum(text: &str) -> Result<f64, String> {
    real(text, "a number ≥ 0 and < 1", |x| (0. ..1.).contains(&x))
}

/// The extent of a section, limited so that coordinates and their differences stay finite.
pub(crate) fn reach(text: &str) -> Result<f64, String> {
    real(text, "a number > 0, at most 1e100", |x| x > 0. && x <= 1e100)
}

/// A margin around a drawing.
pub(crate) fn margin(text: &str) -> Result<f64, String> {
    real(text, "a number from 0 to 1000", |x| (0. ..=1000.).contains(&x))
}

/// A time in seconds; a time that is too long to be represented means no limit.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = real(text, "seconds ≥ 0", |x| x >= 0.)?;
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
