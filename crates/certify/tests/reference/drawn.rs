//! The numbers and activations of random cases.

use collado_models::Activation;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How the numbers of a case are drawn.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Plain,
    /// Few integers, so that kinks are met exactly, windows and variances have ties, neurons are dead and vertices repeat.
    Ties,
    /// Rows of 1e8 and 1e-8.
    Scales,
    /// Ends that nearly agree.
    Close,
}

/// Draws a number.
pub fn draw(kind: Kind, rng: &mut ChaCha8Rng) -> f64 {
    match kind {
        Kind::Ties => f64::from(rng.random_range(-1..=1)),
        Kind::Scales => rng.random_range(-1. ..1.) * [1e8, 1., 1e-8, 0.][rng.random_range(0..4)],
        Kind::Close => 1. + 1e-9 * rng.random_range(-1. ..1.),
        Kind::Plain => rng.random_range(-2. ..2.),
    }
}

/// The activations that proofs cover.
pub const ACTIVATIONS: [Activation; 6] = [
    Activation::Relu,
    Activation::Linear,
    Activation::Tanh,
    Activation::Softplus,
    Activation::Gelu,
    Activation::Logistic,
];
