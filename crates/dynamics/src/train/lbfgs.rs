//! L-BFGS (Liu & Nocedal 1989) with a strong Wolfe line search, as in PyTorch.

use std::collections::VecDeque;

use candle_core::{DType, Tensor};
use collado_risk::{Objective, Rows};

use super::wolfe::{Trial, strong_wolfe};
use crate::{Error, Result, optimizer::alike};

/// Number of remembered pairs of a step and the change of the gradient over it.
const HISTORY: usize = 20;
/// A gradient or a step whose largest entry is below this is taken for 0.
const NO_GRADIENT: f64 = 1e-12;
const NO_STEP: f64 = 1e-14;

/// One run of L-BFGS on all examples.
pub(crate) struct Lbfgs<'a> {
    objective: &'a dyn Objective,
    lr: f64,
    /// The steps s and the changes y of the gradient `[1, S]`, the latest last; all have ⟨s, y⟩ > 0.
    history: VecDeque<(Tensor, Tensor)>,
    /// The risk and the gradient where the last step ended. They are not saved, as they can be recomputed to the same
    /// bits.
    here: Option<(f64, Tensor)>,
}

impl<'a> Lbfgs<'a> {
    pub(crate) fn new(objective: &'a dyn Objective, lr: f64) -> Self {
        Self { objective, lr, history: VecDeque::new(), here: None }
    }

    /// The remembered tensors, s and y alternating.
    pub(crate) fn memory(&self) -> Vec<Tensor> {
        self.history.iter().flat_map(|(s, y)| [s.clone(), y.clone()]).collect()
    }

    /// Restores the remembered tensors, for a point like `theta`.
    pub(crate) fn restore(&mut self, memory: &[Tensor], theta: &Tensor) -> Result<()> {
        if !memory.len().is_multiple_of(2) || memory.len() > 2 * HISTORY {
            let found = memory.len();
            return Err(Error::State(format!(
                "expected up to {HISTORY} pairs of tensors, found {found} tensors"
            )));
        }
        memory.iter().try_for_each(|saved| alike(saved, theta))?;
        self.history = memory.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        Ok(())
    }

    /// Does one iteration, whose result is written over `theta` `[1, S]`, and returns whether it can go on.
    pub(crate) fn step(&mut self, theta: &Tensor) -> Result<bool> {
        let (risk, grad) = match self.here.take() {
            Some(here) => here,
            None => self.evaluate(theta)?,
        };
        if largest(&grad)? < NO_GRADIENT {
            self.here = Some((risk, grad));
            return Ok(false);
        }
        let (direction, slope) = self.direction(&grad)?;
        let mut first = self.lr;
        if self.history.is_empty() {
            first *= (1. / sum(&grad.abs()?)?).min(1.);
        }
        let origin = theta.copy()?;
        let start = Trial { t: 0., risk, slope, grad: grad.clone() };
        let end = strong_wolfe(start, first, largest(&direction)?, &mut |t| {
            let (risk, grad) = self.evaluate(&(&origin + (&direction * t)?)?)?;
            Ok(Trial { t, risk, slope: dot(&direction, &grad)?, grad })
        })?;
        let step = (direction * end.t)?;
        theta.slice_set(&(origin + &step)?, 0, 0)?;
        let moved = largest(&step)?;
        // Nothing found along a direction of the history: the next is that of the gradient.
        let again = end.t == 0. && !self.history.is_empty();
        self.remember(step, (&end.grad - grad)?, again)?;
        self.here = Some((end.risk, end.grad));
        Ok(again || moved >= NO_STEP)
    }

    fn remember(&mut self, s: Tensor, y: Tensor, forget: bool) -> Result<()> {
        if forget {
            self.history.clear();
        } else if dot(&s, &y)? > 1e-10 * dot(&y, &y)? {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back((s, y));
        }
        Ok(())
    }

    /// The direction $-Hg$ by the two-loop recursion over the history, and its slope; $-g$ where rounding turned it
    /// into a direction that does not descend.
    fn direction(&mut self, grad: &Tensor) -> Result<(Tensor, f64)> {
        let mut q = grad.neg()?;
        let mut shares = Vec::with_capacity(self.history.len());
        for (s, y) in self.history.iter().rev() {
            let share = dot(s, &q)? / dot(s, y)?;
            q = (q - (y * share)?)?;
            shares.push(share);
        }
        if let Some((s, y)) = self.history.back() {
            q = (q * (dot(s, y)? / dot(y, y)?))?;
        }
        for ((s, y), share) in self.history.iter().zip(shares.into_iter().rev()) {
            let back = dot(y, &q)? / dot(s, y)?;
            q = (q + (s * (share - back))?)?;
        }
        let slope = dot(&q, grad)?;
        if slope < 0. {
            return Ok((q, slope));
        }
        self.history.clear();
        Ok((grad.neg()?, -dot(grad, grad)?))
    }

    fn evaluate(&self, theta: &Tensor) -> Result<(f64, Tensor)> {
        let mut grad = theta.zeros_like()?;
        let values = self.objective.at(theta, Rows::All, Some(&mut grad))?;
        Ok((values[0].risk, grad))
    }
}

fn sum(x: &Tensor) -> Result<f64> {
    Ok(x.to_dtype(DType::F64)?.sum_all()?.to_scalar()?)
}

fn dot(x: &Tensor, y: &Tensor) -> Result<f64> {
    sum(&(x.to_dtype(DType::F64)? * y.to_dtype(DType::F64)?)?)
}

/// The largest absolute value.
fn largest(x: &Tensor) -> Result<f64> {
    Ok(x.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar()?)
}
