//! The names of a file's tensors, kept so that results are written under the same names.

use std::{borrow::Cow, collections::HashSet};

use crate::outline::{Outline, is_kernel};
use crate::{Error, Result};
use collado_models::{Entry, FixedTensors, Layout};

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
    pub(crate) name: Cow<'a, str>,
    pub(crate) entry: &'a Entry,
    /// Whether the file has the tensor as `[in, out]`.
    pub(crate) transposed: bool,
    /// What its numbers are.
    pub(crate) part: Part,
}

/// The kinds of numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Parameters.
    Parameters,
    /// Running means or variances.
    Statistics,
    /// A number of batches, which is an integer.
    Count,
    /// Fixed numbers, of a whole type or not.
    Fixed { whole: bool },
}

impl Part {
    /// The kind of a buffer.
    fn of(buffer: &Entry) -> Self {
        if buffer.shape.is_empty() { Self::Count } else { Self::Statistics }
    }
}

impl Names {
    /// The names of a file whose tensor `order[i]` is entry `i` of the layout, or of the buffers after it.
    pub(crate) fn new(outline: &Outline, order: &[usize]) -> Self {
        let list = order.iter().map(|&i| outline.file.tensors[i].name.clone()).collect();
        let mut entries: Vec<usize> = (0..order.len()).collect();
        entries.sort_by_key(|&entry| order[entry]);
        Self { list, order: entries }
    }

    /// Whether these are the names of the layouts themselves.
    pub(crate) fn is_plain(&self, layout: &Layout, buffers: &Layout) -> bool {
        let entries = layout.entries().iter().chain(buffers.entries());
        self.list.is_empty() || self.list.iter().eq(entries.map(|entry| &entry.name))
    }

    /// The JSON of the metadata.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!(self.list).to_string()
    }

    /// The tensors of `layout` and of `buffers` under these names, in the order of the file.
    ///
    /// # Errors
    /// When the names belong to another network.
    pub(crate) fn places<'a>(
        &'a self,
        layout: &'a Layout,
        buffers: &'a Layout,
    ) -> Result<Vec<NamedTensor<'a>>> {
        let parameters = layout.entries().iter().map(|entry| (entry, Part::Parameters));
        let entries: Vec<_> = parameters.chain(buffers.entries().iter().map(|e| (e, Part::of(e)))).collect();
        if self.list.is_empty() {
            let plain = |&(entry, part): &(&'a Entry, Part)| NamedTensor {
                name: Cow::Borrowed(&entry.name),
                entry,
                transposed: false,
                part,
            };
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
            let (name, (entry, part)) = (self.list[i].as_str(), entries[i]);
            let transposed = entry.shape.len() == 2 && is_kernel(name) && !is_kernel(&entry.name);
            NamedTensor { name: Cow::Borrowed(name), entry, transposed, part }
        };
        Ok(self.order.iter().map(place).collect())
    }
}

impl Names {
    /// What the names of the file have before those of `layout`.
    fn prefix(&self, layout: &Layout) -> &str {
        let first = self.list.first().zip(layout.entries().first());
        first.and_then(|(name, entry)| name.strip_suffix(entry.name.as_str())).unwrap_or_default()
    }

    /// Fixed numbers beside the tensors of `layout`, with the prefix that the names of the file have.
    pub(crate) fn fixed<'a>(
        &'a self,
        layout: &'a Layout,
        fixed: &'a FixedTensors,
    ) -> impl Iterator<Item = NamedTensor<'a>> {
        let prefix = self.prefix(layout);
        fixed.layout().entries().iter().zip(fixed.whole()).map(move |(entry, &whole)| {
            let name = Cow::Owned(format!("{prefix}{}", entry.name));
            NamedTensor { name, entry, transposed: false, part: Part::Fixed { whole } }
        })
    }

    /// Tensors of `layout` under their other names, with the prefix that the names of the file have.
    pub(crate) fn tied<'a>(
        &'a self,
        layout: &'a Layout,
        ties: &'a [(String, String)],
    ) -> impl Iterator<Item = NamedTensor<'a>> {
        let prefix = self.prefix(layout);
        ties.iter().filter_map(move |(alias, name)| {
            let name_here = Cow::Owned(format!("{prefix}{alias}"));
            let entry = layout.get(name)?;
            Some(NamedTensor { name: name_here, entry, transposed: false, part: Part::Parameters })
        })
    }
}

/// The names that a file of this program records for the tensors of `layout` and of `buffers`, where they are not the
/// layouts' own.
///
/// # Errors
/// When the metadata are not a list of as many different names.
pub(crate) fn recorded(outline: &Outline, layout: &Layout, buffers: &Layout) -> Result<Option<Vec<String>>> {
    let Some(text) = outline.file.metadata.get(NAMES) else { return Ok(None) };
    let names: Vec<String> =
        serde_json::from_str(text).map_err(|e| outline.reject(format!("metadata '{NAMES}': {e}")))?;
    let needed = layout.entries().len() + buffers.entries().len();
    let different = names.iter().collect::<HashSet<_>>().len();
    if names.len() != needed || different != needed {
        let reason = format!("metadata '{NAMES}': expected {needed} different names, found {different}");
        return Err(outline.reject(reason));
    }
    Ok(Some(names))
}
