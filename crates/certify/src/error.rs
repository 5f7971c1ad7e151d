/// What can go wrong with a certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting, as on the command line.
        name: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// Sizes that do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// What was measured.
        what: &'static str,
        /// What it has to be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A number about which nothing can be proved.
    #[error("{what}: expected finite numbers, found {found} at place {place}")]
    NotFinite {
        /// Which numbers.
        what: &'static str,
        /// The value found.
        found: f64,
        /// Its index, row-major.
        place: usize,
    },
    /// The risk, or its bound on the last pieces, overflows.
    #[error("the risk cannot be bounded near t = {t}: its enclosure there overflows")]
    Overflow {
        /// A t in the piece.
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

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
