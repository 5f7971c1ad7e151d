//! The smooth activations: values, slopes and enclosures of their second derivatives.

use collado_models::Activation;

use crate::rounding::LIBM;

/// A twice differentiable ρ.
#[derive(Clone, Copy)]
pub(crate) struct Smooth {
    /// The values ρ(z) and ρ′(z), by floating-point formulas.
    pub(crate) value: fn(f64) -> (f64, f64),
    /// The quantity, besides |ρ(z)|, to which the absolute error of the formula of ρ(z) is proportional.
    pub(crate) scale: fn(f64) -> f64,
    /// An upper bound of |ρ′|.
    pub(crate) steepest: f64,
    /// An enclosure of 0 and of ρ″ on `z - reach ..= z + reach`.
    pub(crate) second: fn(f64, f64) -> (f64, f64),
    /// ρ″(z), by a floating-point formula.
    bend: fn(f64) -> f64,
    /// An upper bound of |ρ‴|.
    third: f64,
}

impl Smooth {
    /// An enclosure of ρ″ on `z - reach ..= z + reach`.
    pub(crate) fn second_on(&self, z: f64, reach: f64) -> (f64, f64) {
        let ((low, high), here) = ((self.second)(z, reach), (self.bend)(z));
        let far = up(here.abs()) - here.abs() + self.third * reach * (1. + 1e-10);
        if far.is_finite() { (low.max(here - far), high.min(here + far)) } else { (low, high) }
    }
}

/// The smooth function of an activation; `None` for the piecewise linear ones, and for those without a rule.
pub(crate) fn smooth(activation: Activation) -> Option<Smooth> {
    Some(match activation {
        Activation::Linear | Activation::Relu | Activation::Leaky | Activation::Silu => return None,
        Activation::Tanh => Smooth {
            value: |z| {
                let a = z.tanh();
                (a, 1. - a * a)
            },
            scale: |_| 0.,
            steepest: 1.,
            // ρ″ = -2a(1-a²): odd, largest at tanh z = -1/√3.
            second: |z, reach| {
                odd(
                    z,
                    reach,
                    0.658_479,
                    |z| {
                        let a = z.tanh();
                        2. * a * (1. - a * a)
                    },
                    0.769_800_359,
                )
            },
            bend: |z| {
                let a = z.tanh();
                -2. * a * (1. - a * a)
            },
            third: 2.,
        },
        Activation::Softplus => Smooth {
            value: |z| (z.max(0.) + (-z.abs()).exp().ln_1p(), logistic(z)),
            scale: |_| 0.,
            steepest: 1.,
            second: |z, reach| {
                let p = logistic((z.abs() - reach).max(0.));
                (0., up(p * (1. - p)).min(0.25))
            },
            bend: |z| {
                let p = logistic(z);
                p * (1. - p)
            },
            third: 0.096_225_045,
        },
        Activation::Logistic => Smooth {
            value: |z| {
                let a = logistic(z);
                (a, a * (1. - a))
            },
            scale: |_| 0.,
            steepest: 0.25,
            second: |z, reach| {
                odd(
                    z,
                    reach,
                    1.316_957,
                    |z| {
                        let a = logistic(z);
                        a * (1. - a) * (2. * a - 1.)
                    },
                    0.096_225_045,
                )
            },
            bend: |z| {
                let a = logistic(z);
                a * (1. - a) * (1. - 2. * a)
            },
            third: 0.125,
        },
        Activation::Gelu => Smooth {
            value: |z| {
                let p = normal(z);
                (z * p, p + z * density(z))
            },
            scale: f64::abs,
            steepest: 1.129,
            second: gelu_second,
            bend: |z| density(z) * (2. - z * z),
            // φ(z)(z³ - 4z) is largest at z² = (7 - √33)/2.
            third: 0.779,
        },
    })
}

/// The enclosure for an odd ρ″ that is ≤ 0 on z ≥ 0 and whose size `f` grows up to `peak` and falls after it, with the
/// largest value `most`.
fn odd(z: f64, reach: f64, peak: f64, f: fn(f64) -> f64, most: f64) -> (f64, f64) {
    let largest = |from: f64, to: f64| {
        // The part of the range with z ≥ 0, after a reflection.
        if to <= 0. {
            0.
        } else if to < peak {
            up(f(to)).min(most)
        } else if from > peak + 1e-5 {
            up(f(from)).min(most)
        } else {
            most
        }
    };
    (-largest(z - reach, z + reach), largest(-z - reach, -z + reach))
}

/// The enclosure for GELU: ρ″ = φ(z)(2 - z²) is even, falls from 2φ(0) through 0 at √2 to -2φ(2) at 2, and rises to 0.
fn gelu_second(z: f64, reach: f64) -> (f64, f64) {
    let (near, far) = ((z.abs() - reach).max(0.), z.abs() + reach);
    let f = |z: f64| density(z) * (2. - z * z);
    let deepest = -0.107_981_934;
    let low = if far < 2. {
        -up(-f(far))
    } else if near > 2. {
        -up(-f(near))
    } else {
        deepest
    };
    (low.clamp(deepest, 0.), up(f(near)).clamp(0., 0.797_884_561))
}

/// Moves a value upwards by more than the error of the formulas, including that of a rounded argument.
fn up(x: f64) -> f64 {
    x + x.abs() * (64. * LIBM + 1e-10) + 1e-12
}

fn logistic(z: f64) -> f64 {
    let e = (-z.abs()).exp();
    (if z >= 0. { 1. } else { e }) / (1. + e)
}

fn normal(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

fn density(z: f64) -> f64 {
    0.398_942_280_401_432_7 * (-0.5 * z * z).exp()
}
