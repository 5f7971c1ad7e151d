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
        let all = self.theta.zeros_like()?;
        self.variables.borrow_mut().sort_by_key(|(columns, _)| columns.start);
        let mut end = 0;
        self.each(gradients, |columns, slope| {
            let slope = match columns.start >= end {
                true => slope.contiguous()?,
                // The same parameters were asked for in other columns too.
                false => (all.narrow(0, columns.start, columns.len())? + slope)?,
            };
            end = end.max(columns.end);
            Ok(all.slice_set(&slope, 0, columns.start)?)
        })?;
        Ok(all)
    }

    /// Whether no operation asked for parameters.
    pub(super) fn is_empty(&self) -> bool {
        self.variables.borrow().is_empty()
    }

    /// Calls `take` with the columns and the gradient of each variable that has one in `gradients`.
    pub(super) fn each(
        &self,
        gradients: &mut GradStore,
        mut take: impl FnMut(&Range<usize>, Tensor) -> Result<()>,
    ) -> Result<()> {
        for (columns, variable) in self.variables.borrow().iter() {
            if let Some(slope) = gradients.remove(variable) {
                take(columns, slope)?;
            }
        }
        Ok(())
    }
}
