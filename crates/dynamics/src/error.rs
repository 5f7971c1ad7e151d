/// What can go wrong in training and in connecting minima.
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
    /// A number that is not finite where none may be.
    #[error("{what}: expected finite numbers, found {found}")]
    NotFinite {
        /// What was computed.
        what: &'static str,
        /// The number found.
        found: f64,
    },
    /// A search that went where nothing can be computed any more.
    #[error("{method} diverged: its path, or the risk on it, is no longer finite")]
    Diverged {
        /// The method that searched.
        method: &'static str,
    },
    /// A theorem whose hypothesis fails for this network.
    #[error("{method}: expected {expected}, found {found}")]
    Hypothesis {
        /// The method that rests on the theorem.
        method: &'static str,
        /// What the theorem asks for.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A decomposition or iteration that did not converge, as when a parameter is not finite.
    #[error("{0} did not converge: are all parameters finite?")]
    Numerics(&'static str),
    /// What a method of the caller's own fails with.
    #[error("{0}")]
    Method(String),
    /// Saved state that cannot be continued from.
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

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
