//! The errors of this crate.

/// An error that prevents a certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// A number about which nothing can be proved.
    #[error("{what}: expected finite numbers, found {found} at place {place}")]
    NotFinite {
        /// The name of the numbers.
        what: &'static str,
        /// The value found.
        found: f64,
        /// The index of the number, row-major.
        place: usize,
    },
    /// A running variance of which no root exists.
    #[error("running variance of '{layer}', channel {channel}: expected a number ≥ 0, found {found}")]
    NegativeVariance {
        /// The normalisation layer.
        layer: String,
        /// The index of the channel.
        channel: usize,
        /// The value found.
        found: f64,
    },
    /// Statistics over all rows for which the memory does not suffice.
    #[error("the statistics couple all {rows} rows, of which {fit} fit into the memory of {mib} MiB")]
    Memory {
        /// The number of rows.
        rows: usize,
        /// The number of rows that would fit.
        fit: usize,
        /// The memory in MiB.
        mib: usize,
    },
    /// The risk, or its bound on the last pieces, overflows.
    #[error("the risk cannot be bounded near t = {t}: its enclosure there overflows")]
    Overflow {
        /// A parameter t in the piece.
        t: f64,
    },
    /// An error of a network.
    #[error(transparent)]
    Models(#[from] collado_models::Error),
    /// An error of a risk or a path.
    #[error(transparent)]
    Risk(#[from] collado_risk::Error),
    /// An error of candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
