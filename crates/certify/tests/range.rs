//! The enclosures of the reference against exact integers, series of integers, and identities between functions.
#![allow(clippy::unwrap_used)]

#[path = "reference/range.rs"]
mod range;

use proptest::prelude::*;
use range::Range;

/// Whether a range holds x, and is a point or two neighbours.
fn is_tight(range: Range, x: i128) -> bool {
    // Its ends are integers: all doubles beyond 2^53 are, and smaller results are exact.
    let point = range.lo == range.hi;
    (range.lo as i128) <= x && x <= range.hi as i128 && (point || range.lo.next_up() == range.hi)
}

/// Whether both could hold one number.
fn meet(x: Range, y: Range) -> bool {
    x.lo <= y.hi && y.lo <= x.hi
}

/// Whether nothing is lost beyond a few roundings.
fn is_narrow(x: Range) -> bool {
    x.hi - x.lo <= 1e-14 * x.hi.abs() + 1e-300
}

/// Integers of all sizes up to 2^53.
fn integer() -> impl Strategy<Value = i64> {
    (-(1i64 << 53)..1 << 53, 0..53u32).prop_map(|(x, shift)| x >> shift)
}

/// Fractional bits of fixed-point numbers.
const BITS: u32 = 62;

/// 2/√π in fixed point.
const TWO_BY_ROOT_PI: i128 = 5_203_730_428_379_116_614;

/// Σ xᵏ/(k! d(k)) in fixed point for |x| ≤ 1.
fn series(x: i128, d: impl Fn(i128) -> i128) -> i128 {
    let mut power = 1i128 << BITS;
    let mut sum = 0;
    for k in 0..40 {
        sum += power / d(k);
        power = ((power * x) >> BITS) / (k + 1);
    }
    sum
}

/// Whether a fixed-point number is inside that may be off by 300 units: each of 40 terms by less than four.
fn holds(range: Range, fixed: i128) -> bool {
    let scale = (1i128 << BITS) as f64;
    ((range.lo * scale) as i128) < fixed - 300 && fixed + 300 < (range.hi * scale) as i128
}

/// erfc x for x ≥ 1 by its continued fraction, of which 400 terms leave out less than e^−56 of it.
fn tail(x: Range) -> Range {
    let fraction = (1..=400).rev().fold(x, |below, k| x + below.recip() * (f64::from(k) / 2.));
    let root_pi = Range::near(1.772_453_850_905_516);
    (-x.square()).exp() * (root_pi * fraction).recip()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_products_are_rounded_by_their_error(a in integer(), b in integer(), shift in 0..40u32) {
        let (x, y) = (Range::point(a as f64), Range::point(b as f64));
        let (a, b) = (i128::from(a), i128::from(b));
        prop_assert!(is_tight(x * y, a * b) && is_tight(x.square(), a * a));
        let (x, far) = (x * (1i64 << shift) as f64, a << shift);
        prop_assert!(is_tight(x + y, far + b) && is_tight(x - y, far - b) && is_tight(-x, -far));
    }

    #[test]
    fn members_stay_inside(ends in prop::array::uniform4(-9..9i64), s in 0..=8i64, t in 0..=8i64) {
        // Eighths of the way between integer ends, counted in eighths: all exact.
        let [a, b, c, d] = ends;
        let range = |a: i64, b: i64| Range::new(8. * a.min(b) as f64, 8. * a.max(b) as f64);
        let member = |a: i64, b: i64, s: i64| (8 - s) * a.min(b) + s * a.max(b);
        let ((x, u), (y, v)) = ((range(a, b), member(a, b, s)), (range(c, d), member(c, d, t)));
        for (range, exact) in [(x + y, u + v), (x - y, u - v), (x * y, u * v), (x.square(), u * u), (x.relu(), u.max(0))] {
            prop_assert!(range.contains(exact as f64), "{x:?} {y:?}: {range:?} {exact}");
        }
    }

    #[test]
    fn inverses_come_back(n in 1..1i64 << 53, x in 1e-300f64..1e300) {
        for x in [n as f64, x] {
            let x = Range::point(x);
            prop_assert!((x * x.recip()).contains(1.) && is_narrow(x.recip()));
            let (log, log_1p) = (x.ln(), x.ln_1p());
            prop_assert!(log.exp().contains(x.lo) && log.hi - log.lo <= 1e-14 * (1. + log.hi.abs()));
            prop_assert!(meet(log_1p.exp(), x + Range::point(1.)) && is_narrow(log_1p));
        }
    }

    /// At multiples of 2^-31 in [-1, 1], whose squares are exact in fixed point.
    #[test]
    fn functions_hold_their_series(n in -(1i64 << 31)..=1 << 31) {
        let x = Range::point(n as f64 / (1i64 << 31) as f64);
        let fixed = i128::from(n) << (BITS - 31);
        prop_assert!(holds(x.exp(), series(fixed, |_| 1)) && is_narrow(x.exp()));
        let odd = series(-((fixed * fixed) >> BITS), |k| 2 * k + 1);
        let erf = (((fixed * odd) >> BITS) * TWO_BY_ROOT_PI) >> BITS;
        prop_assert!(holds(x.erfc_of_minus(), (1 << BITS) + erf) && is_narrow(x.erfc_of_minus()));
    }

    #[test]
    fn functions_keep_their_identities(x in 0.1f64..350.) {
        let x = Range::point(x);
        let one = Range::point(1.);
        prop_assert!(meet((x + x).exp(), x.exp().square()) && meet((-x - x).exp(), (-x).exp().square()));
        prop_assert!((x.exp() * (-x).exp()).contains(1.));
        let e = (-x - x).exp();
        prop_assert!(meet(x.tanh(), (one - e) * (one + e).recip()) && meet((-x).tanh(), -x.tanh()));
        let x = x + one;
        prop_assert!(meet((-x).erfc_of_minus(), tail(x)), "{x:?}: {:?} {:?}", (-x).erfc_of_minus(), tail(x));
        prop_assert!(meet(x.erfc_of_minus(), one + one - tail(x)));
    }
}

#[test]
fn what_has_no_bound_is_the_whole_line() {
    let whole = |x: Range| x.lo == f64::NEG_INFINITY && x.hi == f64::INFINITY;
    let huge = Range::point(f64::MAX);
    assert!((huge + huge).lo == f64::MAX && (huge * 2.).hi == f64::INFINITY);
    assert!(Range::point(1e3).exp().lo <= f64::MAX && Range::point(-1e3).exp().lo == 0.);
    let all = Range::new(f64::NAN, f64::NAN);
    assert!(whole(all) && whole(all * 0.) && whole(all.ln()) && whole(all.ln_1p()));
}
