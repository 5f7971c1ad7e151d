//! The loss of the best constant prediction, below which a trained network should be.

use crate::{Loss, Targets};

impl Targets {
    /// The least mean loss of `outputs` outputs that are the same for all examples: the entropy of the mean target, or
    /// the variance of the targets for the squared loss.
    pub fn constant_loss(&self, loss: Loss, outputs: usize) -> f64 {
        let (mean, square) = self.moments(outputs);
        let entropy = |p: f64| if p > 0. { -p * p.ln() } else { 0. };
        let sum: f64 = match loss {
            Loss::Squared => mean.iter().zip(square).map(|(m, s)| s - m * m).sum(),
            Loss::CrossEntropy => mean.iter().copied().map(entropy).sum(),
            Loss::Logistic => mean.iter().map(|&p| entropy(p) + entropy(1. - p)).sum(),
        };
        sum / self.positions() as f64
    }

    /// The means of the targets and of their squares, for each output; labels are one-hot, or the value of one output.
    fn moments(&self, outputs: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut sum, mut squares) = (vec![0.; outputs], vec![0.; outputs]);
        let mut add = |output: usize, y: f64| {
            sum[output] += y;
            squares[output] += y * y;
        };
        match self {
            Self::Classes(labels) if outputs == 1 => labels.iter().for_each(|&y| add(0, f64::from(y))),
            Self::Classes(labels) => labels.iter().for_each(|&y| add(y as usize, 1.)),
            Self::Tokens { labels, positions } => {
                let place =
                    |(i, &y): (usize, &u32)| add(i % positions * (outputs / positions) + y as usize, 1.);
                labels.iter().enumerate().for_each(place);
            }
            Self::Values { values, width } => values.iter().enumerate().for_each(|(i, &y)| add(i % width, y)),
        }
        let n = self.len() as f64;
        let mean = |sum: Vec<f64>| sum.into_iter().map(|sum| sum / n).collect();
        (mean(sum), mean(squares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the derivative: no constant near the best one is better, and its loss is the one stated.
    #[test]
    fn no_constant_is_better() {
        let classes = Targets::Classes(vec![0, 2, 2, 1, 2]);
        let loss = |z: [f64; 3]| {
            let total = z.iter().map(|z| z.exp()).sum::<f64>().ln();
            [0, 2, 2, 1, 2].iter().map(|&y: &usize| total - z[y]).sum::<f64>() / 5.
        };
        let best = [0.2f64.ln(), 0.2f64.ln(), 0.6f64.ln()];
        let found = classes.constant_loss(Loss::CrossEntropy, 3);
        assert!((found - loss(best)).abs() <= 1e-15);
        for i in 0..3 {
            let mut z = best;
            z[i] += 1e-3;
            assert!(loss(z) > found);
        }
        // One-hot targets: Σ p(1 − p); values: their variance; a label as one value: p(1 − p), and its entropy.
        assert!((classes.constant_loss(Loss::Squared, 3) - (0.16 + 0.16 + 0.24)).abs() <= 1e-15);
        let values = Targets::Values { values: vec![1., 10., 3., 10.], width: 2 };
        assert!((values.constant_loss(Loss::Squared, 2) - 1.).abs() <= 1e-15);
        let half = Targets::Classes(vec![0, 1]);
        assert!((half.constant_loss(Loss::Logistic, 1) - 2f64.ln()).abs() <= 1e-15);
        assert!((half.constant_loss(Loss::Squared, 1) - 0.25).abs() <= 1e-15);
    }
}
