//! Angles of eight pairs at once, without a branch.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// Points that are worked on together, one in each lane.
pub(super) const LANES: usize = 8;

/// One number of each of the points.
pub(super) type Lanes = [f64; LANES];

/// The angle in $\lbrack0,\pi\rbrack$ whose sine and cosine are proportional to `s` ≥ 0 and `c`.
///
/// Reduced to $|t|\le\tan(\pi/8)$ by one division; there $\arctan t=t+t\,zP(z)/Q(z)$, $z=t^2$, with the rational
/// function of Cephes' `atan` (Moshier 1989). Within 4 units in the last place of π of the exact angle.
#[inline(always)]
pub(super) fn angle(s: f64, c: f64) -> f64 {
    let a = c.abs();
    let (small, large) = if s < a { (s, a) } else { (a, s) };
    let far = small > 0.414_213_562_373_095_05 * large;
    let top = if far { small - large } else { small };
    let bottom = if far { small + large } else { large };
    // 0/0 happens only for a vector of length 0, whose angle is arbitrary.
    let t = top / bottom.max(f64::MIN_POSITIVE);
    let z = t * t;
    let p = (-8.750_608_600_031_904e-1_f64)
        .mul_add(z, -1.615_753_718_733_365e1)
        .mul_add(z, -7.500_855_792_314_705e1)
        .mul_add(z, -1.228_866_684_490_136_2e2)
        .mul_add(z, -6.485_021_904_942_025e1);
    let q = (z + 2.485_846_490_142_306_3e1)
        .mul_add(z, 1.650_270_098_316_988_5e2)
        .mul_add(z, 4.328_810_604_912_902_7e2)
        .mul_add(z, 4.853_903_996_359_137e2)
        .mul_add(z, 1.945_506_571_482_614e2);
    let r = t.mul_add(z * p / q, t) + if far { FRAC_PI_4 } else { 0. };
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
        for e in -300..0 {
            let s = 10f64.powi(e);
            assert!((angle(s, 1.) / s.atan2(1.) - 1.).abs() <= 4e-16, "{s}");
        }
        assert_eq!(angle(0., 1.), 0.);
        assert_eq!(angle(0., -1.), std::f64::consts::PI);
    }
}
