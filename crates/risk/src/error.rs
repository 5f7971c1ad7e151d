//! The errors of this crate.

/// An error about risks, the points at which they are evaluated, or paths.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sizes or properties that do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// The quantity that was compared.
        what: String,
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
    /// An operation that the device, dtype or kind of risk does not offer.
    #[error("{what} is not available for {found}")]
    Unsupported {
        /// The operation.
        what: &'static str,
        /// The device, dtype or kind asked for.
        found: String,
    },
    /// Less memory than a product needs of rows that share their statistics, in MiB.
    #[error(
        "`memory`: expected at least {needed} MiB for {rows} rows that share their statistics, found {found} MiB, \
         which hold {fit} rows (`bn_rows`)"
    )]
    Memory {
        /// Number of rows that share their statistics.
        rows: usize,
        /// The memory that they need.
        needed: usize,
        /// The memory that is allowed.
        found: usize,
        /// Number of rows that it holds.
        fit: usize,
    },
    /// Two ends that are not points of one parameter space.
    #[error("ends of a path: expected [{expected}] parameters at both, found [{found}]")]
    Ends {
        /// Number of parameters at A.
        expected: usize,
        /// Number of parameters at B.
        found: usize,
    },
    /// Vertices and knots that do not form a path, with the reason.
    #[error("path: {0}")]
    Path(String),
    /// An error of the network.
    #[error(transparent)]
    Models(#[from] collado_models::Error),
    /// An error of a machine that runs kernels.
    #[error(transparent)]
    Machine(#[from] collado_cuda::Error),
    /// An error of candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    pub(crate) fn mismatch(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::Mismatch { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
