//! The arguments of a call in an exported graph. Those at their default are left out of the file, so each reader of an
//! argument states its default.

use std::{cell::RefCell, collections::HashSet};

use super::{Reason, Result};
use crate::graph::schema::{Argument, Node, Symbol};

/// A call of an operation, which remembers what of it was looked at.
pub(super) struct Call<'a> {
    pub(super) node: &'a Node,
    read: RefCell<HashSet<&'a str>>,
}

/// The largest number of an axis, a size or a step.
const MAX: i64 = 1 << 31;

impl<'a> Call<'a> {
    pub(super) fn new(node: &'a Node) -> Self {
        Self { node, read: RefCell::default() }
    }

    /// The argument, if it is there and not `None`.
    pub(super) fn get(&self, name: &str) -> Option<&'a Argument> {
        let found = self.node.inputs.iter().find(|argument| argument.name == name)?;
        self.read.borrow_mut().insert(&found.name);
        Some(&found.arg).filter(|argument| **argument != Argument::None)
    }

    /// Looks at arguments that change nothing.
    pub(super) fn ignore(&self, names: &[&str]) {
        names.iter().for_each(|name| {
            self.get(name);
        });
    }

    /// Refuses arguments that were not looked at: they could change the result.
    pub(super) fn finish(&self) -> Result<()> {
        let read = self.read.borrow();
        let left = |argument: &&crate::graph::schema::NamedArgument| {
            argument.arg != Argument::None && !read.contains(argument.name.as_str())
        };
        match self.node.inputs.iter().find(left) {
            None => Ok(()),
            Some(argument) => Err(format!("its argument '{}' is not covered", argument.name).into()),
        }
    }

    /// The name of a tensor, if there is one.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Argument::Tensor(tensor)) => Ok(Some(tensor)),
            Some(other) => Err(self.wrong(name, "a tensor", other)),
        }
    }

    /// The names of several tensors.
    pub(super) fn tensors(&self, name: &str) -> Result<&'a [String]> {
        match self.get(name) {
            Some(Argument::Tensors(tensors)) => Ok(tensors),
            Some(other) => Err(self.wrong(name, "tensors", other)),
            None => Err(missing(name)),
        }
    }

    /// A whole number.
    pub(super) fn int(&self, name: &str, default: impl Into<Option<i64>>) -> Result<i64> {
        match self.get(name) {
            None => default.into().ok_or_else(|| missing(name)),
            Some(Argument::Int(n)) => Ok(*n),
            Some(Argument::Symbols(list)) if let [Symbol::AsInt(n)] = list.as_slice() => Ok(*n),
            Some(other) => Err(self.wrong(name, "a whole number", other)),
        }
    }

    /// A number of things.
    pub(super) fn count(&self, name: &str, default: impl Into<Option<i64>>) -> Result<usize> {
        let n = self.int(name, default)?;
        usize::try_from(n)
            .ok()
            .filter(|_| n <= MAX)
            .ok_or_else(|| format!("its argument '{name}' is {n}").into())
    }

    /// Several whole numbers; one by itself counts as a list.
    pub(super) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>> {
        let known = |symbol: &Symbol| match symbol {
            Symbol::AsInt(n) => Some(*n),
            Symbol::AsName(_) => None,
        };
        match self.get(name) {
            None => Ok(None),
            Some(Argument::Int(n)) => Ok(Some(vec![*n])),
            Some(Argument::Ints(list)) => Ok(Some(list.clone())),
            Some(other @ Argument::Symbols(list)) => {
                let list: Option<Vec<i64>> = list.iter().map(known).collect();
                list.map(Some).ok_or_else(|| self.wrong(name, "fixed whole numbers", other))
            }
            // An empty list has no type.
            Some(Argument::Tensors(list)) if list.is_empty() => Ok(Some(Vec::new())),
            Some(other) => Err(self.wrong(name, "whole numbers", other)),
        }
    }

    /// Sizes of which some may depend on the batch: those are `None`.
    pub(super) fn sizes(&self, name: &str) -> Result<Vec<Option<i64>>> {
        match self.get(name) {
            Some(Argument::Symbols(list)) => Ok(list
                .iter()
                .map(|symbol| match symbol {
                    Symbol::AsInt(n) => Some(*n),
                    Symbol::AsName(_) => None,
                })
                .collect()),
            _ => Ok(self.ints(name)?.ok_or_else(|| missing(name))?.into_iter().map(Some).collect()),
        }
    }

    /// A number for rows and one for columns; one by itself is both.
    pub(super) fn pair(&self, name: &str, default: impl Into<Option<[usize; 2]>>) -> Result<[usize; 2]> {
        let size = |n: i64| usize::try_from(n).ok().filter(|_| n <= MAX);
        let list = match self.ints(name)? {
            None => return default.into().ok_or_else(|| missing(name)),
            Some(list) => list,
        };
        let pair = match list.as_slice() {
            [] => return default.into().ok_or_else(|| missing(name)),
            &[n] => size(n).map(|n| [n, n]),
            &[a, b] => size(a).zip(size(b)).map(|(a, b)| [a, b]),
            _ => None,
        };
        pair.ok_or_else(|| format!("its argument '{name}' is {list:?}, expected one or two sizes").into())
    }

    /// A number.
    pub(super) fn float(&self, name: &str, default: impl Into<Option<f64>>) -> Result<f64> {
        match self.get(name) {
            None => default.into().ok_or_else(|| missing(name)),
            Some(Argument::Float(x)) => Ok(*x),
            Some(Argument::Int(n)) => Ok(*n as f64),
            Some(Argument::Bool(b)) => Ok(f64::from(u8::from(*b))),
            Some(other) => Err(self.wrong(name, "a number", other)),
        }
    }

    pub(super) fn bool(&self, name: &str, default: bool) -> Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some(Argument::Bool(b)) => Ok(*b),
            Some(other) => Err(self.wrong(name, "true or false", other)),
        }
    }

    pub(super) fn text(&self, name: &str, default: &'static str) -> Result<&'a str> {
        match self.get(name) {
            None => Ok(default),
            Some(Argument::Text(text)) => Ok(text),
            Some(other) => Err(self.wrong(name, "a word", other)),
        }
    }

    fn wrong(&self, name: &str, expected: &str, found: &Argument) -> Reason {
        let found: String = format!("{found:?}").chars().take(60).collect();
        format!("its argument '{name}' is {found}, expected {expected}").into()
    }
}

fn missing(name: &str) -> Reason {
    format!("it has no argument '{name}'").into()
}
