//! Numbers that do not depend on the network's input.

use std::{fmt, ops::Range, sync::Arc};

/// Numbers that are the same for each example.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Parameters that are used as a value, for example a class token.
    Parameter {
        /// The name of the tensor.
        name: String,
        /// The columns of a point that hold it.
        columns: Range<usize>,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Fixed numbers, for example a mask.
    Constant {
        /// A name for messages.
        name: String,
        /// The numbers, last index fastest.
        values: Arc<[f64]>,
        /// Their shape.
        shape: Vec<usize>,
    },
}

impl Source {
    /// The name of the parameter or of the constant.
    pub fn name(&self) -> &str {
        match self {
            Self::Parameter { name, .. } | Self::Constant { name, .. } => name,
        }
    }

    /// The shape of the numbers.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Parameter { shape, .. } | Self::Constant { shape, .. } => shape,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter { name, .. } => write!(f, "the parameter '{name}' as a value"),
            Self::Constant { name, .. } => write!(f, "the constant '{name}'"),
        }
    }
}

/// A table of parameters `[rows, features]`. Each number of the input, a whole number, becomes the row that it counts
/// from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedding {
    /// Name of the layer, as in PyTorch: its table is `name.weight`.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// Number of features of a row.
    pub features: usize,
    /// The columns of a point that hold the table.
    pub table: Range<usize>,
}

impl fmt::Display for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the embedding '{}' ({} rows of {})", self.name, self.rows, self.features)
    }
}
