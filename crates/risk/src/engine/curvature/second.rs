//! Second derivatives of activation functions.

use collado_models::Activation;

const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

/// The second derivative $\rho''(z)$ from `z` and `a` = $\rho(z)$. It is taken as 0 for rectifiers, also at the kink.
pub(in crate::engine) fn second(activation: Activation, z: f64, a: f64) -> f64 {
    match activation {
        Activation::Linear | Activation::Relu | Activation::Leaky => 0.,
        Activation::Tanh => -2. * a * (1. - a * a),
        Activation::Softplus => {
            let s = Activation::Logistic.value(z);
            s * (1. - s)
        }
        Activation::Gelu => FRAC_1_SQRT_2PI * (-0.5 * z * z).exp() * (2. - z * z),
        Activation::Logistic => a * (1. - a) * (1. - 2. * a),
        Activation::Silu => {
            let s = Activation::Logistic.value(z);
            s * (1. - s) * (2. + z * (1. - 2. * s))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_derivatives_are_central_differences_of_slopes() {
        for activation in Activation::ALL {
            for z in [-3., -0.7, 0.4, 2.5] {
                let slope = |z: f64| activation.slope(z, activation.value(z));
                let numeric = (slope(z + 1e-5) - slope(z - 1e-5)) / 2e-5;
                let exact = second(activation, z, activation.value(z));
                assert!((exact - numeric).abs() < 1e-9, "{activation} at {z}: {exact} {numeric}");
            }
        }
    }
}
