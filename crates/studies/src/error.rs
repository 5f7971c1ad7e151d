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
    /// An error of a risk.
    #[error(transparent)]
    Models(#[from] collado_models::Error),
    /// The progress callback asked to stop.
    #[error("interrupted")]
    Interrupted,
}
