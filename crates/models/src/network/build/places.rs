//! Places of tensors in a row.

use std::{collections::HashMap, ops::Range};

use super::shown;
use crate::{Error, Result};

/// Tensors with their places one after another.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) tensors: Vec<(String, Vec<usize>)>,
    /// The number and the first column of each tensor.
    numbers: HashMap<String, (usize, usize)>,
    /// Other names of tensors.
    aliases: HashMap<String, String>,
    columns: usize,
}

impl Places {
    /// The columns of the tensor `name`: the next ones where it is new. Axes of length 1 do not matter.
    pub(super) fn at(&mut self, name: &str, shape: Vec<usize>) -> Result<Range<usize>> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        let known = self.numbers.get(name).copied();
        let length = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        let end = |start: usize| length.and_then(|length| start.checked_add(length));
        let start = known.map_or(self.columns, |(_, start)| start);
        let Some(end) = end(start) else {
            return Err(Error::mismatch(format!("tensor '{name}'"), "a size that fits", shown(&shape)));
        };
        match known {
            Some((number, _)) => {
                let expected = &self.tensors[number].1;
                if !long(expected).eq(long(&shape)) {
                    let what = format!("tensor '{name}', which is used twice");
                    return Err(Error::mismatch(what, shown(expected), shown(&shape)));
                }
            }
            None => {
                self.columns = end;
                self.numbers.insert(name.to_owned(), (self.tensors.len(), start));
                self.tensors.push((name.to_owned(), shape));
            }
        }
        Ok(start..end)
    }

    /// Makes `alias` another name of the tensor `name`.
    pub(super) fn tie(&mut self, alias: String, name: String) {
        let name = self.aliases.get(&name).cloned().unwrap_or(name);
        if alias != name {
            self.aliases.insert(alias, name);
        }
    }

    /// The other names of tensors, with those that the layout has them under.
    pub(super) fn ties(&self) -> Vec<(String, String)> {
        let known = |(_, name): &(&String, &String)| self.numbers.contains_key(*name);
        let ties = self.aliases.iter().filter(known);
        let mut ties: Vec<_> = ties.map(|(alias, name)| (alias.clone(), name.clone())).collect();
        ties.sort();
        ties
    }
}

fn long(shape: &[usize]) -> impl Iterator<Item = &usize> {
    shape.iter().filter(|&&n| n != 1)
}
