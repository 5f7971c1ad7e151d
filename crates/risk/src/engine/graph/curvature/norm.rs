//! The numbers of batch normalisation, with their derivatives along a vector.

use std::ops::Range;

use collado_models::Norm;

use super::super::point::{Moments, alone};

/// The scales and shifts of a normalisation in a vector; 0 where it has no parameters for them.
pub(super) fn direction(norm: &Norm, vector: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let column = |columns: &Option<Range<usize>>| match columns {
        Some(columns) => vector[columns.clone()].to_vec(),
        None => vec![0.; norm.channels],
    };
    (column(&norm.weight), column(&norm.bias))
}

/// Adds the derivatives with respect to scale and shift of channel `c` to a product.
pub(super) fn add_parameters(norm: &Norm, c: usize, slopes: [f64; 2], product: &mut [f64]) {
    for (columns, slope) in [&norm.weight, &norm.bias].into_iter().zip(slopes) {
        if let Some(columns) = columns {
            product[columns.start + c] += slope;
        }
    }
}

/// The derivatives of the mean and the variance of each channel along a vector.
#[derive(Debug, Clone)]
pub(super) struct MomentsAlong {
    pub(super) mean: Vec<f64>,
    pub(super) variance: Vec<f64>,
}

impl MomentsAlong {
    /// Those of statistics that are constants.
    pub(super) fn zero(channels: usize) -> Self {
        Self { mean: vec![0.; channels], variance: vec![0.; channels] }
    }

    /// Those of a batch, from the sums of Rx and of $(x-\mu)Rx$ by channel over `count` numbers.
    pub(super) fn from_sums(sums: &[[f64; 2]], count: usize) -> Self {
        let n = count as f64;
        Self {
            mean: sums.iter().map(|[sum, _]| sum / n).collect(),
            variance: sums.iter().map(|[_, product]| 2. * product / n).collect(),
        }
    }
}

/// What happens to the numbers x of a channel after f: $z=s(x-\mu)+\beta$ with $s=\gamma i$, $i=(v+\varepsilon)^{-1/2}$.
/// Each number has its derivative along a vector, whose name begins with `r_`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel {
    pub(super) mean: f64,
    pub(super) scale: f64,
    inverse: f64,
    weight: f64,
    pub(super) r_mean: f64,
    pub(super) r_scale: f64,
    r_shift: f64,
    r_inverse: f64,
    r_weight: f64,
}

/// The sums over a channel that normalisation needs in reverse, with $c=x-\mu$ and derivatives g, Rg of the loss:
/// $\sum g$, $\sum Rg$, $\sum gc$, $\sum(Rg\,c+g\,Rc)$.
pub(super) type ReverseSums = [f64; 4];

/// The derivatives of the loss with respect to a mean and a variance, and the derivatives of the two along a vector.
pub(super) type MomentSlopes = [f64; 4];

impl Channel {
    /// A channel that is not normalised.
    pub(super) const PLAIN: Self = Self {
        mean: 0.,
        scale: 1.,
        inverse: 1.,
        weight: 1.,
        r_mean: 0.,
        r_scale: 0.,
        r_shift: 0.,
        r_inverse: 0.,
        r_weight: 0.,
    };

    /// The channels of a normalisation at the point `theta`, along `vector`.
    pub(super) fn all(
        norm: &Norm,
        (moments, along): (&Moments, &MomentsAlong),
        theta: &[f64],
        vector: &[f64],
    ) -> Vec<Self> {
        let (weights, _) = alone(norm, theta);
        let (r_weights, r_shifts) = direction(norm, vector);
        let channel = |c: usize| {
            let inverse = moments.inverse(norm, c);
            let r_inverse = -0.5 * inverse.powi(3) * along.variance[c];
            let (weight, r_weight) = (weights[c], r_weights[c]);
            Self {
                mean: moments.mean[c],
                scale: weight * inverse,
                inverse,
                weight,
                r_mean: along.mean[c],
                r_scale: r_weight * inverse + weight * r_inverse,
                r_shift: r_shifts[c],
                r_inverse,
                r_weight,
            }
        };
        (0..norm.channels).map(channel).collect()
    }

    /// Rz from x and Rx.
    #[inline(always)]
    pub(super) fn along(&self, x: f64, r: f64) -> f64 {
        self.scale * (r - self.r_mean) + self.r_scale * (x - self.mean) + self.r_shift
    }

    /// The derivatives along the vector of those of the loss with respect to γ and β.
    pub(super) fn parameters(&self, [_, r_sum, product, r_product]: ReverseSums) -> [f64; 2] {
        [r_product * self.inverse + product * self.r_inverse, r_sum]
    }

    /// The derivatives with respect to the statistics.
    pub(super) fn moments(&self, [sum, r_sum, product, r_product]: ReverseSums) -> MomentSlopes {
        let (square, cube) = (self.inverse.powi(2), self.inverse.powi(3));
        let (w, r_w) = (self.weight, self.r_weight);
        [
            -self.scale * sum,
            -0.5 * cube * w * product,
            -(self.r_scale * sum + self.scale * r_sum),
            -0.5 * (3. * square * self.r_inverse * w * product + cube * (r_w * product + w * r_product)),
        ]
    }
}

/// What reaches each number x of a channel through the statistics of a batch: $a_0+a_1c$ for the derivative of the loss,
/// and $b_0+b_1c+a_1Rc$ for its derivative along the vector.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    pub(super) plain: [f64; 2],
    pub(super) along: [f64; 2],
}

impl Spread {
    /// That of the derivatives with respect to statistics over `count` numbers.
    pub(super) fn new([mean, variance, r_mean, r_variance]: MomentSlopes, count: usize) -> Self {
        let n = count as f64;
        Self { plain: [mean / n, 2. * variance / n], along: [r_mean / n, 2. * r_variance / n] }
    }
}
