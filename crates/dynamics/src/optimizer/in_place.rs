//! The steps of SGD and Adam: in place on the CPU, and by tensor operations on other devices.

use candle_core::Tensor;
use collado_models::{Error as ModelError, Real, dispatch, with_slice, with_slice_mut};
use rayon::prelude::*;

use super::{Optimizer, Rule};
use crate::Result;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Optimizer {
    /// One step in place on the CPU.
    pub(super) fn step_in_place(&self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        dispatch!(theta.dtype(), T => self.step_typed::<T>(theta, grad, lr))
    }

    /// The numbers that Adam's moments are divided by to correct their bias.
    fn corrections(&self) -> (f64, f64) {
        let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
        (1. / (1. - BETA1.powi(power)), 1. / (1. - BETA2.powi(power)))
    }

    /// One step by candle operations: for other devices, and for adaptive rules on every device.
    pub(super) fn step_tensors(&self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        let moved = match self.rule {
            Rule::Sgd { momentum, nesterov, weight_decay } => {
                let grad = (grad + (theta * weight_decay)?)?;
                let direction = match &self.memory[..] {
                    [] => grad,
                    [v, ..] => {
                        let new = ((v * momentum)? + &grad)?;
                        v.slice_set(&new, 0, 0)?;
                        if nesterov { (grad + (new * momentum)?)? } else { new }
                    }
                };
                (theta - (direction * lr)?)?
            }
            Rule::Adam { weight_decay, decoupled } => {
                let (c1, c2) = self.corrections();
                let grad = if decoupled { grad.clone() } else { (grad + (theta * weight_decay)?)? };
                let kept = if decoupled { (theta * (1. - lr * weight_decay))? } else { theta.clone() };
                let m = ((&self.memory[0] * BETA1)? + (&grad * (1. - BETA1))?)?;
                let v = ((&self.memory[1] * BETA2)? + (grad.sqr()? * (1. - BETA2))?)?;
                self.memory[0].slice_set(&m, 0, 0)?;
                self.memory[1].slice_set(&v, 0, 0)?;
                (kept - ((m * (lr * c1))? / ((v * c2)?.sqrt()? + EPSILON)?)?)?
            }
            Rule::Adaptive { rule, weight_decay } => {
                let grad = if weight_decay == 0. { grad.clone() } else { (grad + (theta * weight_decay)?)? };
                (theta - rule.change(&self.memory, &grad, lr, self.steps)?)?
            }
            Rule::Lbfgs => unreachable!("an optimiser has a rule of single steps"),
        };
        Ok(theta.slice_set(&moved, 0, 0)?)
    }

    fn step_typed<T: Real>(&self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        let mut empty: [T; 0] = [];
        let update = |theta: &mut [T], grad: &[T], s0: &mut [T], s1: &mut [T]| {
            self.update(theta, grad, s0, s1, lr);
            Ok::<_, ModelError>(())
        };
        with_slice::<T, _, _>(grad, |grad| {
            with_slice_mut::<T, _, _>(theta, |theta| match &self.memory[..] {
                [] => update(theta, grad, &mut empty, &mut []),
                [v] => with_slice_mut::<T, _, _>(v, |v| update(theta, grad, v, &mut [])),
                [m, v, ..] => with_slice_mut::<T, _, _>(m, |m| {
                    with_slice_mut::<T, _, _>(v, |v| update(theta, grad, m, v))
                }),
            })
        })?;
        Ok(())
    }

    fn update<T: Real>(&self, theta: &mut [T], grad: &[T], s0: &mut [T], s1: &mut [T], lr: f64) {
        const BLOCK: usize = 1 << 15;
        let one = |i: usize, theta: &mut [T], s0: &mut [T], s1: &mut [T]| {
            let grad = &grad[i * BLOCK..][..theta.len()];
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || self.update_block(theta, grad, s0, s1, lr),
            );
        };
        let empty = |s: &[T]| s.is_empty();
        match (empty(s0), empty(s1)) {
            (true, _) => {
                theta.par_chunks_mut(BLOCK).enumerate().for_each(|(i, t)| one(i, t, &mut [], &mut []))
            }
            (_, true) => theta
                .par_chunks_mut(BLOCK)
                .zip(s0.par_chunks_mut(BLOCK))
                .enumerate()
                .for_each(|(i, (t, a))| one(i, t, a, &mut [])),
            _ => theta
                .par_chunks_mut(BLOCK)
                .zip(s0.par_chunks_mut(BLOCK))
                .zip(s1.par_chunks_mut(BLOCK))
                .enumerate()
                .for_each(|(i, ((t, a), b))| one(i, t, a, b)),
        }
    }

    #[inline(always)]
    fn update_block<T: Real>(&self, theta: &mut [T], grad: &[T], s0: &mut [T], s1: &mut [T], lr: f64) {
        let (lr_t, all) = (T::of(lr), theta.iter_mut().zip(grad));
        match self.rule {
            Rule::Sgd { momentum: 0., weight_decay, .. } => {
                let decay = T::of(weight_decay);
                all.for_each(|(x, &g)| *x -= lr_t * (g + decay * *x));
            }
            Rule::Sgd { momentum, nesterov, weight_decay } => {
                let (mu, decay) = (T::of(momentum), T::of(weight_decay));
                for ((x, &g), v) in all.zip(s0) {
                    let g = g + decay * *x;
                    *v = mu * *v + g;
                    *x -= lr_t * if nesterov { g + mu * *v } else { *v };
                }
            }
            Rule::Adam { weight_decay, decoupled } => {
                let (c1, c2) = self.corrections();
                let (c1, c2, b1, b2) = (T::of(c1), T::of(c2), T::of(BETA1), T::of(BETA2));
                let (d1, d2) = (T::of(1. - BETA1), T::of(1. - BETA2));
                let inside = T::of(if decoupled { 0. } else { weight_decay });
                let outside = T::of(if decoupled { 1. - lr * weight_decay } else { 1. });
                for (((x, &g), m), v) in all.zip(s0).zip(s1) {
                    let g = g + inside * *x;
                    *m = b1 * *m + d1 * g;
                    *v = b2 * *v + d2 * g * g;
                    *x = outside * *x - lr_t * (*m * c1) / ((*v * c2).sqrt() + T::of(EPSILON));
                }
            }
            Rule::Adaptive { .. } | Rule::Lbfgs => unreachable!("only SGD and Adam are done in place"),
        }
    }
}
