//! Formatting of numbers for people. Files have all digits.

/// A count with its noun, as in `1 run`, `2 runs`.
pub(crate) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A risk or a barrier with six decimals, or with an exponent where it is very small or large.
pub(crate) fn risk(x: f64) -> String {
    match x.abs() {
        0. => "0.000000".into(),
        1e-4..1e6 => format!("{x:.6}"),
        _ => format!("{x:.3e}"),
    }
}

/// A risk that is an upper bound, rounded up.
pub(crate) fn upper(x: f64) -> String {
    outward(x, true, Form::of(x, 6))
}

/// A number that is a lower bound, rounded down.
pub(crate) fn lower(x: f64) -> String {
    outward(x, false, Form::of(x, 6))
}

/// A number with the given significant digits, and with an exponent where it is small or large.
pub(crate) fn significant(x: f64, digits: usize) -> String {
    match x.abs() {
        0. => "0".into(),
        size @ 1e-4..1e6 => {
            let before = size.log10().floor() as i32 + 1;
            format!("{x:.0$}", (digits as i32 - before).max(0) as usize)
        }
        _ => format!("{x:.0$e}", digits - 1),
    }
}

/// A share of wrong examples in per cent, or a dash where there are no classes.
pub(crate) fn error(share: f64) -> String {
    if share.is_nan() { "-".into() } else { format!("{:.2}", 100. * share) }
}

/// An enclosure with `decimals` decimals, at least 4, or with an exponent. The lower end is rounded down, the upper end
/// up.
pub(crate) fn enclosure((lo, hi): (f64, f64), decimals: usize) -> String {
    let form = Form::of(lo.abs().max(hi.abs()), decimals);
    format!("[{}, {}]", outward(lo, false, form), outward(hi, true, form))
}

/// The form of a number: the decimals of x / 10^exponent.
#[derive(Clone, Copy)]
struct Form {
    decimals: usize,
    exponent: i32,
}

impl Form {
    fn of(x: f64, decimals: usize) -> Self {
        match x.abs() {
            0. | 1e-4..1e6 => Self { decimals, exponent: 0 },
            x => Self { decimals: decimals - 3, exponent: x.log10().floor() as i32 },
        }
    }
}

/// The number of decimals of the smallest double, with which every double is written exactly.
const ALL: usize = 1074;

/// Rounds x up or down to the next number of that form, exactly, from all decimals of x.
fn outward(x: f64, up: bool, Form { decimals, exponent }: Form) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    let exact = format!("{:.ALL$}", x.abs());
    let point = exact.len() - ALL - 1;
    let digits = exact.replace('.', "");
    let kept = (point as i32 + decimals as i32 - exponent).clamp(0, digits.len() as i32) as usize;
    let (kept, cut) = digits.split_at(kept);
    let away = (up == (x > 0.)) && cut.bytes().any(|digit| digit != b'0');
    let units = kept.parse::<u128>().unwrap_or(0) + u128::from(away);
    let sign = if x < 0. && units > 0 { "-" } else { "" };
    let one = 10u128.pow(decimals as u32);
    let exponent = if exponent == 0 { String::new() } else { format!("e{exponent}") };
    format!("{sign}{}.{:0decimals$}{exponent}", units / one, units % one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risks_show_their_first_digits() {
        for (x, text) in [
            (0., "0.000000"),
            (-0., "0.000000"),
            (0.000_752_1, "0.000752"),
            (-0.25, "-0.250000"),
            (7.3219e-10, "7.322e-10"),
            (-3.1e-12, "-3.100e-12"),
            (1.134_312e21, "1.134e21"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(risk(x), text);
        }
    }

    #[test]
    fn significant_digits_are_counted_from_the_first() {
        for (x, text) in [
            (0., "0"),
            (0.110_521_3, "0.1105"),
            (-0.000_369_100_3, "-0.0003691"),
            (1234.56, "1235"),
            (98_765.4, "98765"),
            (1.218_34e7, "1.218e7"),
            (4.3368e-19, "4.337e-19"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(significant(x, 4), text);
        }
    }

    #[test]
    fn bounds_are_rounded_outwards_to_the_last_place() {
        // The doubles next to 0.1 and 0.3 lie above and below them.
        assert_eq!(enclosure((0.1, 0.1), 6), "[0.100000, 0.100001]");
        assert_eq!(enclosure((0.3, 0.3), 6), "[0.299999, 0.300000]");
        assert_eq!(enclosure((0.5, 0.75), 6), "[0.500000, 0.750000]");
        assert_eq!(enclosure((-3.1e-12, 0.007_990_180_2), 9), "[-0.000000001, 0.007990181]");
        assert_eq!(enclosure((-0.1, -0.1), 6), "[-0.100001, -0.100000]");
        assert_eq!(enclosure((0., 0.), 6), "[0.000000, 0.000000]");
        assert_eq!(enclosure((9.981e-13, 1.2346e-12), 6), "[0.998e-12, 1.235e-12]");
        assert_eq!(enclosure((1.500_000_4e-200, 2.499_999_6e-200), 9), "[1.500000e-200, 2.500000e-200]");
        assert_eq!(enclosure((1.5004e200, 2.4996e200), 6), "[1.500e200, 2.500e200]");
        assert_eq!(enclosure((5e-324, 5e-324), 6), "[4.940e-324, 4.941e-324]");
        assert_eq!(upper(0.000_751_2), "0.000752");
        assert_eq!(upper(2.0001e-9), "2.001e-9");
        assert_eq!((lower(0.013_779_9), lower(0.3)), ("0.013779".into(), "0.299999".into()));
    }

    #[test]
    fn bounds_read_back_as_bounds() {
        let mut x = 1.7e-320;
        while x < 1e300 {
            for y in [x, -x] {
                let text = enclosure((y, y), 6);
                let ends = text.trim_matches(['[', ']']).split(", ").map(|t| t.parse::<f64>().unwrap());
                let [lo, hi] = ends.collect::<Vec<_>>()[..] else { panic!("{text}") };
                assert!(lo <= y && y <= hi && hi - lo <= 1.1e-3 * x.max(1e-3), "{y} {text}");
            }
            x *= 7.3;
        }
    }
}
