//! Derivatives with respect to the weights of dense maps: the features of a layer go into the vector lanes instead of
//! the examples, so that no sums over lanes have to be taken.

use pulp::Simd;

use super::{lanes::Number, rows::Row};

/// Adds $\sum_n\delta_{on}x_{kn}$, the sum over the examples of a tile, to `weight` `[outputs][taps]`, for the first of
/// the `taps` features that fill whole lines. Returns their number.
#[inline(always)]
pub(super) fn add<S: Simd, T: Number>(
    simd: S,
    weight: &mut [T],
    x: &[T],
    (delta, outputs): (&[T], usize),
    taps: usize,
) -> usize {
    let pixels = taps / T::LANES;
    if pixels == 0 {
        return 0;
    }
    let done = pixels * T::LANES;
    let turned = turned(x, pixels);
    let offsets: Vec<usize> = (0..T::LANES).map(|n| n * done).collect();
    let row = Row {
        weights: delta,
        stride: T::LANES,
        offsets: &offsets,
        x: &turned,
        x_step: T::LANES,
        out_step: T::LANES,
        out_plane: taps,
        pixels,
        outputs,
    };
    row.run::<S, true>(simd, weight);
    done
}

/// The transpose `[example][feature]` of a tile `[feature][example]`.
#[inline(always)]
fn turned<T: Number>(x: &[T], pixels: usize) -> Vec<T> {
    let features = pixels * T::LANES;
    let mut turned = vec![T::zero(); features * T::LANES];
    for (k, block) in x.chunks_exact(T::LANES * T::LANES).take(pixels).enumerate() {
        for (n, line) in turned.chunks_exact_mut(features).enumerate() {
            let line = &mut line[k * T::LANES..][..T::LANES];
            line.iter_mut().zip(block[n..].iter().step_by(T::LANES)).for_each(|(to, &from)| *to = from);
        }
    }
    turned
}
