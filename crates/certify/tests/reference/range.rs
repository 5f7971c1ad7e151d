//! Enclosures of real numbers, apart from the library's own.
//!
//! A sum or product is rounded to nearest and its error is computed exactly (Dekker 1971): only an end with an error in
//! its direction moves, by one double. So exact results stay points.
#![allow(dead_code)]

use std::ops::{Add, Mul, Neg, Sub};

/// All reals between two doubles.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    pub lo: f64,
    pub hi: f64,
}

/// The relative error that is allowed to `exp`, `ln`, `ln_1p`, `tanh` and `erfc`: 8 units in the last place, where
/// the libraries state less than 3.
const LIBRARY: f64 = 1. / (1u64 << 49) as f64;

/// Products below this may have an error that is no double.
const UNDERFLOW: f64 = 1e-290;

impl Range {
    pub const ZERO: Self = Self { lo: 0., hi: 0. };

    /// The whole line unless `lo` ≤ `hi`.
    pub fn new(lo: f64, hi: f64) -> Self {
        if lo <= hi { Self { lo, hi } } else { Self { lo: f64::NEG_INFINITY, hi: f64::INFINITY } }
    }

    pub fn point(x: f64) -> Self {
        Self::new(x, x)
    }

    /// The reals that round to `x`, and a few more.
    pub fn near(x: f64) -> Self {
        Self::new(x.next_down(), x.next_up())
    }

    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    pub fn square(self) -> Self {
        let (a, b) = (self.lo.abs(), self.hi.abs());
        let least = if self.contains(0.) { 0. } else { a.min(b) };
        let (low, high) = (product(least, least), product(a.max(b), a.max(b)));
        Self::new(down(low).max(0.), up(high))
    }

    /// 1/x of positive numbers.
    pub fn recip(self) -> Self {
        assert!(self.lo > 0., "{self:?}");
        // The remainder 1 − qx is a double.
        let quotient = |x: f64| (1. / x, (-1. / x).mul_add(x, 1.));
        Self::new(down(quotient(self.hi)), up(quotient(self.lo)))
    }

    /// The roots of numbers that are not negative.
    pub fn sqrt(self) -> Self {
        // The remainder x − q² is a double.
        let root = |x: f64| (x.sqrt(), (-x.sqrt()).mul_add(x.sqrt(), x));
        Self::new(down(root(self.lo)), up(root(self.hi)))
    }

    /// The positive parts.
    pub fn relu(self) -> Self {
        Self { lo: self.lo.max(0.), hi: self.hi.max(0.) }
    }

    /// The values of an increasing function, of which `f` encloses the value at a point.
    pub fn increasing(self, f: impl Fn(Self) -> Self) -> Self {
        Self::new(f(Self::point(self.lo)).lo, f(Self::point(self.hi)).hi)
    }

    /// The values of an increasing function of a library.
    fn library(self, f: fn(f64) -> f64) -> Self {
        let error = |y: f64| LIBRARY * y.abs() + f64::MIN_POSITIVE;
        // An overflow hides a number that is finite.
        let finite = |y: f64, overflow: f64| if y == overflow { y.clamp(f64::MIN, f64::MAX) } else { y };
        let (lo, hi) = (finite(f(self.lo), f64::INFINITY), finite(f(self.hi), f64::NEG_INFINITY));
        Self::new((lo - error(lo)).next_down(), (hi + error(hi)).next_up())
    }

    pub fn exp(self) -> Self {
        self.library(f64::exp).relu()
    }

    pub fn ln(self) -> Self {
        self.library(f64::ln)
    }

    pub fn ln_1p(self) -> Self {
        self.library(f64::ln_1p)
    }

    pub fn tanh(self) -> Self {
        self.library(f64::tanh)
    }

    /// The complementary error function of −x, which increases.
    pub fn erfc_of_minus(self) -> Self {
        self.library(|x| libm::erfc(-x)).relu()
    }
}

/// A rounded result and its exact error, or NaN where that is not known.
type Rounded = (f64, f64);

fn down((value, error): Rounded) -> f64 {
    if error >= 0. { value } else { value.next_down() }
}

fn up((value, error): Rounded) -> f64 {
    if error <= 0. { value } else { value.next_up() }
}

fn sum(a: f64, b: f64) -> Rounded {
    let s = a + b;
    let of_b = s - a;
    (s, (a - (s - of_b)) + (b - of_b))
}

fn product(a: f64, b: f64) -> Rounded {
    let p = a * b;
    let exact = a == 0. || b == 0. || p.abs() > UNDERFLOW;
    (p, if exact { a.mul_add(b, -p) } else { f64::NAN })
}

impl Add for Range {
    type Output = Self;
    fn add(self, y: Self) -> Self {
        Self::new(down(sum(self.lo, y.lo)), up(sum(self.hi, y.hi)))
    }
}

impl Neg for Range {
    type Output = Self;
    fn neg(self) -> Self {
        Self { lo: -self.hi, hi: -self.lo }
    }
}

impl Sub for Range {
    type Output = Self;
    fn sub(self, y: Self) -> Self {
        self + -y
    }
}

impl Mul for Range {
    type Output = Self;
    fn mul(self, y: Self) -> Self {
        let corners = [(self.lo, y.lo), (self.lo, y.hi), (self.hi, y.lo), (self.hi, y.hi)];
        let products = corners.map(|(a, b)| product(a, b));
        if products.iter().any(|p| p.0.is_nan()) {
            return Self::new(f64::NAN, f64::NAN);
        }
        let lo = products.map(down).into_iter().fold(f64::INFINITY, f64::min);
        Self::new(lo, products.map(up).into_iter().fold(f64::NEG_INFINITY, f64::max))
    }
}

impl Mul<f64> for Range {
    type Output = Self;
    fn mul(self, y: f64) -> Self {
        self * Self::point(y)
    }
}

impl std::iter::Sum for Range {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, |a, b| a + b)
    }
}
