//! The errors of this crate.

/// An error about networks or about points of their parameter space.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name of a network that cannot be read.
    #[error("architecture '{spec}': {reason}")]
    Arch {
        /// The string as it was given.
        spec: String,
        /// The reason why it cannot be read.
        reason: String,
    },
    /// Sizes or properties that do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// The quantity that was compared.
        what: String,
        /// The size that is required.
        expected: String,
        /// The size that was found.
        found: String,
    },
    /// A setting outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The range of permitted values.
        expected: &'static str,
        /// The value that was given.
        found: String,
    },
    /// An operation that the device or dtype does not offer.
    #[error("{what} is not available for {found}")]
    Unsupported {
        /// The operation.
        what: &'static str,
        /// The device, dtype or kind asked for.
        found: String,
    },
    /// An operation of the network that an analysis does not cover.
    #[error("{analysis} does not cover {operation}")]
    NoRule {
        /// The name of the analysis.
        analysis: &'static str,
        /// The operation, with its name in the network.
        operation: String,
    },
    /// A symmetry that does not leave a network's outputs as they are.
    #[error(
        "symmetry refused: expected outputs equal to {expected:e} of the largest, found a difference of {found:e}"
    )]
    Symmetry {
        /// Largest relative difference allowed.
        expected: f64,
        /// Largest relative difference on the probe data.
        found: f64,
    },
    /// An error of candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    pub(crate) fn mismatch(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::Mismatch { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }

    /// An operation of a network for which an analysis has no rule.
    pub(crate) fn no_rule(analysis: &'static str, operation: &impl ToString) -> Self {
        Self::NoRule { analysis, operation: operation.to_string() }
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
