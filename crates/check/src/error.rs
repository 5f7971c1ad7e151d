//! The errors of this crate.

/// An error that prevents a check.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Numbers about which nothing can be said.
    #[error("{what}: expected finite numbers")]
    NotFinite {
        /// The name of the numbers.
        what: &'static str,
    },
    /// A proof that is about something else.
    #[error("{what}: the proof is about {stated}, found {found}")]
    Other {
        /// The quantity that was compared.
        what: &'static str,
        /// The value that the proof states.
        stated: String,
        /// The value that was found.
        found: String,
    },
    /// A running variance that is negative.
    #[error("{layer}: channel {channel}: expected a variance of at least 0, found {found}")]
    NegativeVariance {
        /// The layer.
        layer: String,
        /// The channel, counted from 0.
        channel: usize,
        /// The variance.
        found: f64,
    },
    /// Pieces that do not cover the path, or a claim below one of their bounds.
    #[error("piece {piece}: {reason}")]
    Gap {
        /// The number of the piece, counted from 1.
        piece: usize,
        /// A sentence that says what is wrong.
        reason: String,
    },
    /// An error of a network, as an operation without a rule.
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
