use std::path::PathBuf;

/// What can go wrong with files of networks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor in a file that is not what the architecture needs.
    #[error("{}: tensor '{tensor}': expected {expected}, found {found}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// Name of the tensor in the file.
        tensor: String,
        /// Shape or property needed.
        expected: String,
        /// Shape or property found.
        found: String,
    },
    /// Layers whose order a file does not say, or that were given in a wrong one.
    #[error("{}: {reason}{}", path.display(), fitting(fits, *more))]
    Layers {
        /// The file.
        path: PathBuf,
        /// What is not known, or wrong.
        reason: String,
        /// Orders that fit, first layer to last, with commas between the names.
        fits: Vec<String>,
        /// Whether more may fit than these.
        more: bool,
    },
    /// A PyTorch file with several dictionaries of tensors, or without the one asked for.
    #[error("{}: {reason}: {}", path.display(), keys.join(", "))]
    Dictionaries {
        /// The file.
        path: PathBuf,
        /// What is not known, or wrong.
        reason: String,
        /// The keys that lead to the dictionaries there are.
        keys: Vec<String>,
    },
    /// Sizes that do not fit together.
    #[error("{what}: expected {expected}, found {found}")]
    Mismatch {
        /// What was measured.
        what: String,
        /// What it has to be.
        expected: String,
        /// What it is.
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

    /// What the user can do about it, where something helps.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Layers { .. } => {
                Some("give the names of all layers in the order of use: --layers a,b,c".into())
            }
            Self::Dictionaries { keys, .. } => Some(format!("choose one, as in --key {}", keys.first()?)),
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

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
