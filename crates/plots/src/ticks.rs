//! Ticks of an axis: round numbers and their labels.

use crate::axis::{Range, Scale};
use crate::number::{fixed, magnitude, scientific, short, superscript};

/// A labelled tick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// About `wanted` labelled ticks inside `range`, at round values; never more than
/// `2 wanted + 1` and 6.
pub(crate) fn ticks(scale: Scale, range: Range, wanted: usize) -> Vec<Tick> {
    match scale {
        Scale::Linear => linear(range, wanted),
        Scale::Log => logarithmic(range, wanted),
    }
}

/// Ticks at given values, in ascending order, those outside of `range` left out.
pub(crate) fn given(values: &[f64], range: Range) -> Vec<Tick> {
    let mut values: Vec<f64> =
        values.iter().copied().filter(|value| (range.low..=range.high).contains(value)).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let whole = |value: f64| value.fract() == 0.0 && value.abs() < 1e7;
    let label = |value| if whole(value) { fixed(value, 0) } else { short(value) };
    values.into_iter().map(|value| Tick { value, label: label(value) }).collect()
}

/// Unlabelled ticks: 2, 3, …, 9 in every decade of a log axis that shows every decade.
pub(crate) fn minor(scale: Scale, range: Range, wanted: usize) -> Vec<f64> {
    let decades = decades(range);
    if scale == Scale::Linear || decades.len() > wanted {
        return Vec::new();
    }
    let (first, last) = (magnitude(range.low), magnitude(range.high));
    let inside = |value: &f64| (range.low..=range.high).contains(value);
    (first..=last).flat_map(|e| (2..10).map(move |m| f64::from(m) * power(e))).filter(inside).collect()
}

fn linear(range: Range, wanted: usize) -> Vec<Tick> {
    let Range { low, high } = range;
    let count = wanted.max(1) as f64;
    let step = round_step(high / count - low / count);
    if !step.is_normal() {
        return Vec::new();
    }
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    let total = (last - first).clamp(-1.0, 2.0 * count) as i64;
    let mut values: Vec<f64> = (0..=total).map(|i| (first + i as f64) * step).collect();
    values.retain(|value| (low..=high).contains(value));
    values.dedup();
    let labels = linear_labels(&values, step);
    values.into_iter().zip(labels).map(|(value, label)| Tick { value, label }).collect()
}

/// The smallest of 1, 2, 2.5, 5 × 10^k that is at least `raw`.
fn round_step(raw: f64) -> f64 {
    if !raw.is_normal() {
        return 0.0;
    }
    let base = power(magnitude(raw));
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    // The tolerance lets a raw step of 0.30000000000000004 / 3 be 0.1.
    let mut steps = factors.into_iter().map(|f| f * base);
    steps.find(|&step| step >= raw * (1.0 - 1e-9)).expect("ten times the power of ten below is above")
}

/// Labels with as many decimals as are needed to tell the ticks apart.
fn linear_labels(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let (top, mut bottom) = (magnitude(largest), magnitude(step));
    // 2.5 needs a digit more than 2.
    if (2.4..2.6).contains(&(step / power(bottom))) {
        bottom -= 1;
    }
    let label = |&value: &f64| {
        if ((-4..=0).contains(&bottom) && top < 8) || (bottom > 0 && top < 6) {
            return fixed(value, usize::try_from(-bottom).unwrap_or(0));
        }
        if value == 0.0 {
            return "0".to_owned();
        }
        // More than 15 digits would be noise.
        scientific(value, top, usize::try_from(top - bottom).unwrap_or(0).min(15))
    };
    values.iter().map(label).collect()
}

fn logarithmic(range: Range, wanted: usize) -> Vec<Tick> {
    let decades = decades(range);
    if decades.len() >= 3 || (decades.len() == 2 && range.high / range.low > 80.0) {
        return powers(&decades, wanted);
    }
    // Less than two decades: 1, 2, 5; if those are too few, the axis is as good as linear.
    let (first, last) = (magnitude(range.low), magnitude(range.high));
    let inside = |value: &f64| (range.low..=range.high).contains(value);
    let candidates = (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| (e, m * power(e))));
    let values: Vec<(i32, f64)> = candidates.filter(|(_, value)| inside(value)).collect();
    if values.len() < 3 {
        return linear(range, wanted.min(5)).into_iter().filter(|tick| tick.value > 0.0).collect();
    }
    let label = |(exponent, value)| Tick { value, label: log_label(value, exponent) };
    values.into_iter().map(label).collect()
}

fn log_label(value: f64, exponent: i32) -> String {
    match exponent {
        -3..=3 => fixed(value, usize::try_from(-exponent).unwrap_or(0)),
        _ => scientific(value, exponent, 0),
    }
}

/// Ticks at whole powers of ten, at every one or at every few of them.
fn powers(decades: &[i32], wanted: usize) -> Vec<Tick> {
    let stride = [1, 2, 3, 5, 10, 20, 50, 100, 200];
    let count = i32::try_from(decades.len()).unwrap_or(i32::MAX);
    let wanted = i32::try_from(wanted.max(1)).unwrap_or(i32::MAX);
    let stride = stride.into_iter().find(|stride| count / stride <= wanted).unwrap_or(200);
    let kept = decades.iter().filter(|&&exponent| exponent % stride == 0);
    let label = |exponent| match exponent {
        // A superscript zero looks like a degree sign.
        0 => "1".to_owned(),
        1 => "10".to_owned(),
        _ => format!("10{}", superscript(exponent)),
    };
    kept.map(|&exponent| Tick { value: power(exponent), label: label(exponent) }).collect()
}

/// The exponents of the powers of ten inside `range`.
fn decades(range: Range) -> Vec<i32> {
    let (first, last) = (magnitude(range.low), magnitude(range.high));
    (first..=last).filter(|&e| (range.low..=range.high).contains(&power(e))).collect()
}

/// 10^exponent, correctly rounded, down to the subnormal numbers.
fn power(exponent: i32) -> f64 {
    format!("1e{exponent}").parse().expect("a number in scientific notation")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, low: f64, high: f64) -> Vec<String> {
        ticks(scale, Range { low, high }, 5).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(Scale::Linear, 0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(Scale::Linear, -3.0, 7.5), ["−2.5", "0.0", "2.5", "5.0", "7.5"]);
        assert_eq!(labels(Scale::Linear, 0.0, 3e-7), ["0", "1×10⁻⁷", "2×10⁻⁷", "3×10⁻⁷"]);
        assert_eq!(
            labels(Scale::Linear, 100_000.0, 100_008.0),
            ["100000", "100002", "100004", "100006", "100008"]
        );
    }

    #[test]
    fn log_ticks_are_decades_or_1_2_5() {
        assert_eq!(labels(Scale::Log, 2e-4, 3.0), ["10⁻³", "10⁻²", "10⁻¹", "1"]);
        assert_eq!(labels(Scale::Log, 0.015, 0.3), ["0.02", "0.05", "0.1", "0.2"]);
        assert_eq!(labels(Scale::Log, 1e-300, 1e300).len(), 3);
    }

    #[test]
    fn given_ticks_are_those_that_were_measured() {
        let found = given(&[16.0, 4.0, 8.0, 0.3, 4.0], Range { low: 0.1, high: 10.0 });
        assert_eq!(found.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>(), ["0.300", "4", "8"]);
    }

    #[test]
    fn no_range_is_too_strange() {
        for exponent in -300..=300 {
            let size = power(exponent);
            for (low, high) in
                [(0.0, size), (-size, size), (-size, 0.0), (size, size * 1.001), (size / 7.0, 9.0 * size)]
            {
                for wanted in [0, 1, 2, 5, 9] {
                    let range = Range { low, high };
                    let scales =
                        if low > 0.0 { vec![Scale::Linear, Scale::Log] } else { vec![Scale::Linear] };
                    for scale in scales {
                        let found = ticks(scale, range, wanted);
                        assert!(found.len() <= (2 * wanted + 1).max(6), "{range:?} {wanted} {found:?}");
                        assert!(wanted < 5 || found.len() >= 2, "{range:?} {wanted} {found:?}");
                        assert!(found.windows(2).all(|pair| pair[0].value < pair[1].value), "{range:?}");
                        assert!(found.windows(2).all(|pair| pair[0].label != pair[1].label), "{found:?}");
                        assert!(found.iter().all(|tick| (low..=high).contains(&tick.value)), "{range:?}");
                        assert!(minor(scale, range, wanted).len() <= 8 * (wanted + 2));
                    }
                }
            }
        }
    }

    #[test]
    fn a_range_that_is_a_rounding_error_gives_few_ticks() {
        let range = Range { low: 1.0, high: 1.0 + f64::EPSILON };
        assert!(ticks(Scale::Linear, range, 5).len() <= 3);
        assert!(ticks(Scale::Linear, Range { low: f64::MIN, high: f64::MAX }, 5).len() >= 3);
        assert!(ticks(Scale::Linear, Range { low: 0.0, high: 5e-324 }, 5).is_empty());
    }
}
