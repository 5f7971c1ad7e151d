//! Functions of each number by itself, beyond the activations that dense networks have.

use std::fmt;

use candle_core::Tensor;

use crate::{Activation, Real};

/// A function of each number by itself. Unlike an [`Activation`] it may have numbers of its own, and the engine for
/// dense chains has no kernels for it. Derivatives at kinks are PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// $az+b$.
    Scale {
        /// The factor a.
        by: f64,
        /// The shift b.
        shift: f64,
    },
    /// z, but at least `low` and at most `high`; `relu6` is the one with 0 and 6.
    Clamp {
        /// The least value.
        low: f64,
        /// The largest value.
        high: f64,
    },
    /// z for $z>0$, and `slope` times z else.
    Leaky {
        /// The slope on the left.
        slope: f64,
    },
    /// z for $z>0$, and $\alpha(e^z-1)$ else.
    Elu {
        /// The number α.
        alpha: f64,
    },
    /// The approximation of GELU, $\tfrac z2\bigl(1+\tanh(\sqrt{2/\pi}\,(z+0.044715\,z^3))\bigr)$.
    GeluTanh,
    /// $\min(\max(z/6+1/2,0),1)$.
    HardSigmoid,
    /// $z\min(\max(z/6+1/2,0),1)$.
    HardSwish,
    /// $z^p$.
    Power {
        /// The exponent p.
        exponent: f64,
    },
    /// $e^z$.
    Exp,
    /// The natural logarithm.
    Log,
    /// The error function.
    Erf,
    /// The sine.
    Sin,
    /// The cosine.
    Cos,
    /// The absolute value, with the derivative 0 at 0.
    Abs,
}

const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
const CUBIC: f64 = 0.044715;

impl Function {
    /// Applies the function to each element of `z`, as candle operations that carry gradients.
    ///
    /// # Errors
    /// An error of a candle operation.
    pub fn forward(self, z: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Scale { by, shift } => z.affine(by, shift),
            Self::Clamp { low, high } => {
                let inside = (z.gt(low)? * z.lt(high)?)?;
                inside.where_cond(z, &z.detach().clamp(low, high)?)
            }
            Self::Leaky { slope } => z * positive(z)?.affine(1. - slope, slope)?,
            Self::Elu { alpha } => {
                let right = positive(z)?;
                let left = (z * right.affine(-1., 1.)?)?.exp()?.affine(alpha, -alpha)?;
                (z * right)? + left
            }
            Self::GeluTanh => {
                let inner = (z + (z.sqr()? * z)?.affine(CUBIC, 0.)?)?.affine(SQRT_2_OVER_PI, 0.)?;
                z * inner.tanh()?.affine(0.5, 0.5)?
            }
            Self::HardSigmoid => Self::Clamp { low: 0., high: 1. }.forward(&z.affine(1. / 6., 0.5)?),
            Self::HardSwish => z * Self::HardSigmoid.forward(z)?,
            Self::Power { exponent } => match exponent {
                2. => z.sqr(),
                0.5 => z.sqrt(),
                -0.5 => z.sqrt()?.recip(),
                -1. => z.recip(),
                _ => z.powf(exponent),
            },
            Self::Exp => z.exp(),
            Self::Log => z.log(),
            Self::Erf => z.erf(),
            Self::Sin => z.sin(),
            Self::Cos => z.cos(),
            Self::Abs => z * (positive(z)? - positive(&z.neg()?)?)?,
        }
    }

    /// The value at one number.
    #[inline(always)]
    pub fn value<T: Real>(self, z: T) -> T {
        use num_traits::Float;
        let (zero, one) = (T::zero(), T::one());
        match self {
            Self::Scale { by, shift } => T::of(by) * z + T::of(shift),
            // Written so that NaN stays NaN.
            Self::Clamp { low, high } => {
                if z < T::of(low) {
                    T::of(low)
                } else if z > T::of(high) {
                    T::of(high)
                } else {
                    z
                }
            }
            Self::Leaky { slope } => {
                if z > zero {
                    z
                } else {
                    T::of(slope) * z
                }
            }
            Self::Elu { alpha } => {
                if z > zero {
                    z
                } else {
                    T::of(alpha) * Float::exp_m1(z)
                }
            }
            Self::GeluTanh => {
                let inner = T::of(SQRT_2_OVER_PI) * (z + T::of(CUBIC) * z * z * z);
                T::of(0.5) * z * (one + Activation::Tanh.value(inner))
            }
            Self::HardSigmoid => Self::Clamp { low: 0., high: 1. }.value(T::of(1. / 6.) * z + T::of(0.5)),
            Self::HardSwish => z * Self::HardSigmoid.value(z),
            Self::Power { exponent } => Float::powf(z, T::of(exponent)),
            Self::Exp => Float::exp(z),
            Self::Log => Float::ln(z),
            Self::Erf => one - z.erfc(),
            Self::Sin => Float::sin(z),
            Self::Cos => Float::cos(z),
            Self::Abs => Float::abs(z),
        }
    }

    /// The derivative at `z`.
    #[inline(always)]
    pub fn slope<T: Real>(self, z: T) -> T {
        use num_traits::Float;
        let (zero, one) = (T::zero(), T::one());
        let inside = |low: f64, high: f64| z > T::of(low) && z < T::of(high);
        match self {
            Self::Scale { by, .. } => T::of(by),
            Self::Clamp { low, high } => {
                if inside(low, high) {
                    one
                } else {
                    zero
                }
            }
            Self::Leaky { slope } => {
                if z > zero {
                    one
                } else {
                    T::of(slope)
                }
            }
            Self::Elu { alpha } => {
                if z > zero {
                    one
                } else {
                    T::of(alpha) * Float::exp(z)
                }
            }
            Self::GeluTanh => {
                let t = Activation::Tanh.value(T::of(SQRT_2_OVER_PI) * (z + T::of(CUBIC) * z * z * z));
                let inner = T::of(SQRT_2_OVER_PI) * (one + T::of(3. * CUBIC) * z * z);
                T::of(0.5) * (one + t + z * (one - t * t) * inner)
            }
            Self::HardSigmoid => {
                if inside(-3., 3.) {
                    T::of(1. / 6.)
                } else {
                    zero
                }
            }
            Self::HardSwish => Self::HardSigmoid.value(z) + z * Self::HardSigmoid.slope(z),
            Self::Power { exponent } => T::of(exponent) * Float::powf(z, T::of(exponent - 1.)),
            Self::Exp => Float::exp(z),
            Self::Log => Float::recip(z),
            Self::Erf => T::of(std::f64::consts::FRAC_2_SQRT_PI) * Float::exp(-z * z),
            Self::Sin => Float::cos(z),
            Self::Cos => -Float::sin(z),
            Self::Abs => {
                if z > zero {
                    one
                } else if z < zero {
                    -one
                } else {
                    zero
                }
            }
        }
    }

    /// Whether this is an activation function, and not arithmetic.
    pub fn is_activation(self) -> bool {
        use Function::{Clamp, Elu, GeluTanh, HardSigmoid, HardSwish, Leaky};
        matches!(self, Clamp { .. } | Leaky { .. } | Elu { .. } | GeluTanh | HardSigmoid | HardSwish)
    }

    /// Whether the value at 0 is 0.
    pub fn keeps_zero(self) -> bool {
        self.value(0_f64) == 0.
    }

    /// Whether $f(sz)=sf(z)$ for all $s>0$, so that neurons may be rescaled.
    pub fn is_homogeneous(self) -> bool {
        match self {
            Self::Scale { shift, .. } => shift == 0.,
            Self::Clamp { low, high } => [low, high].iter().all(|&end| end == 0. || end.is_infinite()),
            Self::Leaky { .. } | Self::Abs => true,
            _ => false,
        }
    }
}

/// 1 where `z` is positive, else 0, without a gradient.
fn positive(z: &Tensor) -> candle_core::Result<Tensor> {
    Ok(z.gt(0.)?.to_dtype(z.dtype())?.detach())
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale { by, shift } if *shift == 0. => write!(f, "{by} z"),
            Self::Scale { by, shift } if *by == 1. => write!(f, "z + {shift}"),
            Self::Scale { by, shift } => write!(f, "{by} z + {shift}"),
            Self::Clamp { low, high } if *low == 0. && *high == 6. => f.write_str("relu6"),
            Self::Clamp { low, high } => write!(f, "clamp to {low}..{high}"),
            Self::Leaky { slope } => write!(f, "leaky relu with slope {slope}"),
            Self::Elu { alpha } => write!(f, "elu with alpha {alpha}"),
            Self::GeluTanh => f.write_str("gelu (tanh)"),
            Self::HardSigmoid => f.write_str("hardsigmoid"),
            Self::HardSwish => f.write_str("hardswish"),
            Self::Power { exponent } => write!(f, "z^{exponent}"),
            Self::Exp => f.write_str("exp"),
            Self::Log => f.write_str("log"),
            Self::Erf => f.write_str("erf"),
            Self::Sin => f.write_str("sin"),
            Self::Cos => f.write_str("cos"),
            Self::Abs => f.write_str("abs"),
        }
    }
}
