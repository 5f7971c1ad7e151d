//! The errors of this crate.

/// An error in training or in connecting minima.
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
    /// A number that is not finite where a finite one is required.
    #[error("{what}: expected finite numbers, found {found}")]
    NotFinite {
        /// The name of the quantity.
        what: &'static str,
        /// The number found.
        found: f64,
    },
    /// A search that diverged to values that are not finite.
    #[error("{method} diverged: its path, or the risk on it, is no longer finite")]
    Diverged {
        /// The method that searched.
        method: &'static str,
    },
    /// A hypothesis of a theorem that does not hold for this network.
    #[error("{method}: expected {expected}, found {found}")]
    Hypothesis {
        /// The method that rests on the theorem.
        method: &'static str,
        /// The hypothesis of the theorem.
        expected: String,
        /// The property of the network that contradicts it.
        found: String,
    },
    /// A decomposition or iteration that did not converge, as when a parameter is not finite.
    #[error("{0} did not converge: are all parameters finite?")]
    Numerics(&'static str),
    /// An error of a method that the caller supplied.
    #[error("{0}")]
    Method(String),
    /// A saved state from which the run cannot be continued.
    #[error("saved state: {0}")]
    State(String),
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

impl From<collado_linalg::NoConvergence> for Error {
    fn from(e: collado_linalg::NoConvergence) -> Self {
        Self::Numerics(e.0)
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
