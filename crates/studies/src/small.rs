//! Small numbers in sentences.

/// The number with an exponent, as `2e-14`; 0 is `0`.
pub(crate) fn small(x: f64, decimals: usize) -> String {
    if x == 0. { "0".into() } else { format!("{x:.decimals$e}") }
}

#[cfg(test)]
mod tests {
    use super::small;

    #[test]
    fn zero_has_no_exponent() {
        assert_eq!(
            [small(0., 0), small(-0., 1), small(2.04e-14, 0), small(0.016, 1)],
            ["0", "0", "2e-14", "1.6e-2"]
        );
    }
}
