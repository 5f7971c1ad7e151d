//! The parameter tensors of a point as variables of their own.

use std::{cell::RefCell, ops::Range};

use candle_core::{Tensor, Var, backprop::GradStore};

use crate::Result;

/// The parameter tensors of a point `theta` `[S]` as variables, each made when an operation asks for it. With one
/// variable for the whole point, the gradient of each of its parts would be as long as the point.
#[derive(Debug)]
pub struct Leaves {
    theta: Tensor,
    variables: RefCell<Vec<(Range<usize>, Var)>>,
}

impl Leaves {
    /// Those of the point `theta` `[S]`.
    pub fn new(theta: &Tensor) -> Self {
        Self { theta: theta.detach(), variables: RefCell::default() }
    }

    /// The point `[S]`, without a way for gradients.
    pub fn theta(&self) -> &Tensor {
        &self.theta
    }

    /// The variable of these columns.
    pub(super) fn of(&self, columns: &Range<usize>) -> Result<Tensor> {
        let mut variables = self.variables.borrow_mut();
        if let Some((_, known)) = variables.iter().find(|(range, _)| range == columns) {
            return Ok(known.as_tensor().clone());
        }
        let new = Var::from_tensor(&self.theta.narrow(0, columns.start, columns.len())?)?;
        let tensor = new.as_tensor().clone();
        variables.push((columns.clone(), new));
        Ok(tensor)
    }

    /// The gradient `[S]`, put together from those of the variables, which are taken out of `gradients`.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn gradient(&self, gradients: &mut GradStore) -> Result<Tensor> {
        let mut all = Gradient::new(&self.theta)?;
        self.add(gradients, &mut all)?;
        Ok(all.into_tensor())
    }

    /// Whether no operation asked for parameters.
    pub(super) fn is_empty(&self) -> bool {
        self.variables.borrow().is_empty()
    }

    /// Adds the gradients of the variables, which are taken out of `gradients`.
    pub(super) fn add(&self, gradients: &mut GradStore, all: &mut Gradient) -> Result<()> {
        for (columns, variable) in self.variables.borrow().iter() {
            if let Some(slope) = gradients.remove(variable) {
                all.add(columns, &slope)?;
            }
        }
        Ok(())
    }
}

/// The gradient `[S]` with respect to a point, put together from those with respect to its tensors.
pub(super) struct Gradient {
    tensor: Tensor,
    /// The columns that were written.
    written: Vec<Range<usize>>,
}

impl Gradient {
    /// Zeros, as many as `theta` `[S]` has numbers.
    pub(super) fn new(theta: &Tensor) -> Result<Self> {
        Ok(Self { tensor: theta.zeros_like()?, written: Vec::new() })
    }

    /// Adds to some columns.
    pub(super) fn add(&mut self, columns: &Range<usize>, slope: &Tensor) -> Result<()> {
        let slope = slope.flatten_all()?.contiguous()?;
        let is_new = self.written.iter().all(|w| w.end <= columns.start || columns.end <= w.start);
        let sum = match is_new {
            true => slope,
            false => (self.tensor.narrow(0, columns.start, columns.len())? + slope)?,
        };
        self.tensor.slice_set(&sum, 0, columns.start)?;
        self.written.push(columns.clone());
        Ok(())
    }

    pub(super) fn into_tensor(self) -> Tensor {
        self.tensor
    }
}
