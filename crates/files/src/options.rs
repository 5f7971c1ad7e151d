//! Options for files that do not state everything that is needed to read them.

use collado_models::ArchSpec;

use crate::tensors::Kinds;

/// Options that supply what a file of parameters does not state itself.
///
/// | setting | default | purpose |
/// |---|---|---|
/// | `arch` | none | the network, where the metadata do not say it; without it the activation is guessed |
/// | `key` | none | which dictionary of tensors of a PyTorch file is read, where it holds several; `a.b` is `b` in `a` |
/// | `layers` | none | the names of all layers in the order of use, where names and shapes do not say it |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The network.
    pub arch: Option<ArchSpec>,
    /// The keys that lead to the state dict.
    pub key: Option<String>,
    /// The names of the layers, from the first to the last.
    pub layers: Option<Vec<String>>,
}

impl ReadOptions {
    /// The kinds of numbers that a file may hold.
    pub(crate) fn kinds(&self) -> Kinds {
        match self.arch.as_ref().is_some_and(ArchSpec::is_listed) {
            true => Kinds::All,
            false => Kinds::Floats,
        }
    }
}
