//! Formatting of numbers: three significant digits, a typographic minus sign, superscript exponents.

const SUPERSCRIPTS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];

/// The exponent in superscript digits.
pub(crate) fn superscript(exponent: i32) -> String {
    let digits = exponent.unsigned_abs().to_string();
    let sign = if exponent < 0 { "⁻" } else { "" };
    let digit = |byte: u8| SUPERSCRIPTS[usize::from(byte - b'0') % 10];
    sign.chars().chain(digits.bytes().map(digit)).collect()
}

/// Fixed-point notation with a typographic minus sign.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    match text.strip_prefix('-') {
        Some(rest) if is_zero => rest.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// The power of ten of the leading digit; 0 for 0 and for what is not finite.
pub(crate) fn magnitude(value: f64) -> i32 {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    // The shortest scientific notation is exact about the exponent; log10 is not near powers of 10.
    let text = format!("{value:e}");
    let (_, exponent) = text.split_once('e').expect("scientific notation has an exponent");
    exponent.parse().expect("the exponent of a double is small")
}

/// `mantissa × 10^exponent`, with the value's mantissa for the given exponent.
pub(crate) fn scientific(value: f64, exponent: i32, decimals: usize) -> String {
    // Two factors: 10^-320 alone is not a normal number.
    let half = exponent / 2;
    let mantissa = value / 10f64.powi(half) / 10f64.powi(exponent - half);
    format!("{}×10{}", fixed(mantissa, decimals), superscript(exponent))
}

/// Three significant digits for annotations: `0.0231`, `1.30`, `4.60×10⁻⁶`, `nan`.
pub(crate) fn short(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // Rounding may carry: 9.999 has magnitude 0, but is written 10.0.
    let rounded: f64 = format!("{value:.2e}").parse().expect("a number in scientific notation");
    let exponent = magnitude(rounded);
    match exponent {
        -3..=4 => fixed(rounded, usize::try_from(2 - exponent).unwrap_or(0)),
        _ => scientific(rounded, exponent, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_people_do() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (0.02314, "0.0231"),
            (1.3, "1.30"),
            (9.999, "10.0"),
            (-12345.0, "−12300"),
            (0.00099999, "0.00100"),
            (4.6e-6, "4.60×10⁻⁶"),
            (1e300, "1.00×10³⁰⁰"),
            (5e-324, "4.94×10⁻³²⁴"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "−∞"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text, "{value:e}");
        }
    }

    #[test]
    fn a_negative_zero_has_no_sign() {
        assert_eq!(fixed(-0.001, 1), "0.0");
        assert_eq!(fixed(-0.05, 2), "−0.05");
    }
}
