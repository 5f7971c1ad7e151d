//! Lists of widths that a study goes through.

/// The different numbers of a list in ascending order.
pub(crate) fn ascending(widths: &[usize]) -> Vec<usize> {
    let mut widths = widths.to_vec();
    widths.sort_unstable();
    widths.dedup();
    widths
}
