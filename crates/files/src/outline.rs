//! An outline of a file: names and shapes of its tensors, before any network is known.

use std::collections::HashMap;

use crate::{Error, Result};
use crate::{
    ReadOptions,
    described::NETWORK,
    fault::{file_error, tensor_error},
    tensors::TensorFile,
};
use collado_models::ArchSpec;

/// The names and shapes of a file's tensors, prepared for finding the network.
pub(crate) struct Outline<'a> {
    pub(crate) file: &'a TensorFile,
    /// The names without their common prefix, such as `module.` of DataParallel or `_orig_mod.` of torch.compile.
    pub(crate) keys: Vec<&'a str>,
    /// Number of points stacked along the first axis; a checkpoint has no such axis.
    lead: Option<usize>,
    /// Whether weights called `kernel` are taken for `[in, out]`.
    kernels: bool,
    places: HashMap<&'a str, usize>,
}

impl<'a> Outline<'a> {
    /// The outline of a file with `lead` points along the first axis of each tensor, if it has such an axis.
    ///
    /// # Errors
    /// When there are no tensors, or one of them has no element or not `lead` points.
    pub(crate) fn new(file: &'a TensorFile, lead: Option<usize>) -> Result<Self> {
        if file.tensors.is_empty() {
            return Err(file_error(&file.path, "holds no tensors"));
        }
        let names: Vec<&str> = file.tensors.iter().map(|t| t.name.as_str()).collect();
        let prefix = prefix(&names);
        let keys: Vec<&str> = names.iter().map(|name| &name[prefix..]).collect();
        let places = keys.iter().enumerate().map(|(i, key)| (*key, i)).collect();
        let outline = Self { file, keys, lead, kernels: true, places };
        for (i, tensor) in file.tensors.iter().enumerate() {
            if tensor.shape.contains(&0) {
                return Err(outline.fault(i, "at least one number"));
            }
            if let Some(points) = lead.filter(|p| tensor.shape.first() != Some(p)) {
                return Err(outline.fault(i, format!("{points} points along the first axis")));
            }
        }
        Ok(outline)
    }

    /// The outline of a file that may be of a network from a graph file, whose tensors are all in PyTorch's shapes.
    ///
    /// # Errors
    /// The errors of [`new`](Self::new).
    pub(crate) fn of(file: &'a TensorFile, lead: Option<usize>, options: &ReadOptions) -> Result<Self> {
        let outline = Self::new(file, lead)?;
        let given = options.arch.as_ref().is_some_and(ArchSpec::is_listed);
        let listed = given || file.network.is_some() || file.metadata.contains_key(NETWORK);
        Ok(if listed { outline.untransposed() } else { outline })
    }

    /// The same outline for a file whose tensors are all in PyTorch's shapes: none is transposed because of its name.
    pub(crate) fn untransposed(self) -> Self {
        Self { kernels: false, ..self }
    }

    /// Shape of tensor `i` at one point, as PyTorch would have it: `[out, in]` for a weight.
    pub(crate) fn shape(&self, i: usize) -> Vec<usize> {
        let mut shape = self.own_shape(i).to_vec();
        if self.is_kernel(i) {
            shape.reverse();
        }
        shape
    }

    /// Whether tensor `i` is a weight `[in, out]`: flax and Keras have those, and call them `kernel`.
    pub(crate) fn is_kernel(&self, i: usize) -> bool {
        self.kernels && self.own_shape(i).len() == 2 && is_kernel(self.keys[i])
    }

    fn own_shape(&self, i: usize) -> &'a [usize] {
        let shape = self.file.tensors[i].shape.as_slice();
        if self.lead.is_some() { &shape[1..] } else { shape }
    }

    /// The tensor that the network calls `key`.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// The places of the tensors called `names`, which include the common prefix if `whole`.
    pub(crate) fn places_of(&self, names: &[&str], whole: bool) -> Vec<Option<usize>> {
        if !whole {
            return names.iter().map(|name| self.find(name)).collect();
        }
        let places: HashMap<&str, usize> =
            self.file.tensors.iter().enumerate().map(|(i, tensor)| (tensor.name.as_str(), i)).collect();
        names.iter().map(|name| places.get(name).copied()).collect()
    }

    /// A shape with the axis of points before it, for messages.
    pub(crate) fn shown(&self, shape: &[impl ToString]) -> String {
        let sizes = self.lead.iter().map(ToString::to_string).chain(shape.iter().map(ToString::to_string));
        format!("[{}]", sizes.collect::<Vec<_>>().join(", "))
    }

    /// A shape in the form that tensor `i` has in the file, for messages.
    pub(crate) fn shown_for(&self, i: usize, shape: &[impl ToString]) -> String {
        let mut shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
        if self.is_kernel(i) {
            shape.reverse();
        }
        self.shown(&shape)
    }

    /// The error that tensor `i` is not as `expected`.
    pub(crate) fn fault(&self, i: usize, expected: impl ToString) -> Error {
        let tensor = &self.file.tensors[i];
        tensor_error(&self.file.path, &tensor.name, expected, format!("{:?}", tensor.shape))
    }

    /// The error that there is no tensor `key`.
    pub(crate) fn missing(&self, key: &str, expected: impl ToString) -> Error {
        tensor_error(&self.file.path, key, expected, "none")
    }

    /// The error that the file as a whole cannot be used.
    pub(crate) fn reject(&self, reason: impl Into<String>) -> Error {
        file_error(&self.file.path, reason)
    }

    /// A note about this file.
    pub(crate) fn note(&self, text: impl std::fmt::Display) -> String {
        format!("{}: {text}", self.file.path.display())
    }
}

/// Whether a tensor of this name is a weight `[in, out]`.
pub(crate) fn is_kernel(name: &str) -> bool {
    let name = name.strip_suffix(":0").unwrap_or(name);
    name.rsplit(['.', '/', '_']).next() == Some("kernel")
}

/// The length of the common prefix of all names, in whole words that end with a dot or slash. Each name keeps at least
/// one word for the layer and one for the tensor in it.
fn prefix(names: &[&str]) -> usize {
    let Some(first) = names.first() else { return 0 };
    let shared = names.iter().fold(first.len(), |shared, name| {
        let same = first.bytes().zip(name.bytes()).take(shared).take_while(|(a, b)| a == b).count();
        let layer = name.rfind(['.', '/']).unwrap_or(0);
        same.min(name[..layer].rfind(['.', '/']).map_or(0, |end| end + 1))
    });
    // A separator is one byte, and no part of a longer character.
    first.as_bytes()[..shared].iter().rposition(|&b| b == b'.' || b == b'/').map_or(0, |end| end + 1)
}
