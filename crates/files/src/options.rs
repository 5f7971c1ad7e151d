use collado_models::ArchSpec;

/// What a file of parameters does not say itself.
///
/// | setting | default | purpose |
/// |---|---|---|
/// | `arch` | none | the network, where the metadata do not say it; without it the activation is guessed |
/// | `key` | none | which dictionary of tensors of a PyTorch file is read, where it holds several; `a.b` is `b` in `a` |
/// | `layers` | none | the names of all layers in the order of use, where names and shapes do not say it |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The `--arch` string.
    pub arch: Option<ArchSpec>,
    /// Keys that lead to the state dict.
    pub key: Option<String>,
    /// Names of the layers, first to last.
    pub layers: Option<Vec<String>>,
}
