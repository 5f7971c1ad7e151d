//! Intervals whose ends are moved outwards after every operation that rounds.

use std::ops::{Add, Mul, Neg, Sub};

/// A set of real numbers from `lo` to `hi`. Ends that are infinite or not numbers make every comparison with it fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub(crate) lo: f64,
    pub(crate) hi: f64,
}

/// The relative error that is allowed to `exp`, `ln_1p`, `tanh`, `atan2` and `erfc`: 8 units in the last place, several times what
/// the libraries document.
const LIBRARY: f64 = 8. * f64::EPSILON;

impl Interval {
    pub(crate) const ZERO: Self = Self { lo: 0., hi: 0. };

    pub(crate) const fn point(x: f64) -> Self {
        Self { lo: x, hi: x }
    }

    pub(crate) fn new(a: f64, b: f64) -> Self {
        Self { lo: least(a, b), hi: largest(a, b) }
    }

    /// The largest absolute value.
    pub(crate) fn size(self) -> f64 {
        largest(-self.lo, self.hi)
    }

    /// A number near the middle, and an upper bound of the distance to both ends.
    pub(crate) fn center(self) -> (f64, f64) {
        if self.lo == self.hi {
            return (self.lo, 0.);
        }
        let middle = self.lo + 0.5 * (self.hi - self.lo);
        (middle, largest(sum_up(self.hi, -middle), sum_up(middle, -self.lo)))
    }

    /// The smallest interval that holds both.
    pub(crate) fn hull(self, other: Self) -> Self {
        Self { lo: least(self.lo, other.lo), hi: largest(self.hi, other.hi) }
    }

    /// This interval without what lies outside of `lo..=hi`, where the true numbers are known to lie.
    pub(crate) fn within(self, lo: f64, hi: f64) -> Self {
        Self { lo: largest(self.lo, lo), hi: least(self.hi, hi) }
    }

    /// Moves both ends outwards by `r`.
    pub(crate) fn widened(self, r: f64) -> Self {
        Self { lo: -sum_up(-self.lo, r), hi: sum_up(self.hi, r) }
    }

    /// The square.
    pub(crate) fn square(self) -> Self {
        let (a, b) = (self.lo.abs(), self.hi.abs());
        let low = if self.lo <= 0. && self.hi >= 0. { 0. } else { least(a, b) };
        let high = largest(a, b);
        Self { lo: -product_up(-low, low), hi: product_up(high, high) }.within(0., f64::INFINITY)
    }

    /// The quotient by an interval of positive numbers.
    pub(crate) fn over(self, divisor: Self) -> Self {
        if divisor == Self::point(1.) {
            return self;
        }
        // 1/x decreases; an interval that reaches 0 gives an infinite end.
        let inverse = Self { lo: (1. / divisor.hi).next_down(), hi: (1. / divisor.lo).next_up() };
        if divisor.lo > 0. { self * inverse } else { Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY } }
    }

    /// The square roots of numbers that are not negative.
    pub(crate) fn sqrt(self) -> Self {
        let root = |x: f64| largest(x, 0.).sqrt();
        Self { lo: root(self.lo).next_down(), hi: root(self.hi).next_up() }.within(0., f64::INFINITY)
    }

    /// π.
    pub(crate) fn pi() -> Self {
        Self { lo: std::f64::consts::PI, hi: std::f64::consts::PI.next_up() }
    }

    /// The angle in \[0, π/2\] whose sine and cosine are proportional to `self` and `cosine`, both not negative.
    pub(crate) fn angle(self, cosine: Self) -> Self {
        let of = |s: f64, c: f64, sign: f64| largest(s, 0.).atan2(largest(c, 0.)) * (1. + sign * LIBRARY);
        let (lo, hi) = (of(self.lo, cosine.hi, -1.).next_down(), of(self.hi, cosine.lo, 1.).next_up());
        Self { lo, hi }.within(0., f64::INFINITY)
    }

    /// The image under an increasing function, which `of` encloses at a number.
    fn image(self, of: impl Fn(f64) -> Self) -> Self {
        let low = of(self.lo);
        let high = if self.hi == self.lo { low } else { of(self.hi) };
        Self { lo: low.lo, hi: high.hi }
    }

    /// The image under a function of the mathematical library that increases and is nowhere negative.
    fn increasing(self, f: fn(f64) -> f64) -> Self {
        if self == Self::ZERO && f(0.) == 0. {
            return Self::ZERO;
        }
        let of = |x: f64| {
            let y = f(x);
            let lo = least(y * (1. - LIBRARY), f64::MAX).next_down();
            Self { lo, hi: (y * (1. + LIBRARY)).next_up() }
        };
        self.image(of).within(0., f64::INFINITY)
    }

    pub(crate) fn exp(self) -> Self {
        self.increasing(f64::exp)
    }

    /// log(1 + x), for numbers x ≥ 0.
    pub(crate) fn ln_1p(self) -> Self {
        self.increasing(f64::ln_1p)
    }

    pub(crate) fn tanh(self) -> Self {
        let of = |x: f64| {
            let y = x.tanh();
            let off = y.abs() * LIBRARY;
            Self { lo: (y - off).next_down(), hi: (y + off).next_up() }
        };
        self.image(of).within(-1., 1.)
    }

    /// 1 / (1 + e^-x).
    pub(crate) fn logistic(self) -> Self {
        let of = |x: f64| {
            let small = Self::point(-x.abs()).exp();
            let part = if x >= 0. { Self::point(1.) } else { small };
            part.over(Self::point(1.) + small)
        };
        self.image(of).within(0., 1.)
    }

    /// log(1 + e^x).
    pub(crate) fn softplus(self) -> Self {
        let of = |x: f64| Self::point(if x > 0. { x } else { 0. }) + Self::point(-x.abs()).exp().ln_1p();
        self.image(of)
    }

    /// The distribution function of the normal law.
    pub(crate) fn normal(self) -> Self {
        let root = Self {
            lo: std::f64::consts::FRAC_1_SQRT_2.next_down(),
            hi: std::f64::consts::FRAC_1_SQRT_2.next_up(),
        };
        let of = |x: f64| {
            let argument = -(Self::point(x) * root);
            // erfc decreases.
            Self { lo: argument.hi, hi: argument.lo }.decreasing_erfc() * Self::point(0.5)
        };
        self.image(of).within(0., 1.)
    }

    /// erfc of the ends in the order they are given, `lo` being the larger argument.
    fn decreasing_erfc(self) -> Self {
        let of = |x: f64, sign: f64| libm::erfc(x) * (1. + sign * LIBRARY);
        Self { lo: of(self.lo, -1.).next_down(), hi: of(self.hi, 1.).next_up() }.within(0., 2.)
    }

    /// The density of the normal law.
    pub(crate) fn density(self) -> Self {
        // 1/√(2π).
        let scale = Self { lo: 0.398_942_280_401_432_6, hi: 0.398_942_280_401_432_8 };
        (self.square() * Self::point(-0.5)).exp() * scale
    }
}

/// The smaller number; not a number where one of them is not.
pub(crate) fn least(a: f64, b: f64) -> f64 {
    if a < b || a.is_nan() { a } else { b }
}

/// The larger number; not a number where one of them is not.
pub(crate) fn largest(a: f64, b: f64) -> f64 {
    if a > b || a.is_nan() { a } else { b }
}

/// An upper bound of a + b, which is a + b itself where that is a double.
pub(crate) fn sum_up(a: f64, b: f64) -> f64 {
    let sum = a + b;
    // Knuth's TwoSum: what rounding took away.
    let virtual_b = sum - a;
    let lost = (a - (sum - virtual_b)) + (b - virtual_b);
    if lost > 0. || sum == f64::NEG_INFINITY { sum.next_up() } else { sum }
}

/// An upper bound of a b, which is exact where a factor is 0, 1 or −1.
pub(crate) fn product_up(a: f64, b: f64) -> f64 {
    if a == 0. || b == 0. {
        // Also of an infinite bound.
        0.
    } else if a.abs() == 1. || b.abs() == 1. {
        a * b
    } else {
        (a * b).next_up()
    }
}

impl Add for Interval {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { lo: -sum_up(-self.lo, -other.lo), hi: sum_up(self.hi, other.hi) }
    }
}

impl Neg for Interval {
    type Output = Self;

    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Sub for Interval {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Interval {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let (a, b) = (self, other);
        let up = [(a.lo, b.lo), (a.lo, b.hi), (a.hi, b.lo), (a.hi, b.hi)];
        let hi = up.iter().map(|&(x, y)| product_up(x, y)).fold(f64::NEG_INFINITY, largest);
        let lo = up.iter().map(|&(x, y)| -product_up(-x, y)).fold(f64::INFINITY, least);
        Self { lo, hi }
    }
}

impl Mul<f64> for Interval {
    type Output = Self;

    fn mul(self, x: f64) -> Self {
        let (low, high) = if x < 0. { (self.hi, self.lo) } else { (self.lo, self.hi) };
        Self { lo: -product_up(-low, x), hi: product_up(high, x) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values to 30 digits, by 60-digit arithmetic.
    const TABLE: [(f64, f64, f64, f64, f64); 4] = [
        (
            0.5,
            0.462_117_157_260_009_76,
            0.622_459_331_201_854_6,
            0.974_076_984_180_106_7,
            0.691_462_461_274_013_1,
        ),
        (
            -1.25,
            -0.848_283_639_957_512_9,
            0.222_700_138_825_308_85,
            0.251_929_081_345_372_9,
            0.105_649_773_666_855_26,
        ),
        (
            3.,
            0.995_054_753_686_730_5,
            0.952_574_126_822_433_2,
            3.048_587_351_573_742,
            0.998_650_101_968_369_9,
        ),
        (
            -6.,
            -0.999_987_711_650_795_6,
            0.002_472_623_156_634_774_3,
            0.002_475_685_137_730_449_5,
            9.865_876_450_376_98e-10,
        ),
    ];

    #[test]
    fn functions_hold_tabled_values_and_are_narrow() {
        for (x, tanh, logistic, softplus, normal) in TABLE {
            let at = Interval::point(x);
            for (found, right) in [
                (at.tanh(), tanh),
                (at.logistic(), logistic),
                (at.softplus(), softplus),
                (at.normal(), normal),
            ] {
                assert!(found.lo <= right && right <= found.hi, "{x}: {found:?} {right}");
                assert!(found.hi - found.lo <= 3e-14 * right.abs(), "{x}: {found:?}");
            }
        }
    }

    #[test]
    fn sums_and_products_hold_what_integers_say() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i128::from((state >> 10) as i64) - (1 << 53)
        };
        for _ in 0..10_000 {
            let (a, b) = (next(), next());
            let (x, y) = (Interval::point(a as f64), Interval::point(b as f64));
            let sum = x + y;
            assert!(sum.lo as i128 <= a + b && a + b <= sum.hi as i128);
            assert!(sum.hi - sum.lo <= 4.);
            let product = x * y;
            assert!(product.lo as i128 <= a * b && a * b <= product.hi as i128);
        }
    }

    #[test]
    fn sums_that_are_doubles_stay_exact() {
        assert_eq!(Interval::point(0.75) - Interval::point(0.5), Interval::point(0.25));
        assert_eq!(Interval::point(1e300) * 0., Interval::ZERO);
        assert!((Interval::point(f64::MAX) + Interval::point(f64::MAX)).hi.is_infinite());
    }
}
