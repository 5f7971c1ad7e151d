//! What is done with one row of pixels of a channel, `[column][example]`. The compiler turns these loops into vector
//! instructions where they are called within `pulp`'s dispatch.

use collado_models::{Activation, specialize};

use super::lanes::Number;

/// The largest number of examples in a tile.
const MOST: usize = 16;

/// $x\gets\rho(sx+t+y)$.
#[inline(always)]
pub(super) fn finish<T: Number>(x: &mut [T], (scale, shift): (T, T), other: Option<&[T]>, rho: Activation) {
    if rho == Activation::Relu {
        let relu = |x| Activation::Relu.value(x);
        match other {
            Some(other) => x.iter_mut().zip(other).for_each(|(x, &y)| *x = relu(scale * *x + shift + y)),
            None => x.iter_mut().for_each(|x| *x = relu(scale * *x + shift)),
        }
        return;
    }
    match other {
        Some(other) => x.iter_mut().zip(other).for_each(|(x, &y)| *x = scale * *x + shift + y),
        None => x.iter_mut().for_each(|x| *x = scale * *x + shift),
    }
    if rho != Activation::Linear {
        specialize!(rho, RHO => x.iter_mut().for_each(|x| *x = RHO.value(*x)));
    }
}

/// $g\gets g\,\rho'(z)$, from z and $a=\rho(z)$. For functions whose derivative does not need z, it may be anything.
#[inline(always)]
pub(super) fn times_slope<T: Number>(g: &mut [T], z: &[T], a: &[T], rho: Activation) {
    let both = g.iter_mut().zip(z.iter().zip(a));
    match rho {
        Activation::Linear => {}
        Activation::Relu => both.for_each(|(g, (&z, &a))| *g *= Activation::Relu.slope(z, a)),
        _ => specialize!(rho, RHO => both.for_each(|(g, (&z, &a))| *g *= RHO.slope(z, a))),
    }
}

/// The sums of x and of x² over the first `examples` of each pixel.
#[inline(always)]
pub(super) fn moments<T: Number>(x: &[T], examples: usize) -> [f64; 2] {
    let (mut sum, mut square) = ([T::zero(); MOST], [T::zero(); MOST]);
    for pixel in x.chunks_exact(T::LANES) {
        for i in 0..T::LANES {
            sum[i] += pixel[i];
            square[i] += pixel[i] * pixel[i];
        }
    }
    [total(&sum, examples), total(&square, examples)]
}

/// The sums of g and of $g(y-\mu)$, where g is 0 beyond the examples.
#[inline(always)]
pub(super) fn projections<T: Number>(g: &[T], y: &[T], mean: T) -> [f64; 2] {
    let (mut sum, mut product) = ([T::zero(); MOST], [T::zero(); MOST]);
    for (g, y) in g.chunks_exact(T::LANES).zip(y.chunks_exact(T::LANES)) {
        for i in 0..T::LANES {
            sum[i] += g[i];
            product[i] += g[i] * (y[i] - mean);
        }
    }
    [total(&sum, T::LANES), total(&product, T::LANES)]
}

/// The sum of g.
#[inline(always)]
pub(super) fn sum<T: Number>(g: &[T]) -> f64 {
    let mut sum = [T::zero(); MOST];
    for pixel in g.chunks_exact(T::LANES) {
        for i in 0..T::LANES {
            sum[i] += pixel[i];
        }
    }
    total(&sum, T::LANES)
}

fn total<T: Number>(lanes: &[T; MOST], examples: usize) -> f64 {
    lanes[..examples].iter().map(|x| x.wide()).sum()
}
