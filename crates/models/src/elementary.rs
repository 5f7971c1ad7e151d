//! Elementary functions in `f32` without tables, branches or calls, so that compilers turn loops over them into vector
//! instructions: tanh to 1.5 units in the last place, $\log(1+x)$ to 2, erfc to 5, and
//! [the exponential](crate::exponential) to 1.5.

use crate::exponential;

/// The hyperbolic tangent: an odd polynomial near 0 (Cephes), else $(1-e)/(1+e)$ with $e=e^{-2|x|}$.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let z = x * x;
    let p =
        (((-5.704_988_7e-3 * z + 2.063_909e-2) * z - 5.373_971_6e-2) * z + 1.333_144_2e-1) * z - 3.333_328e-1;
    let near = x + x * (z * p);
    let e = exponential::f32(-2. * a);
    let far = (1. - 2. * e / (1. + e)).copysign(x);
    if a < 0.625 { near } else { far }
}

/// $\log(1+x)$ for 0 ≤ x ≤ 1: the series of $2\operatorname{artanh}(s)$ with $s=x/(2+x)\le\frac13$.
#[inline(always)]
pub(crate) fn ln_1p_unit(x: f32) -> f32 {
    let s = x / (2. + x);
    let z = s * s;
    let mut sum = 1. / 17.;
    for odd in [15., 13., 11., 9., 7., 5., 3.] {
        sum = sum * z + 1. / odd;
    }
    2. * (s + s * (z * sum))
}

/// The complementary error function: $\operatorname{erfc}x=e^{-x^2}P(q)/(1+2x)$ for x ≥ 0, with a polynomial P in
/// $q=(x-2)/(x+2)$ (the form of Shepherd & Laframboise 1981, fitted to a relative error of 1e-8), and
/// $2-\operatorname{erfc}(-x)$ else. 0 where it would be no normal number.
#[inline(always)]
pub(crate) fn erfc(x: f32) -> f32 {
    const P: [f32; 10] = [
        1.276_978_4,
        -9.276_396e-2,
        -1.660_312_2e-1,
        1.640_548_5e-1,
        -5.420_673_4e-2,
        -8.058_082e-3,
        8.641_284e-3,
        1.314_485_4e-3,
        -1.241_990_7e-3,
        -4.075_613_6e-4,
    ];
    let a = x.abs();
    // Beyond, e^{-x²} is 0.
    let a = if a > 10. { 10. } else { a };
    let q = (a - 2.) / (a + 2.);
    let mut sum = P[9];
    for i in (0..9).rev() {
        sum = sum * q + P[i];
    }
    // x² in two parts: the square of the leading 12 bits is exact.
    let head = f32::from_bits(a.to_bits() & 0xffff_f000);
    let rest = (a - head) * (a + head);
    let tail = 1. - rest * (1. - rest * (0.5 - rest * (1. / 6. - rest * (1. / 24. - rest * (1. / 120.)))));
    let value = exponential::f32(-head * head) * tail * sum / (1. + 2. * a);
    if x < 0. { 2. - value } else { value }
}
