//! Pooling of tiles, and its reverse: means here, largest numbers in a file of their own.

use collado_models::{Pool, PoolKind};
use pulp::Arch;

use super::{
    image::Image,
    lanes::Number,
    largest::{Largest, Slopes, Windows},
};

/// The largest number of examples in a tile.
const MOST: usize = 16;

/// Computes the pooling of a tile `x`.
pub(super) fn forward<T: Number>(op: &Pool, (x, of): (&[T], &Image), (y, to): (&mut [T], &Image)) {
    let arch = Arch::new();
    match op.kind {
        PoolKind::Max => arch.dispatch(Largest { windows: Windows::new(op, of, to), x, y }),
        PoolKind::Average => arch.dispatch(
            #[inline(always)]
            || {
                for (channel, row) in to.lines() {
                    let line = to.line::<T>(channel, row).start;
                    for column in 0..to.width {
                        let [rows, columns] = op.window([row, column]);
                        let share = T::of((op.divisor([row, column]) as f64).recip());
                        let mut found = [T::zero(); MOST];
                        for r in rows {
                            let line = of.line::<T>(channel, r).start;
                            let pixels = &x[line..][columns.start * T::LANES..columns.end * T::LANES];
                            for x in pixels.chunks_exact(T::LANES) {
                                (0..T::LANES).for_each(|i| found[i] += x[i]);
                            }
                        }
                        found.iter_mut().for_each(|found| *found *= share);
                        y[line + column * T::LANES..][..T::LANES].copy_from_slice(&found[..T::LANES]);
                    }
                }
            },
        ),
    }
}

/// Adds the derivatives with respect to a tile `x` to `d`, or writes them where that is fresh, from those with respect to
/// its pooling `y`, `g`. All four have no borders.
pub(super) fn reverse<T: Number>(
    op: &Pool,
    (x, of): (&[T], &Image),
    (y, g, to): (&[T], &[T], &Image),
    d: &mut [T],
    is_fresh: bool,
) {
    let (arch, windows) = (Arch::new(), Windows::new(op, of, to));
    let writes = is_fresh && op.kind == PoolKind::Max && windows.hold_each_pixel_once();
    if is_fresh && !writes {
        d.fill(T::zero());
    }
    match op.kind {
        PoolKind::Max if writes => arch.dispatch(Slopes::<T, false> { windows, x, y, g, d }),
        PoolKind::Max => arch.dispatch(Slopes::<T, true> { windows, x, y, g, d }),
        PoolKind::Average => arch.dispatch(
            #[inline(always)]
            || {
                for (channel, row) in to.lines() {
                    let line = to.line::<T>(channel, row).start;
                    for column in 0..to.width {
                        let [rows, columns] = op.window([row, column]);
                        let share = T::of((op.divisor([row, column]) as f64).recip());
                        let g = &g[line + column * T::LANES..][..T::LANES];
                        for r in rows {
                            let line = of.line::<T>(channel, r).start;
                            let pixels = &mut d[line..][columns.start * T::LANES..columns.end * T::LANES];
                            for d in pixels.chunks_exact_mut(T::LANES) {
                                (0..T::LANES).for_each(|i| d[i] += g[i] * share);
                            }
                        }
                    }
                }
            },
        ),
    }
}
