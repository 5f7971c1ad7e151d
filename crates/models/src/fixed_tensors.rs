//! Tensors of fixed numbers that state dicts have beside the parameters and statistics of a network.

use crate::Layout;

/// Fixed numbers that are among the operations of a network and in its state dicts, such as masks. They are kept so that
/// state dicts can be written whole.
#[derive(Debug, Clone, Default)]
pub struct FixedTensors {
    layout: Layout,
    values: Vec<f64>,
    whole: Vec<bool>,
}

impl FixedTensors {
    /// Tensors with their names, shapes and numbers, each with whether its numbers are of a whole type.
    ///
    /// # Panics
    /// When a tensor has other than as many numbers as its shape.
    pub fn new(tensors: impl IntoIterator<Item = (String, Vec<usize>, Vec<f64>, bool)>) -> Self {
        let (mut places, mut values, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for (name, shape, numbers, is_whole) in tensors {
            assert_eq!(shape.iter().product::<usize>(), numbers.len(), "numbers of a fixed tensor");
            places.push((name, shape));
            values.extend(numbers);
            whole.push(is_whole);
        }
        Self { layout: Layout::new(places), values, whole }
    }

    /// Names and shapes of the tensors, with the places of their numbers in [`values`](Self::values).
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The numbers of all tensors, one tensor after the other.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// For each tensor whether its numbers are of a whole type.
    pub fn whole(&self) -> &[bool] {
        &self.whole
    }
}

impl PartialEq for FixedTensors {
    /// Not a number is the same as itself here.
    fn eq(&self, other: &Self) -> bool {
        let bits = |tensors: &'_ Self| tensors.values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        self.layout == other.layout && self.whole == other.whole && bits(self) == bits(other)
    }
}
