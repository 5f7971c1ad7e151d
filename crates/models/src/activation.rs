//! Activation functions: their values, their derivatives, and their names.

use std::{fmt, str::FromStr};

use candle_core::Tensor;

use crate::{Error, Real, Result};

/// The function $\rho$ between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// The identity $\rho(z) = z$, as in deep linear networks.
    Linear,
    /// The rectifier $\rho(z) = \max(0, z)$, with $\rho'(0) = 0$ as in PyTorch.
    Relu,
    /// The hyperbolic tangent $\rho(z) = \tanh z$.
    Tanh,
    /// Softplus, $\rho(z) = \log(1 + e^z)$.
    Softplus,
    /// GELU in its exact form, $\rho(z) = z\,\Phi(z)$ with the normal distribution function $\Phi$.
    Gelu,
    /// The logistic function $\rho(z) = 1 / (1 + e^{-z})$.
    Logistic,
    /// SiLU, also called swish, $\rho(z) = z / (1 + e^{-z})$.
    Silu,
    /// The leaky rectifier, $\rho(z) = z$ for $z > 0$ and $0.01\,z$ else, with $\rho'(0) = 0.01$ as in PyTorch.
    Leaky,
}

impl Activation {
    /// All activations, in the order in which help texts list them.
    pub const ALL: [Self; 8] = [
        Self::Relu,
        Self::Linear,
        Self::Tanh,
        Self::Softplus,
        Self::Gelu,
        Self::Logistic,
        Self::Silu,
        Self::Leaky,
    ];

    /// The name of the function in names of networks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
            Self::Gelu => "gelu",
            Self::Logistic => "logistic",
            Self::Silu => "silu",
            Self::Leaky => "leaky",
        }
    }

    /// Applies $\rho$ to each element of `z`, as candle operations that carry gradients.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn forward(self, z: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Linear => Ok(z.clone()),
            // candle's own ReLU has ρ′(0) = 1.
            Self::Relu => z * z.gt(0.)?.to_dtype(z.dtype())?.detach(),
            Self::Tanh => z.tanh(),
            // log(1 + e^z) = max(z, 0) + log(1 + e^{-|z|}) does not overflow.
            Self::Softplus => z.relu()? + (z.abs()?.neg()?.exp()? + 1.)?.log()?,
            // candle's own gelu has a derivative that is off by 1e-7.
            Self::Gelu => z * (z * std::f64::consts::FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)?,
            Self::Logistic => candle_nn::ops::sigmoid(z),
            Self::Silu => z * candle_nn::ops::sigmoid(z)?,
            Self::Leaky => z * z.gt(0.)?.to_dtype(z.dtype())?.detach().affine(1. - LEAK, LEAK)?,
        }
    }

    /// The value $\rho(z)$ at one number.
    #[inline(always)]
    pub fn value<T: Real>(self, z: T) -> T {
        match self {
            Self::Linear => z,
            // Written so that NaN stays NaN.
            Self::Relu => {
                if z < T::zero() {
                    T::zero()
                } else {
                    z
                }
            }
            Self::Tanh => z.tangent(),
            Self::Softplus => softplus(z),
            Self::Gelu => z * normal_distribution(z),
            Self::Logistic => logistic(z),
            Self::Silu => z * logistic(z),
            Self::Leaky => {
                if z > T::zero() {
                    z
                } else {
                    T::of(LEAK) * z
                }
            }
        }
    }

    /// The derivative $\rho'(z)$, computed from `z` and `a` = $\rho(z)$.
    #[inline(always)]
    pub fn slope<T: Real>(self, z: T, a: T) -> T {
        match self {
            Self::Linear => T::one(),
            Self::Relu => {
                if a > T::zero() {
                    T::one()
                } else {
                    T::zero()
                }
            }
            Self::Tanh => T::one() - a * a,
            Self::Softplus => logistic(z),
            Self::Gelu => {
                let density = T::of(FRAC_1_SQRT_2PI) * (T::of(-0.5) * z * z).exp_decay();
                normal_distribution(z) + z * density
            }
            Self::Logistic => a * (T::one() - a),
            Self::Silu => {
                let p = logistic(z);
                p + a * (T::one() - p)
            }
            Self::Leaky => {
                if a > T::zero() {
                    T::one()
                } else {
                    T::of(LEAK)
                }
            }
        }
    }

    /// Whether the derivative $\rho'(z)$ needs `z`; for the other functions $\rho(z)$ is enough.
    pub fn slope_needs_input(self) -> bool {
        matches!(self, Self::Softplus | Self::Gelu | Self::Silu)
    }

    /// Whether $\rho(sz)=s\rho(z)$ for all $s>0$, so that neurons may be rescaled.
    pub fn is_homogeneous(self) -> bool {
        matches!(self, Self::Linear | Self::Relu | Self::Leaky)
    }
}

/// The slope of the leaky rectifier on the left.
const LEAK: f64 = 0.01;

const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

/// Runs `$body` with the constant `$name` = the activation `$rho`, so that a loop in it is compiled for each function by
/// itself.
#[macro_export]
macro_rules! specialize {
    ($rho:expr, $name:ident => $body:expr) => {
        match $rho {
            $crate::Activation::Linear => {
                const $name: $crate::Activation = $crate::Activation::Linear;
                $body
            }
            $crate::Activation::Relu => {
                const $name: $crate::Activation = $crate::Activation::Relu;
                $body
            }
            $crate::Activation::Tanh => {
                const $name: $crate::Activation = $crate::Activation::Tanh;
                $body
            }
            $crate::Activation::Softplus => {
                const $name: $crate::Activation = $crate::Activation::Softplus;
                $body
            }
            $crate::Activation::Gelu => {
                const $name: $crate::Activation = $crate::Activation::Gelu;
                $body
            }
            $crate::Activation::Logistic => {
                const $name: $crate::Activation = $crate::Activation::Logistic;
                $body
            }
            $crate::Activation::Silu => {
                const $name: $crate::Activation = $crate::Activation::Silu;
                $body
            }
            $crate::Activation::Leaky => {
                const $name: $crate::Activation = $crate::Activation::Leaky;
                $body
            }
        }
    };
}

/// Computes $\log(1 + e^z)$ without overflow.
#[inline(always)]
pub(crate) fn softplus<T: Real>(z: T) -> T {
    num_traits::Float::max(z, T::zero()) + (-z.abs()).exp_decay().ln_1p_unit()
}

/// Computes $1 / (1 + e^{-z})$ without overflow.
#[inline(always)]
pub(crate) fn logistic<T: Real>(z: T) -> T {
    let e = (-z.abs()).exp_decay();
    (if z >= T::zero() { T::one() } else { e }) / (T::one() + e)
}

#[inline(always)]
fn normal_distribution<T: Real>(z: T) -> T {
    T::of(0.5) * (-z * T::of(std::f64::consts::FRAC_1_SQRT_2)).erfc()
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Activation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name).ok_or_else(|| Error::Arch {
            spec: name.into(),
            reason: format!("unknown activation; expected one of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}
