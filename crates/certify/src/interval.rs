//! Interval arithmetic with outward rounding.

use std::ops::{Add, Mul, Neg, Sub};

/// A closed interval $\lbrack a,b\rbrack$ of reals: every operation encloses all results of the operation on members.
///
/// Basic operations and roots are computed to nearest (IEEE 754) and moved one double outwards. Trusted besides: the
/// standard library's `atan2`, `exp`, `ln_1p` and `tanh`, and `libm`'s `erfc`, are within 4 units in the last place
/// (their results are moved 8 outwards). A NaN or a division by an interval with 0 gives the whole line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    lo: f64,
    hi: f64,
}

impl Interval {
    /// The whole line.
    pub const WHOLE: Self = Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY };
    /// The number 0.
    pub const ZERO: Self = Self { lo: 0., hi: 0. };

    /// The interval from `lo` to `hi`, or the whole line when that is not an interval.
    pub fn new(lo: f64, hi: f64) -> Self {
        if lo <= hi { Self { lo, hi } } else { Self::WHOLE }
    }

    /// The interval of one number.
    pub fn point(x: f64) -> Self {
        Self::new(x, x)
    }

    /// The interval of all numbers within `radius` of `x`.
    pub fn around(x: f64, radius: f64) -> Self {
        Self::outward(x - radius, x + radius)
    }

    /// An enclosure of π.
    pub fn pi() -> Self {
        Self { lo: std::f64::consts::PI, hi: std::f64::consts::PI.next_up() }
    }

    /// The lower end.
    pub fn lo(self) -> f64 {
        self.lo
    }

    /// The upper end.
    pub fn hi(self) -> f64 {
        self.hi
    }

    /// A member near the middle.
    pub fn middle(self) -> f64 {
        (0.5 * self.lo + 0.5 * self.hi).clamp(self.lo, self.hi)
    }

    /// An upper bound of the distance of members from [`middle`](Self::middle).
    pub fn radius(self) -> f64 {
        let m = self.middle();
        (m - self.lo).max(self.hi - m).next_up()
    }

    /// The largest absolute value.
    pub fn magnitude(self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// Whether `x` is a member.
    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    fn outward(lo: f64, hi: f64) -> Self {
        Self::new(lo.next_down(), hi.next_up())
    }

    fn outward_by_eight(lo: f64, hi: f64) -> Self {
        (0..8).fold(Self::new(lo, hi), |i, _| Self::outward(i.lo, i.hi))
    }

    /// The squares of all members.
    pub fn square(self) -> Self {
        let (a, b) = (self.lo.abs(), self.hi.abs());
        let least = if self.contains(0.) { 0. } else { a.min(b) };
        let square = Self::outward(least * least, a.max(b) * a.max(b));
        Self { lo: square.lo.max(0.), ..square }
    }

    /// The square roots of the members that are not negative.
    pub fn sqrt(self) -> Self {
        let root = Self::outward(self.lo.max(0.).sqrt(), self.hi.max(0.).sqrt());
        Self { lo: root.lo.max(0.), ..root }
    }

    /// The reciprocals 1/x of all members.
    pub fn recip(self) -> Self {
        if self.contains(0.) { Self::WHOLE } else { Self::outward(1. / self.hi, 1. / self.lo) }
    }

    /// The exponentials $e^x$ of all members.
    pub fn exp(self) -> Self {
        let e = Self::outward_by_eight(self.lo.exp(), self.hi.exp());
        Self { lo: e.lo.max(0.), ..e }
    }

    /// The values of an increasing function whose library code is within 4 units in the last place.
    pub(crate) fn increasing(self, f: impl Fn(f64) -> f64) -> Self {
        Self::outward_by_eight(f(self.lo), f(self.hi))
    }

    /// The angle in $\lbrack0,\pi/2\rbrack$ with sine and cosine proportional to `self` and `cosine`, both ≥ 0.
    pub fn angle(self, cosine: Self) -> Self {
        let (s, c) = ((self.lo.max(0.), self.hi.max(0.)), (cosine.lo.max(0.), cosine.hi.max(0.)));
        let angle = Self::outward_by_eight(s.0.atan2(c.1), s.1.atan2(c.0));
        Self { lo: angle.lo.max(0.), ..angle }
    }
}

impl Add for Interval {
    type Output = Self;
    fn add(self, y: Self) -> Self {
        Self::outward(self.lo + y.lo, self.hi + y.hi)
    }
}

impl Sub for Interval {
    type Output = Self;
    fn sub(self, y: Self) -> Self {
        Self::outward(self.lo - y.hi, self.hi - y.lo)
    }
}

impl Neg for Interval {
    type Output = Self;
    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Mul for Interval {
    type Output = Self;
    fn mul(self, y: Self) -> Self {
        let products = [self.lo * y.lo, self.lo * y.hi, self.hi * y.lo, self.hi * y.hi];
        if products.iter().any(|p| p.is_nan()) {
            return Self::WHOLE;
        }
        let [a, b, c, d] = products;
        Self::outward(a.min(b).min(c.min(d)), a.max(b).max(c.max(d)))
    }
}

impl Mul<f64> for Interval {
    type Output = Self;
    fn mul(self, y: f64) -> Self {
        self * Self::point(y)
    }
}

impl std::iter::Sum for Interval {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, |a, b| a + b)
    }
}
