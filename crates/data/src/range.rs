//! Numbers as text, refused where they are out of range: parsers for the flags of a command line.
//!
//! ```
//! use collado_data::range::{positive, whole};
//!
//! assert_eq!(whole::<usize>(1..=9)("3"), Ok(3));
//! assert_eq!(whole::<usize>(1..=9)("10").unwrap_err(), "expected a whole number from 1 to 9");
//! assert_eq!(positive("1e-9"), Ok(1e-9));
//! ```

use std::ops::RangeInclusive;

/// The largest count of what takes time, but no memory: steps, epochs, runs.
pub const MANY: u64 = 1_000_000_000;

/// Parses a whole number in `range`.
pub fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|n| range.contains(n));
        number
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Parses a count that is at least one, and at most [`MANY`].
pub fn count_from_one<T: TryFrom<u64>>() -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
{
    whole(1..=MANY)
}

/// Parses a count that may be zero, and is at most [`MANY`].
pub fn count_from_zero<T: TryFrom<u64>>() -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
{
    whole(0..=MANY)
}

/// Parses a finite number above 0.
///
/// # Errors
/// When the text is none; the message says what was expected.
pub fn positive(text: &str) -> Result<f64, String> {
    real(text, "a finite number > 0", |x| x > 0.)
}

/// Parses a finite number that is not negative.
///
/// # Errors
/// As [`positive`].
pub fn not_negative(text: &str) -> Result<f64, String> {
    real(text, "a finite number ≥ 0", |x| x >= 0.)
}

/// Parses a finite number above 1.
///
/// # Errors
/// As [`positive`].
pub fn above_one(text: &str) -> Result<f64, String> {
    real(text, "a finite number > 1", |x| x > 1.)
}

/// Parses a finite number for which `holds`.
///
/// # Errors
/// When the text is none; the message says that `expected` was expected.
pub fn real(text: &str, expected: &str, holds: fn(f64) -> bool) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|x: &f64| x.is_finite() && holds(*x))
        .ok_or_else(|| format!("expected {expected}"))
}
