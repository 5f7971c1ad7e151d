//! Regularisers: penalties on the size of the parameters.

use std::{fmt, ops::Range, str::FromStr};

use crate::{Error, Result};
use collado_models::{Network, Real};

/// The regulariser R of $F=\text{loss}+\kappa R(\theta)$.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Regularizer {
    /// The squared norm $\|\theta\|^2$, including biases.
    #[default]
    L2,
    /// The sum of absolute values of the last layer's weights, $\|W_K\|_1$.
    L1Last,
    /// The squared norm of the last layer's weights, $\|W_K\|^2$.
    L2Last,
}

impl Regularizer {
    /// All regularisers.
    pub const ALL: [Self; 3] = [Self::L2, Self::L1Last, Self::L2Last];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::L1Last => "l1-last",
            Self::L2Last => "l2-last",
        }
    }

    /// The columns of a stack that R depends on.
    pub fn columns(self, network: &Network) -> Range<usize> {
        match self {
            Self::L2 => 0..network.size(),
            Self::L1Last | Self::L2Last => {
                network.affine().next_back().map_or(0..0, |layer| layer.weight.clone())
            }
        }
    }

    /// The value of R at its columns `theta`, summed in `f64`.
    pub(crate) fn value<T: Real>(self, theta: &[T]) -> f64 {
        match self {
            Self::L2 | Self::L2Last => theta.iter().map(|x| x.wide() * x.wide()).sum(),
            Self::L1Last => theta.iter().map(|x| x.wide().abs()).sum(),
        }
    }

    /// Adds $\kappa R'$ to `grad`; the derivative of |x| at 0 is taken as 0.
    pub(crate) fn add_gradient<T: Real>(self, kappa: f64, theta: &[T], grad: &mut [T]) {
        let (one, two) = (T::of(kappa), T::of(2. * kappa));
        for (g, &x) in grad.iter_mut().zip(theta) {
            *g += match self {
                Self::L2 | Self::L2Last => two * x,
                Self::L1Last if x == T::zero() => T::zero(),
                Self::L1Last => one * num_traits::Float::signum(x),
            };
        }
    }
}

impl fmt::Display for Regularizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Regularizer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name).ok_or_else(|| Error::Setting {
            name: "regularizer",
            expected: "l2, l1-last or l2-last",
            found: name.into(),
        })
    }
}
