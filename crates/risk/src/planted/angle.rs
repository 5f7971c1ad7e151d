//! Angles of several pairs of vectors at once, computed without branches or divisions.

use std::f64::consts::{FRAC_PI_2, PI};

/// Number of points that are computed together, one in each lane.
pub(super) const LANES: usize = 8;

/// One number for each of the points.
pub(super) type Lanes = [f64; LANES];

/// Coefficients of $(\arcsin t/t-1)/t^2$ in powers of $t^2$ for $0\le t^2\le\frac12$, interpolated at Chebyshev's nodes
/// with an error of 1.4e-16.
const ARCSINE: [f64; 18] = [
    0.166_666_666_666_666_6,
    0.075_000_000_000_089_83,
    0.044_642_857_123_585_16,
    0.030_381_946_078_023_858,
    0.022_372_086_303_686_842,
    0.017_354_730_668_996_843,
    0.013_929_824_301_362_788,
    0.011_985_559_032_731_258,
    0.005_891_962_383_848_912_4,
    0.033_823_977_477_227_554,
    -0.117_478_413_955_545_8,
    0.465_810_610_838_920_06,
    -1.258_681_300_394_588,
    2.573_508_064_401_593,
    -3.741_599_300_200_136_6,
    3.731_647_481_631_522_4,
    -2.277_990_489_441_633,
    0.662_947_554_836_909_7,
];

/// The angle in $\lbrack0,\pi\rbrack$ with sine `s` and cosine `c`, from the smaller of the two.
///
/// Within 4 units in the last place of π of the exact angle.
#[inline(always)]
pub(super) fn angle(s: f64, c: f64) -> f64 {
    let a = c.abs();
    let t = if s < a { s } else { a };
    let z = t * t;
    let zz = z * z;
    // Even and odd powers apart: two chains of half the length.
    let (mut even, mut odd) = (ARCSINE[16], ARCSINE[17]);
    for at in (0..8).rev() {
        even = even.mul_add(zz, ARCSINE[2 * at]);
        odd = odd.mul_add(zz, ARCSINE[2 * at + 1]);
    }
    let r = (t * z).mul_add(odd.mul_add(z, even), t);
    let r = if s < a { r } else { FRAC_PI_2 - r };
    if c < 0. { PI - r } else { r }
}

#[cfg(test)]
mod tests {
    use super::angle;

    #[test]
    fn angle_is_atan2_to_the_last_places() {
        for i in 0..=1_000_000u32 {
            let phi = std::f64::consts::PI * f64::from(i) / 1e6;
            let (s, c) = (phi.sin().max(0.), phi.cos());
            assert!((angle(s, c) - s.atan2(c)).abs() <= 1e-15, "{phi}");
        }
        for e in -300..-8 {
            let s = 10f64.powi(e);
            assert!((angle(s, 1.) / s.atan2(1.) - 1.).abs() <= 4e-16, "{s}");
        }
        assert_eq!(angle(0., 1.), 0.);
        assert_eq!(angle(0., -1.), std::f64::consts::PI);
    }
}
