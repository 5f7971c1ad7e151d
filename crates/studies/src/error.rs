/// What can go wrong in a study.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A setting outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// An error of a network.
    #[error(transparent)]
    Models(#[from] collado_models::Error),
    /// An error of a risk or a path.
    #[error(transparent)]
    Risk(#[from] collado_risk::Error),
    /// An error of a stored file.
    #[error(transparent)]
    Files(#[from] collado_files::Error),
    /// An error of training or connecting.
    #[error(transparent)]
    Dynamics(#[from] collado_dynamics::Error),
    /// An error of a proof.
    #[error(transparent)]
    Certify(#[from] collado_certify::Error),
    /// An error of a data set.
    #[error(transparent)]
    Data(#[from] collado_data::Error),
    /// An error of a tensor.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// An error of curvature.
    #[error(transparent)]
    Landscape(collado_landscape::Error),
    /// A search that cannot go on.
    #[error("{0}")]
    Search(String),
    /// A stored cell that cannot be used, or one that cannot be stored.
    #[error("{file}: {reason}")]
    Cell {
        /// Its file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The progress callback asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<collado_landscape::Error> for StudyError {
    fn from(error: collado_landscape::Error) -> Self {
        match error {
            collado_landscape::Error::Interrupted => Self::Interrupted,
            error => Self::Landscape(error),
        }
    }
}
