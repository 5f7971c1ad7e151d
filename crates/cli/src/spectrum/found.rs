//! The result of a method at one point.

use collado_landscape::{Error, RankCheck};
use collado_plots::Panel;

use super::summary::Values;
use crate::failure::Failure;

/// The result as values, columns and a picture.
pub(super) struct SpectrumResult {
    pub(super) values: Values,
    /// The check on which the ranks rest; `None` where all eigenvalues are known.
    pub(super) check: Option<RankCheck>,
    pub(super) header: [&'static str; 3],
    pub(super) rows: Vec<[f64; 3]>,
    pub(super) panel: Panel,
    pub(super) axis: &'static str,
    pub(super) note: String,
    pub(super) caption: &'static str,
}

/// The failure for an error of a method.
pub(super) fn failed(error: Error) -> Failure {
    match error {
        Error::Interrupted => Failure::interrupted("interrupted; nothing was written"),
        Error::Memory { expected, found } => {
            // Vectors have three quarters of it.
            let size = |bytes: usize| match bytes.div_ceil(3) * 4 {
                small @ ..1_048_576 => format!("{}KiB", small >> 10),
                large => format!("{}MiB", large.div_ceil(1 << 20)),
            };
            let message = format!("--memory: expected at least {}, found {}", size(expected), size(found));
            Failure::new(message).hint("a smaller --count, or --ends top, needs less")
        }
        error => error.into(),
    }
}
