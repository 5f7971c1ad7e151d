use std::path::PathBuf;

/// What can go wrong with networks, stacks, objectives and checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An `--arch` string that cannot be read.
    #[error("architecture '{spec}': {reason}")]
    Arch {
        /// The string as given.
        spec: String,
        /// What is wrong with it.
        reason: String,
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
    /// A setting outside its range.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting, as the user wrote it.
        name: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        found: String,
    },
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
    /// An operation that the device or dtype does not offer.
    #[error("{what} is not available for {found}")]
    Unsupported {
        /// The operation.
        what: &'static str,
        /// The device, dtype or kind asked for.
        found: String,
    },
    /// A symmetry that does not leave a network's outputs as they are.
    #[error(
        "symmetry refused: expected outputs equal to {expected:e} of the largest, found a difference of {found:e}"
    )]
    Symmetry {
        /// Largest relative difference allowed.
        expected: f64,
        /// Largest relative difference on the probe data.
        found: f64,
    },
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
