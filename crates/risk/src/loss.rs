//! Losses of single examples, with their derivatives.

use std::{fmt, str::FromStr};

use crate::{Error, Result};
use collado_models::{Activation, Real};

/// The loss $\ell(\Phi, y)$ of one example, summed over its outputs. A risk averages it over the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The squared loss $\|\Phi-y\|^2$, without ½; class labels are one-hot.
    Squared,
    /// The cross-entropy $-\log\operatorname{softmax}(\Phi)_y$ of a class label y.
    CrossEntropy,
    /// The logistic loss $\log(1+e^\Phi)-y\Phi$ with $y\in\lbrack0,1\rbrack$ for each output; two classes may share one
    /// output.
    Logistic,
}

impl Loss {
    /// All losses.
    pub const ALL: [Self; 3] = [Self::Squared, Self::CrossEntropy, Self::Logistic];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Squared => "squared",
            Self::CrossEntropy => "cross-entropy",
            Self::Logistic => "logistic",
        }
    }

    /// The output above which a single output shared by two classes stands for class 1: ½ under the squared loss, whose
    /// targets are 0 and 1; 0 under the logistic loss, whose output is the logit. At the threshold itself it is class
    /// 0.
    pub fn threshold(self) -> f64 {
        match self {
            Self::Squared => 0.5,
            Self::CrossEntropy | Self::Logistic => 0.,
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Loss {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|l| l.name() == name).ok_or_else(|| Error::Setting {
            name: "loss",
            expected: "squared, cross-entropy or logistic",
            found: name.into(),
        })
    }
}

/// The target of one example.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// A class label.
    Class(u32),
    /// A class label for each position.
    Tokens(&'a [u32]),
    /// A value for each output.
    Values(&'a [f64]),
}

impl Target<'_> {
    /// The value that output `j` of `outputs` should have.
    #[inline(always)]
    pub(crate) fn value(self, j: usize, outputs: usize) -> f64 {
        match self {
            Self::Class(label) if outputs == 1 => f64::from(label),
            Self::Class(label) => f64::from(u8::from(label as usize == j)),
            Self::Tokens(labels) => {
                let classes = outputs / labels.len();
                f64::from(u8::from(labels[j / classes] as usize == j % classes))
            }
            Self::Values(y) => y[j],
        }
    }
}

/// The loss of one example with outputs `z`, which are replaced by $\partial\ell/\partial z$, and 1 if it is
/// misclassified, else 0 (NaN when the target is not a class).
pub(crate) fn loss_and_slope<T: Real>(loss: Loss, z: &mut [T], target: Target<'_>) -> (f64, f64) {
    if let Target::Tokens(labels) = target {
        return by_position(loss, z, labels);
    }
    let error = match target {
        Target::Class(label) => f64::from(u8::from(predict(loss, z) != Some(label as usize))),
        Target::Tokens(_) | Target::Values(_) => f64::NAN,
    };
    let value = match (loss, target) {
        (Loss::CrossEntropy, Target::Class(label)) => cross_entropy(z, label as usize),
        (Loss::Logistic, _) => {
            each(z, target, |z, y| (Activation::Softplus.value(z) - y * z, Activation::Logistic.value(z) - y))
        }
        _ => each(z, target, |z, y| ((z - y) * (z - y), T::of(2.) * (z - y))),
    };
    (value, error)
}

/// The means over positions, each of which has outputs of its own.
fn by_position<T: Real>(loss: Loss, z: &mut [T], labels: &[u32]) -> (f64, f64) {
    let (share, classes) = ((labels.len() as f64).recip(), z.len() / labels.len());
    let (mut value, mut error) = (0., 0.);
    for (z, &label) in z.chunks_exact_mut(classes).zip(labels) {
        let (loss, wrong) = loss_and_slope(loss, z, Target::Class(label));
        value += share * loss;
        error += share * wrong;
        z.iter_mut().for_each(|slope| *slope *= T::of(share));
    }
    (value, error)
}

/// The loss and slopes for losses that are a sum over outputs.
#[inline(always)]
fn each<T: Real>(z: &mut [T], target: Target<'_>, f: impl Fn(T, T) -> (T, T)) -> f64 {
    let outputs = z.len();
    let mut sum = 0.;
    for (j, z) in z.iter_mut().enumerate() {
        let (value, slope) = f(*z, T::of(target.value(j, outputs)));
        sum += value.wide();
        *z = slope;
    }
    sum
}

fn cross_entropy<T: Real>(z: &mut [T], label: usize) -> f64 {
    let best = argmax(z);
    let max = z[best];
    let margin = max - z[label];
    // The largest term, 1, is kept out of the sum: small losses keep their digits.
    let mut rest = T::zero();
    for (j, z) in z.iter_mut().enumerate() {
        *z = (*z - max).exp();
        if j != best {
            rest += *z;
        }
    }
    let sum = T::one() + rest;
    for z in z.iter_mut() {
        *z /= sum;
    }
    if label == best {
        z[label] = -rest / sum;
    } else {
        z[label] -= T::one();
    }
    (rest.ln_1p() + margin).wide()
}

/// The position of the largest score, the first of equals.
fn argmax<T: Real>(z: &[T]) -> usize {
    z.iter().enumerate().fold(0, |best, (j, x)| if *x > z[best] { j } else { best })
}

/// The class with the largest score, the first of equals. A single score stands for two classes, which the
/// [threshold](Loss::threshold) of the loss separates. The result is `None` for NaN.
fn predict<T: Real>(loss: Loss, z: &[T]) -> Option<usize> {
    if z.iter().any(|x| x.is_nan()) {
        return None;
    }
    if let [z] = z {
        return Some(usize::from(*z > T::of(loss.threshold())));
    }
    Some(argmax(z))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_central_differences() {
        let y = [0.3, 0.8, 0.1, 0.2, 0.6, 0.5];
        for loss in Loss::ALL {
            for target in [Target::Class(2), Target::Values(&y), Target::Tokens(&[2, 0])] {
                if loss == Loss::CrossEntropy && matches!(target, Target::Values(_)) {
                    continue;
                }
                let z = [0.3_f64, -1.2, 2.5, 0.4, -0.7, 1.1];
                let mut slope = z;
                loss_and_slope(loss, &mut slope, target);
                for j in 0..6 {
                    let at = |h: f64| {
                        let mut z = z;
                        z[j] += h;
                        loss_and_slope(loss, &mut z, target).0
                    };
                    let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                    assert!((slope[j] - numeric).abs() < 1e-9, "{loss}: {} {numeric}", slope[j]);
                }
            }
        }
    }

    /// The loss of a text is the mean of the losses of its tokens, and so is the error.
    #[test]
    fn positions_are_averaged() {
        let z = [0.3_f64, -1.2, 2.5, 0.4, -0.7, 1.1];
        for loss in Loss::ALL {
            let whole = loss_and_slope(loss, &mut z.clone(), Target::Tokens(&[2, 0]));
            let first = loss_and_slope(loss, &mut [z[0], z[1], z[2]], Target::Class(2));
            let second = loss_and_slope(loss, &mut [z[3], z[4], z[5]], Target::Class(0));
            assert!((whole.0 - (first.0 + second.0) / 2.).abs() < 1e-15, "{loss}");
            assert_eq!((whole.1, first.1, second.1), (0.5, 0., 1.));
        }
    }

    /// Targets 0 and 1 under the squared loss part at ½, a logit at 0; a tie is class 0.
    #[test]
    fn one_output_tells_two_classes_apart_at_the_threshold_of_its_loss() {
        let wrong = |loss, z: f64, label| loss_and_slope(loss, &mut [z], Target::Class(label)).1;
        for (z, class) in [(0.2, 0), (0.5, 0), (0.51, 1), (0.9, 1), (-3., 0)] {
            assert_eq!([wrong(Loss::Squared, z, class), wrong(Loss::Squared, z, 1 - class)], [0., 1.], "{z}");
        }
        for (z, class) in [(0.2, 1), (0., 0), (-0.2, 0)] {
            assert_eq!(
                [wrong(Loss::Logistic, z, class), wrong(Loss::Logistic, z, 1 - class)],
                [0., 1.],
                "{z}"
            );
        }
    }

    #[test]
    fn large_and_undefined_outputs_are_kept() {
        let far = loss_and_slope(Loss::CrossEntropy, &mut [1e4, -1e4], Target::Class(1));
        assert_eq!(far, (2e4, 1.));
        let nan = loss_and_slope(Loss::CrossEntropy, &mut [f64::NAN, 0.], Target::Class(1));
        assert!(nan.0.is_nan() && nan.1 == 1.);
        assert_eq!(loss_and_slope(Loss::Logistic, &mut [-800.], Target::Class(1)).0, 800.);
        assert_eq!(loss_and_slope(Loss::Logistic, &mut [800.], Target::Class(1)), (0., 0.));
    }
}
