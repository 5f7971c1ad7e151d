//! The planted risk and its gradient at several points at once. Each lane is a point, so every operation acts on
//! vectors.
//!
//! The loops over lanes are plain ones, since closures would be compiled separately, without the vector instructions
//! that are chosen at run time.
#![allow(clippy::needless_range_loop)]

use std::f64::consts::PI;

use super::angle::{LANES, Lanes, angle};

/// Scratch memory for the intermediate values of one tile.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    norms: Vec<Lanes>,
    inverse: Vec<Lanes>,
    /// For each neuron the sum $\sum_j\|u_j\|\sin\varphi(w_i,u_j)$ over its pairs, with their signs.
    sines: Vec<Lanes>,
    /// The factors of $w_j$ in $2\pi\partial F/\partial w_i$, `[n, n]`: π − φ, and for j = i all terms along the neuron
    /// itself.
    shares: Vec<Lanes>,
}

impl Scratch {
    pub(super) fn new(n: usize) -> Self {
        let zeros = |count| vec![[0.; LANES]; count];
        Self { norms: zeros(n), inverse: zeros(n), sines: zeros(n), shares: zeros(n * n) }
    }
}

/// The risks of the points `w` `[n, k, LANES]`; their gradients are written over `grad`, which has the same length.
pub(super) fn evaluate(k: usize, w: &[Lanes], grad: &mut [Lanes], scratch: &mut Scratch) -> Lanes {
    pulp::Arch::new().dispatch(Kernel { k, w, grad, scratch })
}

struct Kernel<'a> {
    k: usize,
    w: &'a [Lanes],
    grad: &'a mut [Lanes],
    scratch: &'a mut Scratch,
}

impl pulp::WithSimd for Kernel<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Lanes {
        let Self { k, w, grad, scratch } = self;
        let mut risk = pairs_with_teachers(k, w, grad, scratch);
        let students = pairs(k, w, scratch);
        gather(k, w, grad, scratch);
        // sum over teacher pairs: k/2 on the diagonal, 1/(2 pi) for each pair of orthogonal ones
        let own = (k as f64 * PI + (k * (k - 1)) as f64) / (4. * PI);
        for l in 0..LANES {
            risk[l] = own + (students[l] - risk[l]) / (2. * PI);
        }
        risk
    }
}

/// The sine of the angle, and π minus the angle, of a pair with cosine `c`.
///
/// Where $c\to1$ rounding makes the angle uncertain by $\delta\approx10^{-16}/\varphi$. That is harmless: sine and
/// angle stem from one φ, risk and gradient change only by $O(\delta\sin\varphi)$.
#[inline(always)]
fn sine_and_rest(c: f64) -> (f64, f64) {
    let c = c.clamp(-1., 1.);
    let s = ((1. - c) * (1. + c)).sqrt();
    (s, angle(s, -c))
}

/// Computes norms and all pairs of a neuron with a teacher $v_j=e_j$. Their gradient is $-(\pi-\varphi)v_j$ here, and
/// the part from the sine is added later. The result is $2\pi\sum_{ij}f(w_i,v_j)$.
#[inline(always)]
fn pairs_with_teachers(k: usize, w: &[Lanes], grad: &mut [Lanes], scratch: &mut Scratch) -> Lanes {
    let mut sum = [0.; LANES];
    for (i, (row, grad)) in w.chunks_exact(k).zip(grad.chunks_exact_mut(k)).enumerate() {
        let [square] = products(row, [row]);
        let (mut norm, mut inverse) = (square, square);
        for l in 0..LANES {
            norm[l] = square[l].sqrt();
            inverse[l] = 1. / norm[l].max(f64::MIN_POSITIVE);
        }
        let mut sines = [0.; LANES];
        for (x, grad) in row.iter().zip(grad) {
            let (mut sine, mut rest) = ([0.; LANES], [0.; LANES]);
            for l in 0..LANES {
                (sine[l], rest[l]) = sine_and_rest(x[l] * inverse[l]);
            }
            for l in 0..LANES {
                sines[l] -= sine[l];
                grad[l] = -rest[l];
                sum[l] += rest[l].mul_add(x[l], sine[l] * norm[l]);
            }
        }
        (scratch.norms[i], scratch.inverse[i], scratch.sines[i]) = (norm, inverse, sines);
    }
    sum
}

/// Computes all pairs of two neurons. The result is $2\pi\sum_{i<j}f(w_i,w_j)+\frac\pi2\sum_i\|w_i\|^2$.
#[inline(always)]
fn pairs(k: usize, w: &[Lanes], scratch: &mut Scratch) -> Lanes {
    let Scratch { norms, inverse, sines, shares } = scratch;
    let n = norms.len();
    let mut sum = [0.; LANES];
    for j in 0..n {
        let (before, own) = w.split_at(j * k);
        let row = &mut shares[j * n..][..j];
        multiply(&own[..k], before, row);
        let (norm, own_scale, mut own_sines) = (norms[j], inverse[j], sines[j]);
        for (i, dot) in row.iter_mut().enumerate() {
            let (mut sine, mut rest) = ([0.; LANES], [0.; LANES]);
            let (scale, other, of) = (inverse[i], norms[i], &mut sines[i]);
            for l in 0..LANES {
                (sine[l], rest[l]) = sine_and_rest(dot[l] * (scale[l] * own_scale[l]));
            }
            for l in 0..LANES {
                of[l] += norm[l] * sine[l];
                own_sines[l] += other[l] * sine[l];
                sum[l] += rest[l].mul_add(dot[l], sine[l] * other[l] * norm[l]);
            }
            *dot = rest;
        }
        sines[j] = own_sines;
        for i in 0..j {
            shares[i * n + j] = shares[j * n + i];
        }
    }
    for j in 0..n {
        for l in 0..LANES {
            sum[l] += 0.5 * PI * norms[j][l] * norms[j][l];
            shares[j * n + j][l] = PI + sines[j][l] * inverse[j][l];
        }
    }
    sum
}

/// Number of rows that are multiplied together, so that there are enough independent sums to keep the processor busy.
const ROWS: usize = 4;

/// The products of `x` `[k]` with each row of `rows` `[·, k]`.
#[inline(always)]
fn multiply(x: &[Lanes], rows: &[Lanes], out: &mut [Lanes]) {
    let k = x.len();
    let (mut blocks, mut outs) = (rows.chunks_exact(ROWS * k), out.chunks_exact_mut(ROWS));
    for (block, out) in (&mut blocks).zip(&mut outs) {
        let of: [Lanes; ROWS] = products(x, split(block, k));
        out.copy_from_slice(&of);
    }
    for (row, out) in blocks.remainder().chunks_exact(k).zip(outs.into_remainder()) {
        [*out] = products(x, [row]);
    }
}

#[inline(always)]
fn split(block: &[Lanes], k: usize) -> [&[Lanes]; ROWS] {
    let (a, rest) = block.split_at(k);
    let (b, rest) = rest.split_at(k);
    let (c, d) = rest.split_at(k);
    [a, b, c, d]
}

#[inline(always)]
fn products<const N: usize>(x: &[Lanes], rows: [&[Lanes]; N]) -> [Lanes; N] {
    let mut sums = [[0.; LANES]; N];
    for (a, x) in x.iter().enumerate() {
        for r in 0..N {
            sums[r] = fma(*x, rows[r][a], sums[r]);
        }
    }
    sums
}

#[inline(always)]
fn fma(x: Lanes, y: Lanes, mut sum: Lanes) -> Lanes {
    for l in 0..LANES {
        sum[l] = x[l].mul_add(y[l], sum[l]);
    }
    sum
}

/// Adds the neurons' multiples of each other to the gradient and divides by 2π.
#[inline(always)]
fn gather(k: usize, w: &[Lanes], grad: &mut [Lanes], scratch: &Scratch) {
    let n = scratch.norms.len();
    for (grad, shares) in grad.chunks_exact_mut(k).zip(scratch.shares.chunks_exact(n)) {
        let (mut blocks, mut factors) = (w.chunks_exact(ROWS * k), shares.chunks_exact(ROWS));
        for (block, factors) in (&mut blocks).zip(&mut factors) {
            let [a, b, c, d] = factors else { continue };
            add(grad, split(block, k), [*a, *b, *c, *d]);
        }
        for (row, factor) in blocks.remainder().chunks_exact(k).zip(factors.remainder()) {
            add(grad, [row], [*factor]);
        }
        for g in grad {
            for l in 0..LANES {
                g[l] *= 1. / (2. * PI);
            }
        }
    }
}

#[inline(always)]
fn add<const N: usize>(grad: &mut [Lanes], rows: [&[Lanes]; N], factors: [Lanes; N]) {
    for (a, g) in grad.iter_mut().enumerate() {
        let mut sum = *g;
        for r in 0..N {
            sum = fma(factors[r], rows[r][a], sum);
        }
        *g = sum;
    }
}
