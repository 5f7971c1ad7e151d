//! The errors of this crate.

/// An error about sections, operators, spectra or kernels.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Sizes or properties that do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// The quantity that was compared.
        what: &'static str,
        /// The value that is required.
        expected: String,
        /// The value that was found.
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
    /// Points that span less than the section needs.
    #[error("the points lie in a space of {found} dimensions, expected {expected}")]
    Degenerate {
        /// Dimensions of the section.
        expected: usize,
        /// Dimensions that the points span.
        found: usize,
    },
    /// A matrix or vector with entries that are not finite.
    #[error("{0} has values that are not finite")]
    NotFinite(&'static str),
    /// The allowed memory is less than the vectors need that have to be held at once.
    #[error("memory: expected at least {expected} bytes for vectors, found {found}")]
    Memory {
        /// Bytes that are needed.
        expected: usize,
        /// Bytes that are allowed.
        found: usize,
    },
    /// An eigenvalue decomposition that did not converge.
    #[error("the eigenvalue decomposition of a {0} x {0} matrix did not converge")]
    Eigen(usize),
    /// An error of a network.
    #[error(transparent)]
    Models(#[from] collado_models::Error),
    /// An error of a risk or a path.
    #[error(transparent)]
    Risk(#[from] collado_risk::Error),
    /// An error of candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The progress callback asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    pub(crate) fn mismatch(what: &'static str, expected: impl ToString, found: impl ToString) -> Self {
        Self::Mismatch { what, expected: expected.to_string(), found: found.to_string() }
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
