//! Pooling of tiles, and its reverse.

use collado_models::{Pool, PoolKind};
use pulp::Arch;

use super::{image::Image, lanes::Number};

/// The largest number of examples in a tile.
const MOST: usize = 16;

/// Computes the pooling of a tile `x`.
pub(super) fn forward<T: Number>(op: &Pool, (x, of): (&[T], &Image), (y, to): (&mut [T], &Image)) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (channel, row) in (0..to.channels).flat_map(|c| (0..to.height).map(move |r| (c, r))) {
                let line = to.line::<T>(channel, row).start;
                for column in 0..to.width {
                    let [rows, columns] = op.window([row, column]);
                    let share = T::of((op.divisor([row, column]) as f64).recip());
                    let start = match op.kind {
                        PoolKind::Max => T::neg_infinity(),
                        PoolKind::Average => T::zero(),
                    };
                    let mut found = [start; MOST];
                    for r in rows {
                        let line = of.line::<T>(channel, r).start;
                        for x in
                            x[line..][columns.start * T::LANES..columns.end * T::LANES].chunks_exact(T::LANES)
                        {
                            match op.kind {
                                // NaN is passed on, as in PyTorch.
                                PoolKind::Max => (0..T::LANES).for_each(|i| {
                                    found[i] =
                                        if found[i] >= x[i] || found[i].is_nan() { found[i] } else { x[i] };
                                }),
                                PoolKind::Average => (0..T::LANES).for_each(|i| found[i] += x[i]),
                            }
                        }
                    }
                    if op.kind == PoolKind::Average {
                        found.iter_mut().for_each(|found| *found *= share);
                    }
                    y[line + column * T::LANES..][..T::LANES].copy_from_slice(&found[..T::LANES]);
                }
            }
        },
    );
}

/// Adds the derivatives with respect to a tile `x` to `d`, from those with respect to its pooling `y`, `g`. All four
/// have no borders.
pub(super) fn reverse<T: Number>(
    op: &Pool,
    (x, of): (&[T], &Image),
    (y, g, to): (&[T], &[T], &Image),
    d: &mut [T],
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (channel, row) in (0..to.channels).flat_map(|c| (0..to.height).map(move |r| (c, r))) {
                let line = to.line::<T>(channel, row).start;
                for column in 0..to.width {
                    let [rows, columns] = op.window([row, column]);
                    let share = T::of((op.divisor([row, column]) as f64).recip());
                    let from = line + column * T::LANES;
                    let (y, g) = (&y[from..][..T::LANES], &g[from..][..T::LANES]);
                    // The derivative that no pixel has got yet: it belongs to the first that is the largest.
                    let mut rest = [T::zero(); MOST];
                    rest[..T::LANES].copy_from_slice(g);
                    for r in rows {
                        let line = of.line::<T>(channel, r).start;
                        let places = line + columns.start * T::LANES..line + columns.end * T::LANES;
                        let pixels = x[places.clone()].chunks_exact(T::LANES);
                        for (x, d) in pixels.zip(d[places].chunks_exact_mut(T::LANES)) {
                            match op.kind {
                                PoolKind::Max => (0..T::LANES).for_each(|i| {
                                    let is = x[i] == y[i];
                                    d[i] += if is { rest[i] } else { T::zero() };
                                    rest[i] = if is { T::zero() } else { rest[i] };
                                }),
                                PoolKind::Average => (0..T::LANES).for_each(|i| d[i] += g[i] * share),
                            }
                        }
                    }
                }
            }
        },
    );
}

/// Computes the derivatives of the largest numbers of windows, `out`, along a direction from those of the pixels, `r`: each
/// is that of the first pixel that is the largest.
pub(super) fn largest_along<T: Number>(
    op: &Pool,
    (x, r, of): (&[T], &[T], &Image),
    (y, to): (&[T], &Image),
    out: &mut [T],
) {
    for (channel, row) in (0..to.channels).flat_map(|c| (0..to.height).map(move |r| (c, r))) {
        let line = to.line::<T>(channel, row).start;
        for column in 0..to.width {
            let [rows, columns] = op.window([row, column]);
            let at = line + column * T::LANES;
            let mut is_open = [true; MOST];
            for pixel in rows.flat_map(|r| columns.clone().map(move |c| (r, c))) {
                let from = of.line::<T>(channel, pixel.0).start + pixel.1 * T::LANES;
                for i in 0..T::LANES {
                    if is_open[i] && x[from + i] == y[at + i] {
                        (out[at + i], is_open[i]) = (r[from + i], false);
                    }
                }
            }
        }
    }
}
