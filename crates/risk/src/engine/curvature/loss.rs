//! The curvature of a loss with respect to the network's outputs.

use collado_models::Activation;

use crate::Loss;

/// The curvature matrix $\nabla^2_z\ell$ of a loss at the outputs z of one example.
pub(in crate::engine) enum LossCurvature {
    /// A diagonal matrix.
    Diagonal(Vec<f64>),
    /// The matrix $\operatorname{diag}(p)-pp^\top$ with the position of the largest p.
    Softmax(Vec<f64>, usize),
}

impl LossCurvature {
    pub(in crate::engine) fn new(loss: Loss, z: &[f64]) -> Self {
        match loss {
            Loss::Squared => Self::Diagonal(vec![2.; z.len()]),
            Loss::Logistic => {
                let logistic = |z: f64| Activation::Logistic.value(z);
                Self::Diagonal(z.iter().map(|&z| logistic(z) * logistic(-z)).collect())
            }
            Loss::CrossEntropy => {
                let top = z.iter().enumerate().fold(0, |best, (j, x)| if *x > z[best] { j } else { best });
                let terms: Vec<f64> = z.iter().map(|x| (x - z[top]).exp()).collect();
                let sum: f64 = terms.iter().sum();
                Self::Softmax(terms.into_iter().map(|t| t / sum).collect(), top)
            }
        }
    }

    /// Multiplies the vector `v` by the matrix in place.
    pub(in crate::engine) fn apply(&self, v: &mut [f64]) {
        match self {
            Self::Diagonal(d) => v.iter_mut().zip(d).for_each(|(v, d)| *v *= d),
            Self::Softmax(p, top) => {
                // Differences to the entry of the likely class: nothing cancels when p is nearly 1 there.
                let own = v[*top];
                v.iter_mut().for_each(|v| *v -= own);
                let mean: f64 = v.iter().zip(p).map(|(v, p)| v * p).sum();
                v.iter_mut().zip(p).for_each(|(v, p)| *v = p * (*v - mean));
            }
        }
    }
}
