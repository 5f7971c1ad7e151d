use candle_core::Tensor;
use collado_models::{Error as ModelError, Real, dispatch, with_slice, with_slice_mut};
use rayon::prelude::*;

use crate::Result;

/// An update rule on a stack `[P, S]`, elementwise, so that rows stay apart; in place on the CPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// $v\gets\mu v+g$, $\theta\gets\theta-\alpha v$ (with Nesterov: $\theta\gets\theta-\alpha(g+\mu v)$), PyTorch's form;
    /// weight decay adds $\lambda\theta$ to g.
    Sgd {
        /// μ.
        momentum: f64,
        /// Nesterov's look-ahead.
        nesterov: bool,
        /// λ.
        weight_decay: f64,
    },
    /// Adam (Kingma & Ba 2015) with β = (0.9, 0.999), ε = 1e-8; weight decay in the gradient, or apart from it
    /// (AdamW, Loshchilov & Hutter 2019).
    Adam {
        /// λ.
        weight_decay: f64,
        /// Whether $\theta\gets\theta-\alpha\lambda\theta$ is done apart from the gradient.
        decoupled: bool,
    },
}

/// A [`Rule`] and what it remembers.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: Rule,
    /// Velocity, or the two moments; `[P, S]` each.
    state: Vec<Tensor>,
    steps: u64,
}

impl Optimizer {
    /// For a stack of the shape and type of `theta`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(rule: Rule, theta: &Tensor) -> Result<Self> {
        let count = match rule {
            Rule::Sgd { momentum: 0., .. } => 0,
            Rule::Sgd { .. } => 1,
            Rule::Adam { .. } => 2,
        };
        let state = (0..count).map(|_| theta.zeros_like()).collect::<Result<_, _>>()?;
        Ok(Self { rule, state, steps: 0 })
    }

    /// What it remembers, to be saved.
    pub fn state(&self) -> (&[Tensor], u64) {
        (&self.state, self.steps)
    }

    /// Goes on from saved state.
    ///
    /// # Errors
    /// When the number of tensors is another.
    pub fn restore(&mut self, state: Vec<Tensor>, steps: u64) -> Result<()> {
        if state.len() != self.state.len() {
            let found = format!("{} optimiser tensors, expected {}", state.len(), self.state.len());
            return Err(crate::Error::State(found));
        }
        (self.state, self.steps) = (state, steps);
        Ok(())
    }

    /// Keeps only some rows.
    ///
    /// # Errors
    /// Those of candle.
    pub fn keep(&mut self, rows: &Tensor) -> Result<()> {
        self.state = self.state.iter().map(|s| s.index_select(rows, 0)).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// One step of size `lr` along `-grad`, in place on `theta`.
    ///
    /// # Errors
    /// When the tensors are not contiguous on the CPU.
    pub fn step(&mut self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        self.steps += 1;
        dispatch!(theta.dtype(), T => self.step_typed::<T>(theta, grad, lr))
    }

    fn step_typed<T: Real>(&self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        let mut empty: [T; 0] = [];
        let update = |theta: &mut [T], grad: &[T], s0: &mut [T], s1: &mut [T]| {
            self.update(theta, grad, s0, s1, lr);
            Ok::<_, ModelError>(())
        };
        with_slice::<T, _>(grad, |grad| {
            with_slice_mut::<T, _>(theta, |theta| match &self.state[..] {
                [] => update(theta, grad, &mut empty, &mut []),
                [v] => with_slice_mut::<T, _>(v, |v| update(theta, grad, v, &mut [])),
                [m, v, ..] => {
                    with_slice_mut::<T, _>(m, |m| with_slice_mut::<T, _>(v, |v| update(theta, grad, m, v)))
                }
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
                let (b1, b2) = (0.9_f64, 0.999_f64);
                let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
                let (c1, c2) = (T::of(1. / (1. - b1.powi(power))), T::of(1. / (1. - b2.powi(power))));
                let (b1, b2, d1, d2) = (T::of(b1), T::of(b2), T::of(1. - b1), T::of(1. - b2));
                let inside = T::of(if decoupled { 0. } else { weight_decay });
                let outside = T::of(if decoupled { 1. - lr * weight_decay } else { 1. });
                for (((x, &g), m), v) in all.zip(s0).zip(s1) {
                    let g = g + inside * *x;
                    *m = b1 * *m + d1 * g;
                    *v = b2 * *v + d2 * g * g;
                    *x = outside * *x - lr_t * (*m * c1) / ((*v * c2).sqrt() + T::of(1e-8));
                }
            }
        }
    }
}
