use super::{
    fault::{file_error, tensor_error},
    tensors::TensorFile,
};
use crate::{Error, Result};

/// Names and shapes of a file's tensors, seen as those of a network.
pub(super) struct Outline<'a> {
    pub(super) file: &'a TensorFile,
    /// Names without the `module.` that DataParallel puts before each.
    pub(super) keys: Vec<&'a str>,
    /// Number of points stacked along the first axis; a checkpoint has no such axis.
    lead: Option<usize>,
}

impl<'a> Outline<'a> {
    /// # Errors
    /// When there are no tensors, or one has no element or not `lead` points.
    pub(super) fn new(file: &'a TensorFile, lead: Option<usize>) -> Result<Self> {
        if file.tensors.is_empty() {
            return Err(file_error(&file.path, "holds no tensors"));
        }
        let names = || file.tensors.iter().map(|t| t.name.as_str());
        let keys = names().map(|name| name.strip_prefix("module.")).collect::<Option<_>>();
        let outline = Self { file, keys: keys.unwrap_or_else(|| names().collect()), lead };
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

    /// Shape of tensor `i` at one point.
    pub(super) fn shape(&self, i: usize) -> &'a [usize] {
        let shape = self.file.tensors[i].shape.as_slice();
        if self.lead.is_some() { &shape[1..] } else { shape }
    }

    /// The tensor that the network calls `key`.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        self.keys.iter().position(|k| *k == key)
    }

    /// `[out, in]` with the axis of points before it, for messages.
    pub(super) fn shown(&self, shape: &[impl ToString]) -> String {
        let sizes = self.lead.iter().map(ToString::to_string).chain(shape.iter().map(ToString::to_string));
        format!("[{}]", sizes.collect::<Vec<_>>().join(", "))
    }

    /// Tensor `i` is not as `expected`.
    pub(super) fn fault(&self, i: usize, expected: impl ToString) -> Error {
        let tensor = &self.file.tensors[i];
        tensor_error(&self.file.path, &tensor.name, expected, format!("{:?}", tensor.shape))
    }

    /// There is no tensor `key`.
    pub(super) fn missing(&self, key: &str, expected: impl ToString) -> Error {
        tensor_error(&self.file.path, key, expected, "none")
    }

    /// The file as a whole is wrong.
    pub(super) fn reject(&self, reason: impl Into<String>) -> Error {
        file_error(&self.file.path, reason)
    }
}
