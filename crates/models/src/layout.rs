use std::collections::HashMap;

use candle_core::Tensor;

use crate::{Error, Result};

/// Where one named tensor lies in a row of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name, PyTorch style: `0.weight`.
    pub name: String,
    /// Shape, PyTorch style: weights are `[out, in]`.
    pub shape: Vec<usize>,
    /// First column of the row that belongs to it.
    pub offset: usize,
}

impl Entry {
    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which columns of a stack `[P, S]` are which tensor of the network: layer by layer, weight before bias.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    entries: Vec<Entry>,
}

impl Layout {
    /// Puts the named shapes one after another.
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

    /// The tensors in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.name == name)
    }

    /// The named tensors of one point `theta` `[S]`, as views that carry gradients back to it.
    ///
    /// # Errors
    /// When `theta` has not S elements.
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
