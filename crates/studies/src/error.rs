//! The errors of all studies.

use std::{fmt::Display, ops::ControlFlow};

use crate::Result;

/// What can go wrong in a study.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A setting is outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// The field of the settings; several are parted by commas.
        name: &'static str,
        /// The range.
        expected: &'static str,
        /// The value that was given.
        found: String,
    },
    /// A network cannot be built.
    #[error(transparent)]
    Models(#[from] collado_models::Error),
    /// A risk or a path cannot be evaluated.
    #[error(transparent)]
    Risk(#[from] collado_risk::Error),
    /// A file cannot be written.
    #[error(transparent)]
    Files(#[from] collado_files::Error),
    /// A training or a connection failed.
    #[error(transparent)]
    Dynamics(#[from] collado_dynamics::Error),
    /// A data set cannot be read.
    #[error(transparent)]
    Data(#[from] collado_data::Error),
    /// An operation on tensors failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A computation of curvature failed.
    #[error(transparent)]
    Landscape(collado_landscape::Error),
    /// A proof failed.
    #[error(transparent)]
    Certify(#[from] collado_certify::Error),
    /// A search cannot go on.
    #[error("{0}")]
    Search(String),
    /// A stored cell cannot be used, or a cell cannot be stored.
    #[error("{file}: {reason}")]
    Cell {
        /// The file of the cell.
        file: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The study was stopped by its [`Progress`](collado_risk::Progress).
    #[error("interrupted")]
    Interrupted,
}

/// Refuses the value `found` of a setting.
pub(crate) fn refuse<T>(name: &'static str, expected: &'static str, found: impl Display) -> Result<T> {
    Err(StudyError::Setting { name, expected, found: found.to_string() })
}

/// An error once the study is to stop.
pub(crate) fn proceed(flow: ControlFlow<()>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(StudyError::Interrupted),
    }
}

impl From<collado_landscape::Error> for StudyError {
    fn from(error: collado_landscape::Error) -> Self {
        match error {
            collado_landscape::Error::Interrupted => Self::Interrupted,
            error => Self::Landscape(error),
        }
    }
}
