//! Parsers of numbers on the command line, which refuse values out of range before any work is done.

use std::{ops::RangeInclusive, time::Duration};

/// The largest count of things that take time but no memory: steps, epochs, runs.
pub(crate) const MANY: u64 = 1_000_000_000;

/// A whole number in `range`.
pub(crate) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|n| range.contains(n));
        number
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
    }
}

/// A count of at least one.
pub(crate) fn some<T: TryFrom<u64>>() -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    whole(1..=MANY)
}

/// A count, which may be 0.
pub(crate) fn any<T: TryFrom<u64>>() -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    whole(0..=MANY)
}

/// A finite number above 0.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    real(text, "a finite number > 0", |x| x > 0.)
}

/// A finite number that is not negative.
pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    real(text, "a finite number ≥ 0", |x| x >= 0.)
}

/// A finite number above 1.
pub(crate) fn above_one(text: &str) -> Result<f64, String> {
    real(text, "a finite number > 1", |x| x > 1.)
}

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

fn real(text: &str, expected: &str, holds: fn(f64) -> bool) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|x: &f64| x.is_finite() && holds(*x))
        .ok_or_else(|| format!("expected {expected}"))
}
