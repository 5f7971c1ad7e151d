//! The errors of this crate.

use std::path::PathBuf;

/// An error about a file of networks, paths or states.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The name of the file.
        path: PathBuf,
        /// The reason why it cannot be used.
        reason: String,
    },
    /// A tensor in a file that is not what the architecture needs.
    #[error("{}: tensor '{tensor}': expected {expected}, found {found}", path.display())]
    Tensor {
        /// The name of the file.
        path: PathBuf,
        /// Name of the tensor in the file.
        tensor: String,
        /// The shape or property that is needed.
        expected: String,
        /// The shape or property that was found.
        found: String,
    },
    /// Layers whose order a file leaves open, or that were given in a wrong order.
    #[error("{}: {reason}{}", path.display(), fitting(fits, *more))]
    Layers {
        /// The name of the file.
        path: PathBuf,
        /// A sentence that says what is unknown or wrong.
        reason: String,
        /// The orders that fit, from the first layer to the last, with commas between the names.
        fits: Vec<String>,
        /// Whether further orders may fit.
        more: bool,
    },
    /// A PyTorch file with several dictionaries of tensors, or without the one asked for.
    #[error("{}: {reason}: {}", path.display(), keys.join(", "))]
    Dictionaries {
        /// The name of the file.
        path: PathBuf,
        /// A sentence that says what is unknown or wrong.
        reason: String,
        /// The keys that lead to the dictionaries in the file.
        keys: Vec<String>,
    },
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
    /// An error of the network.
    #[error(transparent)]
    Models(#[from] collado_models::Error),
    /// An error of the path.
    #[error(transparent)]
    Risk(#[from] collado_risk::Error),
    /// An error of candle.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Error {
    pub(crate) fn mismatch(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::Mismatch { what: what.into(), expected: expected.to_string(), found: found.to_string() }
    }

    /// Advice for the user, where something helps. Names between backticks are those of options.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Layers { .. } => {
                Some("give the names of all layers in the order of use: `layers` a,b,c".into())
            }
            Self::Dictionaries { keys, .. } => Some(format!("choose one, as in `key` {}", keys.first()?)),
            _ => None,
        }
    }
}

/// The orders of layers that fit, for a message.
fn fitting(fits: &[String], more: bool) -> String {
    match fits {
        [] => String::new(),
        [only] if !more => format!("; only {only} fits"),
        fits => format!("; {}{} fit", fits.join(" and "), if more { " and others" } else { "" }),
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
