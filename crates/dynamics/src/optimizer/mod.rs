//! Optimisers: update rules on a stack of points, and what they remember.

mod adaptive;
mod in_place;

use candle_core::Tensor;

pub use self::adaptive::AdaptiveRule;
use collado_risk::StepRule;

use crate::{Error, Result};

/// An update rule on a stack `[P, S]`, elementwise, so that rows stay apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// $v\gets\mu v+g$, $\theta\gets\theta-\alpha v$ (with Nesterov: $\theta\gets\theta-\alpha(g+\mu v)$), PyTorch's
    /// form; weight decay adds $\lambda\theta$ to g.
    Sgd {
        /// The momentum μ.
        momentum: f64,
        /// Whether Nesterov's variant is used.
        nesterov: bool,
        /// The weight decay λ.
        weight_decay: f64,
    },
    /// Adam (Kingma & Ba 2015) with β = (0.9, 0.999), ε = 1e-8; weight decay in the gradient, or apart from it
    /// (AdamW, Loshchilov & Hutter 2019).
    Adam {
        /// The weight decay λ.
        weight_decay: f64,
        /// Whether $\theta\gets\theta-\alpha\lambda\theta$ is done apart from the gradient.
        decoupled: bool,
    },
    /// A rule that adapts the step size to each parameter, with the defaults of PyTorch.
    Adaptive {
        /// The adaptive rule.
        rule: AdaptiveRule,
        /// The weight decay λ, which is added to the gradient.
        weight_decay: f64,
    },
    /// L-BFGS with a strong Wolfe line search (Liu & Nocedal 1989), for one run and all examples: a solver of its own
    /// inside [`train`](crate::train()), not a step of an [`Optimizer`].
    Lbfgs,
}

/// A [`Rule`] with the tensors that it remembers.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    /// The velocity or the moments, `[P, S]` each.
    memory: Vec<Tensor>,
    steps: u64,
}

impl Optimizer {
    /// The optimiser for a stack of the shape and type of `theta`.
    ///
    /// # Errors
    /// When the rule is [`Rule::Lbfgs`], and the errors of candle.
    pub fn new(rule: Rule, theta: &Tensor) -> Result<Self> {
        let tensors = match rule {
            Rule::Sgd { momentum: 0., .. } => 0,
            Rule::Sgd { .. } => 1,
            Rule::Adam { .. } => 2,
            Rule::Adaptive { rule, .. } => rule.tensors(),
            Rule::Lbfgs => return Err(not_here(rule)),
        };
        let memory = (0..tensors).map(|_| theta.zeros_like()).collect::<Result<_, _>>()?;
        Ok(Self { rule, memory, steps: 0 })
    }

    /// The remembered tensors and the number of steps, to be saved.
    pub fn state(&self) -> (&[Tensor], u64) {
        (&self.memory, self.steps)
    }

    /// Restores a saved state.
    ///
    /// # Errors
    /// When the number, the shapes or the types of the tensors differ.
    pub fn restore(&mut self, memory: Vec<Tensor>, steps: u64) -> Result<()> {
        if memory.len() != self.memory.len() {
            let (found, expected) = (memory.len(), self.memory.len());
            return Err(Error::State(format!("expected {expected} tensors of the optimiser, found {found}")));
        }
        memory.iter().zip(&self.memory).try_for_each(|(new, old)| alike(new, old))?;
        (self.memory, self.steps) = (memory, steps);
        Ok(())
    }

    /// Keeps only the given rows.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn keep(&mut self, rows: &[u32]) -> Result<()> {
        for memory in &mut self.memory {
            let index = Tensor::from_slice(rows, rows.len(), memory.device())?;
            *memory = memory.index_select(&index, 0)?;
        }
        Ok(())
    }

    /// The rule for engines that take steps themselves, if they may know it.
    pub(crate) fn step_rule(&self) -> Option<StepRule> {
        match self.rule {
            Rule::Sgd { momentum, nesterov, weight_decay } => {
                Some(StepRule::Sgd { momentum, nesterov, weight_decay })
            }
            Rule::Adam { weight_decay, decoupled } => Some(StepRule::Adam { weight_decay, decoupled }),
            Rule::Adaptive { .. } | Rule::Lbfgs => None,
        }
    }

    /// Counts steps that an engine has taken.
    pub(crate) fn count(&mut self, steps: u64) {
        self.steps += steps;
    }

    /// The momentum μ and the velocity, if a step is exactly $v\gets\mu v+g$, $\theta\gets\theta-\alpha v$. The
    /// gradient can then be added to the velocity in place, and [`follow`](Self::follow) does the rest.
    pub(crate) fn velocity(&mut self) -> Option<(f64, &mut Tensor)> {
        match self.rule {
            Rule::Sgd { momentum, nesterov: false, weight_decay: 0. } => {
                Some((momentum, self.memory.first_mut()?))
            }
            _ => None,
        }
    }

    /// Takes the step $\theta\gets\theta-\alpha v$ after the gradient was added to the velocity.
    pub(crate) fn follow(&mut self, theta: &Tensor, lr: f64) -> Result<()> {
        self.steps += 1;
        let rule = Rule::Sgd { momentum: 0., nesterov: false, weight_decay: 0. };
        let velocity = self.memory.first().expect("the gradient was added to a velocity");
        Self { rule, memory: vec![], steps: 0 }.step(theta, velocity, lr)
    }

    /// Takes one step with the gradient `grad` and the step size `lr`, in place on `theta`.
    ///
    /// # Errors
    /// When the tensors are not contiguous or their shapes differ.
    pub fn step(&mut self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        self.steps += 1;
        if theta.device().is_cpu() && !matches!(self.rule, Rule::Adaptive { .. }) {
            return self.step_in_place(theta, grad, lr);
        }
        self.step_tensors(theta, grad, lr)
    }
}

/// Checks that a saved tensor has the expected shape and type.
pub(crate) fn alike(saved: &Tensor, expected: &Tensor) -> Result<()> {
    if saved.dims() == expected.dims() && saved.dtype() == expected.dtype() {
        return Ok(());
    }
    let say = |t: &Tensor| format!("{:?} {:?}", t.dtype(), t.dims());
    Err(Error::State(format!("expected a tensor {}, found {}", say(expected), say(saved))))
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
                b.steps += 1;
                b.step_tensors(&tensors, &grad, 0.1)?;
            }
            let gap = (kernel - tensors)?.abs()?.max_all()?.to_scalar::<f64>()?;
            assert!(gap <= 1e-15, "{rule:?}: {gap}");
        }
        Ok(())
    }
}
