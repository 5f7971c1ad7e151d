//! The values of an exported graph while it is lowered.

use std::rc::Rc;

use collado_models::NodeId;

use super::{
    Lower, Reason, Result,
    axes::{Axis, product},
};

/// A tensor of the graph.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) axes: Vec<Axis>,
    pub(super) numbers: Numbers,
}

/// Where the numbers of a tensor come from.
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    /// An operation of the network.
    Node(NodeId),
    /// A parameter that no operation but a layer has read so far.
    Parameter(String),
    /// Fixed numbers, last index fastest, with the name of the buffer that they are.
    Fixed(Rc<[f64]>, Option<String>),
}

/// The largest number of numbers of a value for one example, and of all fixed numbers together.
pub(crate) const MAX_NUMBERS: usize = 1 << 28;
pub(crate) const MAX_FIXED: usize = 1 << 25;

impl Value {
    pub(super) fn node(node: NodeId, axes: Vec<Axis>) -> Self {
        Self { axes, numbers: Numbers::Node(node) }
    }

    pub(super) fn fixed(numbers: impl Into<Rc<[f64]>>, sizes: &[usize]) -> Self {
        let axes = sizes.iter().map(|&size| Axis::plain(size)).collect();
        Self { axes, numbers: Numbers::Fixed(numbers.into(), None) }
    }

    /// The same numbers with other axes.
    pub(super) fn with_axes(&self, axes: Vec<Axis>) -> Self {
        let numbers = match &self.numbers {
            Numbers::Fixed(numbers, _) => Numbers::Fixed(Rc::clone(numbers), None),
            other => other.clone(),
        };
        Self { axes, numbers }
    }

    /// The fixed numbers, if they are that.
    pub(super) fn constant(&self) -> Option<&Rc<[f64]>> {
        match &self.numbers {
            Numbers::Fixed(numbers, _) => Some(numbers),
            _ => None,
        }
    }

    /// The single fixed number, if it is one.
    pub(super) fn scalar(&self) -> Option<f64> {
        self.constant().filter(|numbers| numbers.len() == 1).map(|numbers| numbers[0])
    }

    /// The shape for one example: all axes but the batch.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.axes.iter().filter(|axis| !axis.is_batch()).map(|axis| axis.size).collect()
    }

    /// Number of numbers for one example.
    pub(super) fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.size).product()
    }

    /// The place of the batch, if the value has it.
    pub(super) fn batch(&self) -> Option<usize> {
        self.axes.iter().position(|axis| axis.batch.is_some())
    }

    /// The axis that an argument of the operation means; negative ones count from the end.
    pub(super) fn dim(&self, dim: i64) -> Result<usize> {
        index(dim, self.axes.len())
            .ok_or_else(|| format!("its axis {dim} is none of the {} of its input", self.axes.len()).into())
    }

    /// The place among the axes of one example.
    ///
    /// # Errors
    /// When the axis is the batch: operations do not mix examples.
    pub(super) fn own(&self, dim: usize) -> Result<usize> {
        match self.axes[dim].batch {
            Some(_) => Err(across()),
            None => Ok(self.axes[..dim].iter().filter(|axis| !axis.is_batch()).count()),
        }
    }
}

/// The reason why an operation over the batch is refused.
pub(super) fn across() -> Reason {
    "it mixes the examples of a batch, or works on the axis of the batch".into()
}

/// A place among `length` things; negative ones count from the end.
pub(super) fn index(place: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let at = if place < 0 { place + length } else { place };
    (0..length).contains(&at).then_some(at as usize)
}

impl Lower<'_> {
    /// The operation whose result has the value's numbers, in their order.
    pub(super) fn node(&mut self, value: &Value) -> Result<NodeId> {
        match &value.numbers {
            Numbers::Node(node) => Ok(*node),
            Numbers::Parameter(name) => {
                if let Some(&node) = self.sources.get(name) {
                    return Ok(node);
                }
                let node = self.net.parameter(name.clone(), &self.shapes[name]);
                self.sources.insert(name.clone(), node);
                Ok(node)
            }
            Numbers::Fixed(numbers, name) => {
                self.spend(numbers.len())?;
                let name = name.clone().unwrap_or_else(|| "a constant".into());
                Ok(self.net.constant(name, numbers.to_vec(), &value.shape()))
            }
        }
    }

    /// The operation with the value's numbers in the shape for one example.
    pub(super) fn shaped(&mut self, value: &Value, shape: &[usize]) -> Result<NodeId> {
        let node = self.node(value)?;
        Ok(self.net.reshape(node, shape))
    }

    /// The same in the value's own shape.
    pub(super) fn own_shape(&mut self, value: &Value) -> Result<NodeId> {
        self.shaped(value, &value.shape())
    }

    /// Takes the memory for so many fixed numbers.
    ///
    /// # Errors
    /// When all constants together are too large.
    pub(super) fn spend(&mut self, count: usize) -> Result<()> {
        self.fixed = self.fixed.saturating_add(count);
        match self.fixed <= MAX_FIXED {
            true => Ok(()),
            false => Err(format!("the constants have more than {MAX_FIXED} numbers").into()),
        }
    }
}

/// Refuses sizes whose product is too large for a value.
pub(super) fn check_size(sizes: impl Iterator<Item = usize>) -> Result<usize> {
    match product(sizes).filter(|&n| n <= MAX_NUMBERS) {
        Some(n) => Ok(n),
        None => Err(format!("it has more than {MAX_NUMBERS} numbers").into()),
    }
}
