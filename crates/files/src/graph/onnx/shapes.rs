//! Shapes: what nodes say about them, what they ask for, and what is known.

use super::{
    folded::{Entry, Folded},
    model::Node,
    translate::{BATCH, FLOAT, Result, Translation},
};
use crate::graph::schema::{Argument, Meta, Size, Symbol};

/// The largest number of calls that are lowered for the shapes of their results, over and over.
const MAX_LOWERED: usize = 1 << 18;

impl Translation {
    /// Whether a node asks for the shape of its first input, and nothing is known about it. The calls so far then have to
    /// be lowered, which is counted.
    pub(super) fn lacks_shape(&mut self, node: &Node) -> bool {
        let Some(name) = node.inputs.first().filter(|name| self.folded(name).is_none()) else { return false };
        let zeros =
            |name: &String| self.folded(name).is_some_and(|value| value.entries.contains(&Entry::Fixed(0.)));
        let asks = match node.op.as_str() {
            "Shape" | "Expand" | "GlobalAveragePool" | "SplitToSequence" => true,
            "Reshape" => node.inputs.get(1).is_some_and(zeros),
            "LayerNormalization" => node.int("axis", -1) >= 0,
            _ => false,
        };
        let known = || self.shape_entries(name).is_some_and(|sizes| !sizes.contains(&Entry::Unknown));
        if !asks || known() {
            return false;
        }
        self.lowered = self.lowered.saturating_add(self.nodes.len());
        self.lowered <= MAX_LOWERED
    }

    /// Notes sizes of results where the model does not state them.
    pub(super) fn note_sizes(&mut self, found: Vec<(String, Vec<Size>)>) {
        for (name, sizes) in found.into_iter().filter(|(name, _)| !self.shapes.contains_key(name)) {
            let stated = |meta: &Meta| meta.sizes.iter().all(|size| size.at_export().is_some());
            if !self.metas.get(&name).is_some_and(stated) {
                let meta = Meta { dtype: FLOAT, sizes, strides: Vec::new(), storage_offset: None };
                self.metas.insert(name, meta);
            }
        }
    }

    /// The sizes of a tensor, as far as they are known.
    pub(super) fn shape_of(&self, node: &Node) -> Option<Folded> {
        let name = node.inputs.first()?;
        let numbers = |value: &Folded| value.shape.iter().map(|&n| Entry::Fixed(n as f64)).collect();
        let entries = self.folded(name).map(numbers).or_else(|| self.shape_entries(name))?;
        let count = entries.len() as i64;
        let end = |n: i64| (if n < 0 { n + count } else { n }).clamp(0, count) as usize;
        let (start, stop) = (end(node.int("start", 0)), end(node.int("end", count)));
        Some(Folded::list(entries.get(start..stop)?.to_vec()))
    }

    /// The sizes of the tensor of that name.
    pub(super) fn shape_entries(&self, name: &str) -> Option<Vec<Entry>> {
        let name = self.name(name);
        if let Some(shape) = self.shapes.get(name) {
            return Some(shape.iter().map(|&n| Entry::Fixed(n as f64)).collect());
        }
        let entry = |size: &Size| match size.at_export() {
            Some((n, true)) => Entry::Batch((n / BATCH) as i64),
            Some((n, false)) => Entry::Fixed(n as f64),
            None => Entry::Unknown,
        };
        Some(self.metas.get(name)?.sizes.iter().map(entry).collect())
    }

    /// The number of axes of a tensor, if it is known.
    pub(super) fn rank(&self, name: &str) -> Option<usize> {
        let name = self.name(name);
        self.shapes.get(name).map(Vec::len).or_else(|| self.metas.get(name).map(|meta| meta.sizes.len()))
    }

    /// The sizes of the result of `Expand`: those of its input where those asked for are 1. One of 1 is not known apart
    /// from one that is repeated where the input is not known.
    pub(super) fn expanded(&mut self, node: &Node, x: &str, name: &str) -> Result<Argument> {
        let asked =
            self.folded(name).ok_or_else(|| format!("its shape '{name}' is computed from the examples"))?;
        let mut entries = asked.entries.clone();
        let own = self.shape_entries(x);
        let own = own.filter(|own| own.len() <= entries.len());
        let start = entries.len() - own.as_ref().map_or(0, Vec::len);
        for (asked, own) in entries[start..].iter_mut().zip(own.into_iter().flatten()) {
            if *asked == Entry::Fixed(1.) {
                *asked = own;
            }
        }
        self.sizes_of(node, &entries)
    }

    /// Sizes of the result of `Reshape` as an argument, some of which may depend on the batch, with what they say about the
    /// result. One of −1 follows from the others.
    pub(super) fn sizes(&mut self, node: &Node, name: &str) -> Result<Argument> {
        let value =
            self.folded(name).ok_or_else(|| format!("its shape '{name}' is computed from the examples"))?;
        let mut entries = value.entries.clone();
        // A size of 0 is that of the input.
        if node.int("allowzero", 0) == 0
            && let Some(own) = node.inputs.first().and_then(|x| self.shape_entries(x))
        {
            let zeros = entries.iter_mut().zip(own).filter(|(asked, _)| **asked == Entry::Fixed(0.));
            zeros.for_each(|(asked, own)| *asked = own);
        }
        self.sizes_of(node, &entries)
    }

    fn sizes_of(&mut self, node: &Node, entries: &[Entry]) -> Result<Argument> {
        let symbols: Option<Vec<Symbol>> = entries
            .iter()
            .map(|entry| match entry {
                Entry::Fixed(x) if x.fract() == 0. => Some(Symbol::AsInt(*x as i64)),
                Entry::Batch(_) => Some(Symbol::AsName("batch".into())),
                _ => None,
            })
            .collect();
        let sizes: Option<Vec<Size>> = entries
            .iter()
            .map(|entry| match entry {
                Entry::Fixed(x) if *x >= 1. || *x == -1. => Some(Size::known(*x as i64)),
                Entry::Batch(n) => n.checked_mul(BATCH as i64).map(Size::open),
                _ => None,
            })
            .collect();
        if let (Some(sizes), Some(result)) = (sizes, node.outputs.first()) {
            let meta = Meta { dtype: FLOAT, sizes, strides: Vec::new(), storage_offset: None };
            self.metas.entry(result.clone()).or_insert(meta);
        }
        symbols.map(Argument::Symbols).ok_or_else(|| "its shape is not known before the network runs".into())
    }
}
