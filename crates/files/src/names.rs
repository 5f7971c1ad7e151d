//! The names of a file's tensors, kept so that results are written under the same names.

use std::collections::HashSet;

use crate::outline::{Outline, is_kernel};
use crate::{Error, Result};
use collado_models::{Entry, Layout};

/// Metadata key of the names of a file's tensors: a JSON list in the order of the network's layout.
pub(crate) const NAMES: &str = "collado.names";

/// The names of a network's tensors in a file, and their order there, so that results can be loaded by the program that
/// wrote the file. The default are the names of an `nn.Sequential`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// A name for each entry of a layout; the list is empty where the layout's own names are used.
    list: Vec<String>,
    /// The entries of the layout in the order of the file.
    order: Vec<usize>,
}

/// A tensor of a layout with the name and the form in which it is written.
pub(crate) struct NamedTensor<'a> {
    pub(crate) name: &'a str,
    pub(crate) entry: &'a Entry,
    /// Whether the file has the tensor as `[in, out]`.
    pub(crate) transposed: bool,
}

impl Names {
    /// The names of a file whose tensor `order[i]` is entry `i` of the layout.
    pub(crate) fn new(outline: &Outline, order: &[usize]) -> Self {
        let list = order.iter().map(|&i| outline.file.tensors[i].name.clone()).collect();
        let mut entries: Vec<usize> = (0..order.len()).collect();
        entries.sort_by_key(|&entry| order[entry]);
        Self { list, order: entries }
    }

    /// Whether these are the names of the layout itself.
    pub(crate) fn is_plain(&self, layout: &Layout) -> bool {
        self.list.is_empty() || self.list.iter().eq(layout.entries().iter().map(|entry| &entry.name))
    }

    /// The JSON of the metadata.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!(self.list).to_string()
    }

    /// The tensors of `layout` under these names, in the order of the file.
    ///
    /// # Errors
    /// When the names belong to another network.
    pub(crate) fn places<'a>(&'a self, layout: &'a Layout) -> Result<Vec<NamedTensor<'a>>> {
        let entries = layout.entries();
        if self.list.is_empty() {
            let plain = |entry: &'a Entry| NamedTensor { name: &entry.name, entry, transposed: false };
            return Ok(entries.iter().map(plain).collect());
        }
        if self.list.len() != entries.len() {
            return Err(Error::mismatch(
                "names of tensors",
                entries.len().to_string(),
                self.list.len().to_string(),
            ));
        }
        let place = |&i: &usize| {
            let (name, entry) = (self.list[i].as_str(), &entries[i]);
            NamedTensor { name, entry, transposed: entry.shape.len() == 2 && is_kernel(name) }
        };
        Ok(self.order.iter().map(place).collect())
    }
}

/// The names that a file of this program records for the tensors of `layout`, where they are not the layout's own.
///
/// # Errors
/// When the metadata are not a list of as many different names.
pub(crate) fn recorded(outline: &Outline, layout: &Layout) -> Result<Option<Vec<String>>> {
    let Some(text) = outline.file.metadata.get(NAMES) else { return Ok(None) };
    let names: Vec<String> =
        serde_json::from_str(text).map_err(|e| outline.reject(format!("metadata '{NAMES}': {e}")))?;
    let (different, needed) = (names.iter().collect::<HashSet<_>>().len(), layout.entries().len());
    if names.len() != needed || different != needed {
        let reason = format!("metadata '{NAMES}': expected {needed} different names, found {different}");
        return Err(outline.reject(reason));
    }
    Ok(Some(names))
}
