mod in_place;
mod library;

use candle_core::Tensor;

pub use self::library::LibraryRule;
use self::{in_place::Own, library::Library};
use crate::{Error, Result};

/// An update rule on a stack `[P, S]`, elementwise, so that rows stay apart.
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
    /// One of candle-optimisers, with its defaults; its memory is private, so it cannot be saved.
    Library {
        /// Which.
        rule: LibraryRule,
        /// λ, added to the gradient.
        weight_decay: f64,
    },
    /// L-BFGS with a strong Wolfe line search (Liu & Nocedal 1989), for one run and all examples: a solver of its own
    /// inside [`train`](crate::train()), not a step of an [`Optimizer`].
    Lbfgs,
}

/// A [`Rule`] and what it remembers.
#[derive(Debug)]
pub struct Optimizer {
    memory: Memory,
}

#[derive(Debug)]
enum Memory {
    Own(Own),
    Library(Library),
}

impl Optimizer {
    /// For a stack of the shape and type of `theta`.
    ///
    /// # Errors
    /// For [`Rule::Lbfgs`], and those of candle.
    pub fn new(rule: Rule, theta: &Tensor) -> Result<Self> {
        let own = |count: usize| -> Result<Memory> {
            let state = (0..count).map(|_| theta.zeros_like()).collect::<Result<_, _>>()?;
            Ok(Memory::Own(Own { rule, state, steps: 0 }))
        };
        let memory = match rule {
            Rule::Sgd { momentum: 0., .. } => own(0)?,
            Rule::Sgd { .. } => own(1)?,
            Rule::Adam { .. } => own(2)?,
            Rule::Library { rule, weight_decay } => Memory::Library(Library::new(rule, weight_decay, theta)?),
            Rule::Lbfgs => return Err(not_here(rule)),
        };
        Ok(Self { memory })
    }

    /// What it remembers and its number of steps, to be saved; nothing for a library's, which keeps it private.
    pub fn state(&self) -> Option<(&[Tensor], u64)> {
        match &self.memory {
            Memory::Own(own) => Some((&own.state, own.steps)),
            Memory::Library(_) => None,
        }
    }

    /// Goes on from saved state; a library's rule starts with an empty memory instead.
    ///
    /// # Errors
    /// When the number of tensors is another.
    pub fn restore(&mut self, state: Vec<Tensor>, steps: u64) -> Result<()> {
        let Memory::Own(own) = &mut self.memory else { return Ok(()) };
        if state.len() != own.state.len() {
            let found = format!("{} optimiser tensors, expected {}", state.len(), own.state.len());
            return Err(Error::State(found));
        }
        (own.state, own.steps) = (state, steps);
        Ok(())
    }

    /// Keeps only some rows.
    ///
    /// # Errors
    /// Those of candle.
    pub fn keep(&mut self, rows: &[u32]) -> Result<()> {
        match &mut self.memory {
            Memory::Library(library) => library.keep(rows),
            Memory::Own(own) => {
                for state in &mut own.state {
                    let index = Tensor::from_slice(rows, rows.len(), state.device())?;
                    *state = state.index_select(&index, 0)?;
                }
            }
        }
        Ok(())
    }

    /// μ and the velocity, where a step is $v\gets\mu v+g$, $\theta\gets\theta-\alpha v$ and no more: then the gradient
    /// can be added to it in place, and [`follow`](Self::follow) does the rest.
    pub(crate) fn velocity(&self) -> Option<(f64, &Tensor)> {
        match &self.memory {
            Memory::Own(Own {
                rule: Rule::Sgd { momentum, nesterov: false, weight_decay: 0. },
                state,
                ..
            }) => Some((*momentum, state.first()?)),
            _ => None,
        }
    }

    /// $\theta\gets\theta-\alpha v$, for a velocity that has its gradient.
    pub(crate) fn follow(&mut self, theta: &Tensor, lr: f64) -> Result<()> {
        let Memory::Own(own) = &mut self.memory else { return Ok(()) };
        own.steps += 1;
        let rule = Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. };
        own.state.first().map_or(Ok(()), |v| Own { rule, state: vec![], steps: 0 }.step(theta, v, lr))
    }

    /// One step of size `lr` along `-grad`, in place on `theta`.
    ///
    /// # Errors
    /// When the tensors are not contiguous or of other shapes.
    pub fn step(&mut self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        match &mut self.memory {
            Memory::Own(own) => own.step(theta, grad, lr),
            Memory::Library(library) => library.step(theta, grad, lr),
        }
    }
}

fn not_here(rule: Rule) -> Error {
    Error::Setting { name: "optimizer", expected: "a rule of single steps", found: format!("{rule:?}") }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// The tensor operations for other devices against the kernels, over several steps.
    #[test]
    fn tensor_operations_do_what_the_kernels_do() -> Result<()> {
        let rules = [
            Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0.1 },
            Rule::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.1 },
            Rule::Sgd { momentum: 0.9, nesterov: true, weight_decay: 0. },
            Rule::Adam { weight_decay: 0.1, decoupled: false },
            Rule::Adam { weight_decay: 0.1, decoupled: true },
        ];
        for rule in rules {
            let start: Vec<f64> = (0..12).map(|i| (f64::from(i) * 0.7).sin()).collect();
            let kernel = Tensor::from_slice(&start, (3, 4), &Device::Cpu)?;
            let tensors = kernel.copy()?;
            let (mut a, mut b) = (Optimizer::new(rule, &kernel)?, Optimizer::new(rule, &tensors)?);
            for _ in 0..5 {
                // The gradient of Σ sin θ.
                a.step(&kernel, &kernel.cos()?, 0.1)?;
                let grad = tensors.cos()?;
                let Memory::Own(own) = &mut b.memory else { return Err(not_here(rule)) };
                own.steps += 1;
                own.step_tensors(&tensors, &grad, 0.1)?;
            }
            let gap = (kernel - tensors)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(gap <= 1e-15, "{rule:?}: {gap}");
        }
        Ok(())
    }
}
