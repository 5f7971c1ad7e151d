//! Cross-entropy of a tile of examples together, in vector instructions over the examples.

use super::{
    matmul::{Mat, MatMut},
    tile::{Sums, TILE},
};
use collado_models::Real;

/// Number of examples that are processed together.
const WIDTH: usize = 2 * TILE;

/// Computes the loss and the errors of `outputs` `[q][r]`, r ≤ `WIDTH`, for the classes that `label` gives; `delta`
/// receives the slopes times `scale`.
pub(super) fn cross_entropy<T: Real>(
    outputs: Mat<'_, T>,
    mut delta: Option<MatMut<'_, T>>,
    label: impl Fn(usize) -> usize,
    scale: T,
) -> Sums {
    let r = outputs.size().1;
    let (mut max, mut rest) = ([T::neg_infinity(); WIDTH], [T::zero(); WIDTH]);
    let (mut ties, mut factor) = ([T::zero(); WIDTH], [T::zero(); WIDTH]);
    let all = (&mut max[..r], &mut rest[..r], &mut ties[..r], &mut factor[..r]);
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || softmax(outputs, delta.as_mut(), all, scale),
    );
    let mut sums = Sums::default();
    for i in 0..r {
        let label = label(i);
        let score = outputs.row(label)[i];
        // Of equal scores the first is the prediction.
        let first = || (0..label).all(|j| outputs.row(j)[i] != max[i]);
        let right = score == max[i] && !rest[i].is_nan() && (ties[i] == T::one() || first());
        sums +=
            Sums { loss: (rest[i].ln_1p() + (max[i] - score)).wide(), errors: f64::from(u8::from(!right)) };
        if let Some(delta) = &mut delta {
            let slope = &mut delta.row_mut(label)[i];
            *slope = if right { -rest[i] * factor[i] } else { *slope - scale };
        }
    }
    sums
}

/// Computes for each example the largest score, the sum of all terms $e^{z_j-\max z}$ except the largest (so that small
/// losses keep their digits), how often the largest occurs, and `scale` divided by the sum of all terms; `delta`
/// receives the terms times that quotient.
#[inline(always)]
fn softmax<T: Real>(
    outputs: Mat<'_, T>,
    mut delta: Option<&mut MatMut<'_, T>>,
    (max, rest, ties, factor): (&mut [T], &mut [T], &mut [T], &mut [T]),
    scale: T,
) {
    for z in outputs.each_row() {
        max.iter_mut().zip(z).for_each(|(max, &z)| *max = if z > *max { z } else { *max });
    }
    for (j, z) in outputs.each_row().enumerate() {
        let sums = rest.iter_mut().zip(&mut *ties);
        let terms = factor.iter_mut().zip(z.iter().zip(&*max)).zip(sums);
        for ((term, (&z, &max)), (rest, ties)) in terms {
            *term = (z - max).exp_nonpositive();
            let top = z == max;
            *ties += if top { T::one() } else { T::zero() };
            *rest += if top { T::zero() } else { *term };
        }
        if let Some(delta) = &mut delta {
            delta.row_mut(j).copy_from_slice(factor);
        }
    }
    for ((rest, &mut ties), factor) in rest.iter_mut().zip(ties).zip(&mut *factor) {
        *rest += ties - T::one();
        *factor = scale / (T::one() + *rest);
    }
    if let Some(delta) = delta {
        for delta in delta.each_row() {
            delta.iter_mut().zip(&*factor).for_each(|(delta, &factor)| *delta *= factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{Loss, Target, loss_and_slope};

    /// Outputs `[q][r]` with ties, far scores, infinities and NaN.
    fn scores(q: usize, r: usize) -> Vec<f64> {
        let special = [0., 700., -900., f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        (0..q * r)
            .map(|i| match (i * 7919) % 101 {
                k if k < 6 => special[k],
                k if k < 20 => 3.,
                k => ((k * k) % 37) as f64 / 5. - 3.5,
            })
            .collect()
    }

    fn close(a: f64, b: f64) -> bool {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 4e-16 * b.abs().max(1e-300)
    }

    #[test]
    fn a_tile_is_its_examples_one_by_one() {
        for (q, r) in [(2, 1), (10, 64), (10, 128), (37, 50)] {
            let z = scores(q, r);
            let mut delta = vec![0.; q * r];
            let label = |i: usize| (i * 5) % q;
            for i in 0..r {
                let column = |z: &[f64]| (0..q).map(|j| z[j * r + i]).collect::<Vec<_>>();
                let only = column(&z);
                let mut slope = only.clone();
                let (loss, error) =
                    loss_and_slope(Loss::CrossEntropy, &mut slope, Target::Class(label(i) as u32));
                let out = MatMut::new(&mut delta, q, r);
                let one = cross_entropy(Mat::new(&only, q, 1), None, |_| label(i), 1.);
                assert!(close(one.loss, loss) && one.errors == error, "{only:?}: {} {loss}", one.loss);
                cross_entropy(Mat::new(&z, q, r), Some(out), label, 1.);
                for (a, b) in column(&delta).into_iter().zip(slope) {
                    assert!(close(a, b) || (a - b).abs() < 1e-16, "{only:?}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn the_exponential_is_good_to_two_units() {
        for i in 0..200_000 {
            let x = -f64::from(i) * 3.5e-3;
            assert!((x.exp_nonpositive() / x.exp() - 1.).abs() < 4.5e-16, "{x}");
            let y = -i as f32 * 4.3e-4;
            assert!((y.exp_nonpositive().wide() / y.wide().exp() - 1.).abs() < 1.8e-7, "{y}");
        }
        assert_eq!((0_f64.exp_nonpositive(), (-1e4_f64).exp_nonpositive()), (1., 0.));
        assert_eq!((0_f32.exp_nonpositive(), f32::NEG_INFINITY.exp_nonpositive()), (1., 0.));
        assert!(f64::NAN.exp_nonpositive().is_nan() && f32::NAN.exp_nonpositive().is_nan());
    }
}
