//! The step of second-order models through ReLU.

use crate::{
    line::Line,
    rounding::{TINY, U},
};

/// The model of ρ(z). Where z may have both signs, the best of three rules (docs/certificates.md):
///
/// * ρ is nearest to a parabola on the range of $c+ls+qs^2$, and the radius passes, since ρ grows by no more than z does;
/// * $\rho(z)\in\alpha z+\lbrack0,\beta\rbrack$ on the range of z for any α in \[0, 1\], with β the larger difference at
///   the two ends, where the radius is most of that range;
/// * z itself or 0, where only the radius reaches across the kink.
///
/// Models of first order know the second rule only.
#[inline(always)]
pub(crate) fn rho(z: Line, delta: f64, order: usize) -> Line {
    let (lo, hi) = reach(z, delta);
    let infinite = Line { r: f64::INFINITY, ..Line::ZERO };
    // A finite model stays one.
    let crossing = pick((hi - lo).is_finite(), crossing(z, (lo, hi), delta, order), infinite);
    pick(lo >= 0., z, pick(hi <= 0., Line::ZERO, crossing))
}

/// The rule for a number that may have both signs and lies in `[lo, hi]`. What is not taken may be NaN.
#[inline(always)]
fn crossing(z: Line, (lo, hi): (f64, f64), delta: f64, order: usize) -> Line {
    let slack = slack(z, delta);
    let (low, high) = z.range(delta);
    let alpha = hi / (hi - lo);
    let (below, above) = (-alpha * lo, (1. - alpha) * hi);
    let half = 0.5 * if below > above { below } else { above };
    let linear = Line { c: alpha * z.c + half, l: alpha * z.l, q: alpha * z.q, r: alpha * z.r + half };
    let best = if order == 1 {
        linear
    } else {
        let off = Line { c: 0.5 * hi, r: 0.5 * hi, ..Line::ZERO };
        let other = pick(high + slack <= 0., off, parabola(z, (slack - low, high + slack), delta));
        let other = pick(low - slack >= 0., z, other);
        pick(other.r < linear.r, other, linear)
    };
    Line { r: best.r * (1. + 64. * U) + 64. * slack, ..best }
}

/// `yes` or `no`, number by number, so that several are decided at once.
#[inline(always)]
fn pick(which: bool, yes: Line, no: Line) -> Line {
    let pick = |yes, no| if which { yes } else { no };
    Line { c: pick(yes.c, no.c), l: pick(yes.l, no.l), q: pick(yes.q, no.q), r: pick(yes.r, no.r) }
}

/// Bounds of z.
#[inline(always)]
pub(crate) fn reach(z: Line, delta: f64) -> (f64, f64) {
    let (slack, (low, high)) = (slack(z, delta), z.range(delta));
    (low - z.r - slack, high + z.r + slack)
}

/// More than the rounding of such bounds.
#[inline(always)]
fn slack(z: Line, delta: f64) -> f64 {
    16. * U * z.size(delta) + TINY
}

/// The model of ρ(z) for $p(s)=c+ls+qs^2$ in `[-w, u]`, by the parabola
/// $g(x)=\frac u{u+w}(x+w)+k(x+w)(x-u)+\text{middle}$ and the radius of z.
///
/// With $k=\frac\vartheta{u+w}$, $m=\min(u,w)$ and $M=\max(u,w)$ the error ρ − g + middle lies between
/// $-(1-\vartheta)\frac{uw}{u+w}$, at 0, and $\frac{(\vartheta M-(1-\vartheta)m)^2}{4\vartheta(u+w)}$, on the longer side; that is least
/// for $\vartheta=\min(1,\frac m{M-m})$.
#[inline(always)]
fn parabola(z: Line, (w, u): (f64, f64), delta: f64) -> Line {
    let whole = u + w;
    let (m, most) = if u < w { (u, w) } else { (w, u) };
    let share = m / (most - m);
    let theta = if share < 1. { share } else { 1. };
    let (alpha, k) = (u / whole, theta / whole);
    let least = -(1. - theta) * alpha * w;
    let bow = theta * most - (1. - theta) * m;
    // No square of what may be tiny, which would underflow.
    let highest = bow / (4. * theta) * (bow / whole);
    let slope = alpha + k * (w - u);
    // g(p) with p² in powers of s; k first, so that nothing underflows that matters.
    let (kc, kl, kq) = (k * z.c, k * z.l, k * z.q);
    let square = delta * delta;
    let (cubic, quartic) = (2. * kl * z.q, kq * z.q);
    Line {
        c: alpha * w - k * w * u + 0.5 * (highest + least) + slope * z.c + kc * z.c
            - 0.125 * square * square * quartic,
        l: slope * z.l + 2. * kc * z.l + 0.75 * square * cubic,
        q: slope * z.q + kl * z.l + 2. * kc * z.q + square * quartic,
        // A parabola that is nearly a line gains nothing.
        r: if theta < 1e-3 {
            f64::INFINITY
        } else {
            0.5 * (highest - least)
                + 0.25 * square * delta * cubic.abs()
                + 0.125 * square * square * quartic.abs()
                + z.r
        },
    }
}
