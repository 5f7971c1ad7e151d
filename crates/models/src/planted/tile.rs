//! Risk and gradient of eight points at once; a lane is a point, so every operation is one of vectors.
//!
//! Plain loops over lanes: closures would be compiled apart, without the vector instructions chosen at run time.
#![allow(clippy::needless_range_loop)]

use std::f64::consts::PI;

use super::angle::{LANES, Lanes, angle};

/// Room for one tile's intermediate values.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    norms: Vec<Lanes>,
    inverse: Vec<Lanes>,
    /// $\sum_j\|u_j\|\sin\varphi(w_i,u_j)$ over the pairs, with their signs.
    sines: Vec<Lanes>,
}

impl Scratch {
    pub(super) fn new(n: usize) -> Self {
        let zeros = vec![[0.; LANES]; n];
        Self { norms: zeros.clone(), inverse: zeros.clone(), sines: zeros }
    }
}

/// The risks of the points `w` `[n, k, LANES]`; their gradients are written over `grad`, as long.
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
        let students = pairs(k, w, grad, scratch);
        finish(k, w, grad, scratch);
        // sum over teacher pairs: k/2 on the diagonal, 1/(2 pi) for each pair of orthogonal ones
        let own = (k as f64 * PI + (k * (k - 1)) as f64) / (4. * PI);
        for l in 0..LANES {
            risk[l] = own + (students[l] - risk[l]) / (2. * PI);
        }
        risk
    }
}

/// Sine, and π − angle, of a pair with cosine `c`.
///
/// Where $c\to1$ rounding makes the angle uncertain by $\delta\approx10^{-16}/\varphi$. That is harmless: sine and angle
/// stem from one φ, risk and gradient change only by $O(\delta\sin\varphi)$.
#[inline(always)]
fn sine_and_rest(c: f64) -> (f64, f64) {
    let c = c.clamp(-1., 1.);
    let s = ((1. - c) * (1. + c)).sqrt();
    (s, angle(s, -c))
}

/// Norms, and all pairs of a neuron with a teacher $v_j=e_j$: their gradient is $-(\pi-\varphi)v_j$ here and the
/// sine's share later. Gives $2\pi\sum_{ij}f(w_i,v_j)$.
#[inline(always)]
fn pairs_with_teachers(k: usize, w: &[Lanes], grad: &mut [Lanes], scratch: &mut Scratch) -> Lanes {
    let mut sum = [0.; LANES];
    for (i, (row, grad)) in w.chunks_exact(k).zip(grad.chunks_exact_mut(k)).enumerate() {
        let mut square = [0.; LANES];
        for x in row {
            for l in 0..LANES {
                square[l] = x[l].mul_add(x[l], square[l]);
            }
        }
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

/// All pairs of two neurons. Gives $2\pi\sum_{i<j}f(w_i,w_j)+\frac\pi2\sum_i\|w_i\|^2$.
#[inline(always)]
fn pairs(k: usize, w: &[Lanes], grad: &mut [Lanes], scratch: &mut Scratch) -> Lanes {
    let mut sum = [0.; LANES];
    for j in 0..scratch.norms.len() {
        let (norm, own_inverse, mut own_sines) = (scratch.norms[j], scratch.inverse[j], scratch.sines[j]);
        for l in 0..LANES {
            sum[l] += 0.5 * PI * norm[l] * norm[l];
        }
        let wj = &w[j * k..][..k];
        let (before, own) = grad.split_at_mut(j * k);
        let own = &mut own[..k];
        for (i, (wi, gi)) in w.chunks_exact(k).zip(before.chunks_exact_mut(k)).enumerate() {
            let mut dot = [0.; LANES];
            for (a, b) in wi.iter().zip(wj) {
                for l in 0..LANES {
                    dot[l] = a[l].mul_add(b[l], dot[l]);
                }
            }
            let (mut rest, mut sine) = ([0.; LANES], [0.; LANES]);
            let (inverse, other) = (scratch.inverse[i], scratch.norms[i]);
            for l in 0..LANES {
                (sine[l], rest[l]) = sine_and_rest(dot[l] * (inverse[l] * own_inverse[l]));
            }
            let sines = &mut scratch.sines[i];
            for l in 0..LANES {
                sines[l] += norm[l] * sine[l];
                own_sines[l] += other[l] * sine[l];
                sum[l] += rest[l].mul_add(dot[l], sine[l] * norm[l] * other[l]);
            }
            for (((a, b), ga), gb) in wi.iter().zip(wj).zip(gi).zip(&mut *own) {
                for l in 0..LANES {
                    ga[l] = rest[l].mul_add(b[l], ga[l]);
                    gb[l] = rest[l].mul_add(a[l], gb[l]);
                }
            }
        }
        scratch.sines[j] = own_sines;
    }
    sum
}

/// Adds the shares along the neurons themselves and divides by 2π.
#[inline(always)]
fn finish(k: usize, w: &[Lanes], grad: &mut [Lanes], scratch: &Scratch) {
    for (i, (row, grad)) in w.chunks_exact(k).zip(grad.chunks_exact_mut(k)).enumerate() {
        let mut own = [PI; LANES];
        for l in 0..LANES {
            own[l] += scratch.sines[i][l] * scratch.inverse[i][l];
        }
        for (x, g) in row.iter().zip(grad) {
            for l in 0..LANES {
                g[l] = own[l].mul_add(x[l], g[l]) / (2. * PI);
            }
        }
    }
}
