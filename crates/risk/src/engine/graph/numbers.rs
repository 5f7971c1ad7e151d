//! Functions and products of single numbers, and numbers of channels at all pixels, with their reverses.

use collado_models::Function;
use pulp::Arch;

use super::{apply::View, image::Image, lanes::Number};

/// Computes $f(x)$ of a tile.
pub(super) fn apply<T: Number>(f: Function, (x, of): View<'_, T>, (y, to): (&mut [T], &Image)) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (channel, row) in to.lines() {
                let x = &x[of.line::<T>(channel, row)];
                y[to.line::<T>(channel, row)].iter_mut().zip(x).for_each(|(y, &x)| *y = f.value(x));
            }
        },
    );
}

/// Computes the products of two tiles.
pub(super) fn product<T: Number>(
    (a, of_a): View<'_, T>,
    (b, of_b): View<'_, T>,
    (y, to): (&mut [T], &Image),
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for (channel, row) in to.lines() {
                let (a, b) = (&a[of_a.line::<T>(channel, row)], &b[of_b.line::<T>(channel, row)]);
                let y = &mut y[to.line::<T>(channel, row)];
                y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (&a, &b))| *y = a * b);
            }
        },
    );
}

/// Copies the number of each channel of `x` to all pixels of `y`.
pub(super) fn spread<T: Number>((x, of): View<'_, T>, (y, to): (&mut [T], &Image)) {
    for (channel, row) in to.lines() {
        let x = &x[of.line::<T>(channel, 0)];
        y[to.line::<T>(channel, row)].chunks_exact_mut(T::LANES).for_each(|y| y.copy_from_slice(x));
    }
}

/// Adds $g f'(x)$ to `d`, or writes it where that is fresh. There are no borders.
pub(super) fn reverse<T: Number>(f: Function, x: &[T], g: &[T], d: &mut [T], is_fresh: bool) {
    add(
        d,
        is_fresh,
        x.iter().zip(g).map(
            #[inline(always)]
            |(&x, &g)| g * f.slope(x),
        ),
    );
}

/// Adds the products of g and the other factor to `d`, or writes them where that is fresh.
pub(super) fn reverse_product<T: Number>(other: &[T], g: &[T], d: &mut [T], is_fresh: bool) {
    add(
        d,
        is_fresh,
        other.iter().zip(g).map(
            #[inline(always)]
            |(&other, &g)| g * other,
        ),
    );
}

/// Adds the sums of g over the pixels of each channel to `d`, or writes them where that is fresh.
pub(super) fn reverse_spread<T: Number>(g: &[T], pixels: usize, d: &mut [T], is_fresh: bool) {
    if is_fresh {
        d.fill(T::zero());
    }
    for (d, g) in d.chunks_exact_mut(T::LANES).zip(g.chunks_exact(pixels * T::LANES)) {
        for g in g.chunks_exact(T::LANES) {
            d.iter_mut().zip(g).for_each(|(d, &g)| *d += g);
        }
    }
}

fn add<T: Number>(d: &mut [T], is_fresh: bool, parts: impl Iterator<Item = T>) {
    match is_fresh {
        true => d.iter_mut().zip(parts).for_each(|(d, part)| *d = part),
        false => d.iter_mut().zip(parts).for_each(|(d, part)| *d += part),
    }
}
