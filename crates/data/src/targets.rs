//! The targets of a split: class labels or real values.

use candle_core::Tensor;

use crate::array::vector;
use crate::{Error, Result};

/// The largest number of classes. A larger label is taken for a mistake, and its one-hot rows would not fit into
/// memory.
pub const MAX_CLASSES: usize = 65_536;

/// Targets of N rows.
#[derive(Debug, Clone)]
pub enum Targets {
    /// Class labels `[N]`, each below `count`.
    Classes {
        /// The label of each row.
        labels: Vec<u32>,
        /// The number of classes.
        count: usize,
        /// The names of the classes in the data, in order; empty where label k is class k.
        names: Vec<String>,
    },
    /// A class for each of several positions of a row, such as the next token at each place of a text.
    Tokens {
        /// The labels, row by row.
        labels: Vec<u32>,
        /// The number of positions of a row.
        positions: usize,
        /// The number of classes.
        count: usize,
    },
    /// Real targets `[N, q]`, F64 on the CPU.
    Values(Tensor),
}

impl Targets {
    /// The number of rows N.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::Tokens { labels, positions, .. } => labels.len() / (*positions).max(1),
            Self::Values(values) => values.dims2().expect("values are a matrix").0,
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of outputs a model needs: classes, classes at each position, or q.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { count, .. } => *count,
            Self::Tokens { count, positions, .. } => count * positions,
            Self::Values(values) => values.dims2().expect("values are a matrix").1,
        }
    }

    /// The names of the classes in the data; empty where label k is class k, and for real targets.
    pub fn class_names(&self) -> &[String] {
        match self {
            Self::Classes { names, .. } => names,
            Self::Tokens { .. } | Self::Values(_) => &[],
        }
    }

    /// Whether the targets are class labels, one for each row or for each position of it.
    pub fn is_classes(&self) -> bool {
        !matches!(self, Self::Values(_))
    }

    /// The number of positions that have a class of their own, where they have.
    pub fn positions(&self) -> Option<usize> {
        match self {
            Self::Tokens { positions, .. } => Some(*positions),
            _ => None,
        }
    }

    /// The targets of the given rows.
    pub(crate) fn select(&self, rows: &[u32]) -> Result<Self> {
        match self {
            Self::Values(values) => Ok(Self::Values(values.index_select(&vector(rows.to_vec())?, 0)?)),
            Self::Tokens { labels, positions, count } => {
                let pick = |&row: &u32| {
                    let start = row as usize * positions;
                    labels.get(start..start + positions).ok_or_else(|| outside(row, self.len()))
                };
                let labels = rows.iter().map(pick).collect::<Result<Vec<_>>>()?.concat();
                Ok(Self::Tokens { labels, positions: *positions, count: *count })
            }
            Self::Classes { labels, count, names } => {
                let pick =
                    |&row: &u32| labels.get(row as usize).copied().ok_or_else(|| outside(row, labels.len()));
                let labels = rows.iter().map(pick).collect::<Result<_>>()?;
                Ok(Self::Classes { labels, count: *count, names: names.clone() })
            }
        }
    }
}

fn outside(row: u32, len: usize) -> Error {
    Error::format("targets", format!("a row below {len}"), row.to_string())
}
