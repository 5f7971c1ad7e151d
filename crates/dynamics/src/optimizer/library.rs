//! The rules of candle-optimisers, one optimiser for each row, so that rows can leave the stack.

use candle_core::{Tensor, Var, backprop::GradStore};
use candle_nn::Optimizer as CandleOptimizer;
use candle_optimisers::{
    Decay,
    adadelta::{Adadelta, ParamsAdaDelta},
    adagrad::{Adagrad, ParamsAdaGrad},
    adamax::{Adamax, ParamsAdaMax},
    nadam::{NAdam, ParamsNAdam},
    radam::{ParamsRAdam, RAdam},
    rmsprop::{ParamsRMSprop, RMSprop},
};

use crate::Result;

/// Which rule of candle-optimisers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibraryRule {
    /// RMSprop (Tieleman & Hinton 2012).
    RmsProp,
    /// Adam with Nesterov's momentum (Dozat 2016).
    Nadam,
    /// Rectified Adam (Liu et al. 2020).
    Radam,
    /// AdaGrad (Duchi et al. 2011).
    Adagrad,
    /// AdaDelta (Zeiler 2012).
    Adadelta,
    /// Adam with the largest norm (Kingma & Ba 2015).
    Adamax,
}

/// What is needed of candle's trait, which cannot be an object itself.
trait Update: Send + Sync {
    fn update(&mut self, grads: &GradStore, lr: f64) -> candle_core::Result<()>;
}

impl<O: CandleOptimizer + Send + Sync> Update for O {
    fn update(&mut self, grads: &GradStore, lr: f64) -> candle_core::Result<()> {
        self.set_learning_rate(lr);
        self.step(grads)
    }
}

struct Row {
    theta: Var,
    rule: Box<dyn Update>,
}

pub(super) struct Library {
    rows: Vec<Row>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").field("rows", &self.rows.len()).finish()
    }
}

impl Library {
    pub(super) fn new(rule: LibraryRule, weight_decay: f64, theta: &Tensor) -> Result<Self> {
        let row = |i: usize| -> Result<Row> {
            let theta = Var::from_tensor(&theta.narrow(0, i, 1)?.copy()?)?;
            Ok(Row { rule: update(rule, weight_decay, &theta)?, theta })
        };
        Ok(Self { rows: (0..theta.dims2()?.0).map(row).collect::<Result<_>>()? })
    }

    pub(super) fn keep(&mut self, rows: &[u32]) {
        let mut nth = 0..;
        self.rows.retain(|_| nth.next().is_some_and(|i| rows.contains(&i)));
    }

    pub(super) fn step(&mut self, theta: &Tensor, grad: &Tensor, lr: f64) -> Result<()> {
        for (i, row) in self.rows.iter_mut().enumerate() {
            row.theta.set(&theta.narrow(0, i, 1)?)?;
            // The gradient of this sum is `grad` itself: candle hands out no empty store of gradients.
            let grads = (row.theta.as_tensor() * grad.narrow(0, i, 1)?)?.sum_all()?.backward()?;
            row.rule.update(&grads, lr)?;
            theta.slice_set(&row.theta.as_detached_tensor(), 0, i)?;
        }
        Ok(())
    }
}

fn update(rule: LibraryRule, weight_decay: f64, theta: &Var) -> Result<Box<dyn Update>> {
    let vars = vec![theta.clone()];
    let decay = (weight_decay != 0.).then_some(Decay::WeightDecay(weight_decay));
    Ok(match rule {
        LibraryRule::RmsProp => {
            let weight_decay = (weight_decay != 0.).then_some(weight_decay);
            Box::new(RMSprop::new(vars, ParamsRMSprop { weight_decay, ..Default::default() })?)
        }
        LibraryRule::Nadam => {
            Box::new(NAdam::new(vars, ParamsNAdam { weight_decay: decay, ..Default::default() })?)
        }
        LibraryRule::Radam => {
            Box::new(RAdam::new(vars, ParamsRAdam { weight_decay: decay, ..Default::default() })?)
        }
        LibraryRule::Adagrad => {
            Box::new(Adagrad::new(vars, ParamsAdaGrad { weight_decay: decay, ..Default::default() })?)
        }
        LibraryRule::Adadelta => {
            Box::new(Adadelta::new(vars, ParamsAdaDelta { weight_decay: decay, ..Default::default() })?)
        }
        LibraryRule::Adamax => {
            Box::new(Adamax::new(vars, ParamsAdaMax { weight_decay: decay, ..Default::default() })?)
        }
    })
}
