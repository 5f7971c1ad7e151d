//! The layout of a point: which columns of a stack hold which tensor of a network.

use std::collections::HashMap;

use candle_core::Tensor;

use crate::{Error, Result};

/// The place of one named tensor in a row of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as in PyTorch, for example `0.weight`.
    pub name: String,
    /// The shape as in PyTorch: weights are `[out, in]`.
    pub shape: Vec<usize>,
    /// The first column of the row that belongs to the tensor.
    pub offset: usize,
}

impl Entry {
    /// Number of elements of the tensor.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The columns of a stack `[P, S]` that belong to each tensor of the network: layer by layer, the weight before the
/// bias.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    entries: Vec<Entry>,
}

impl Layout {
    /// Places tensors of the given names and shapes one after another.
    pub fn new(tensors: impl IntoIterator<Item = (String, Vec<usize>)>) -> Self {
        let mut offset = 0;
        let entries = tensors
            .into_iter()
            .map(|(name, shape)| {
                let entry = Entry { name, shape, offset };
                offset += entry.len();
                entry
            })
            .collect();
        Self { entries }
    }

    /// Number of parameters S of one point.
    pub fn len(&self) -> usize {
        self.entries.last().map_or(0, |e| e.offset + e.len())
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The tensors in the order of their columns.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The tensor called `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.name == name)
    }

    /// The named tensors of one point `theta` `[S]`, as views that carry gradients back to it.
    ///
    /// # Errors
    /// When `theta` does not have S elements.
    pub fn split(&self, theta: &Tensor) -> Result<HashMap<String, Tensor>> {
        if theta.dims() != [self.len()] {
            return Err(Error::mismatch("point", format!("[{}]", self.len()), format!("{:?}", theta.dims())));
        }
        self.entries
            .iter()
            .map(|e| {
                let tensor = theta.narrow(0, e.offset, e.len())?.reshape(e.shape.as_slice())?;
                Ok((e.name.clone(), tensor))
            })
            .collect()
    }

    /// One point `[S]` from its named tensors; tensors with other names are ignored.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn flatten(&self, tensors: &HashMap<String, Tensor>) -> Result<Tensor> {
        let mut parts = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let tensor = tensors.get(&entry.name).ok_or_else(|| {
                Error::mismatch(format!("tensor '{}'", entry.name), format!("{:?}", entry.shape), "none")
            })?;
            if tensor.dims() != entry.shape {
                let what = format!("tensor '{}'", entry.name);
                return Err(Error::mismatch(
                    what,
                    format!("{:?}", entry.shape),
                    format!("{:?}", tensor.dims()),
                ));
            }
            parts.push(tensor.flatten_all()?);
        }
        Ok(Tensor::cat(&parts, 0)?)
    }
}
