//! First-order models of single numbers, and their arithmetic (docs/certificates.md).

use crate::rounding::{TINY, U};

/// A number that depends on s: within `r` of $c+ls$ for all $|s|\le\delta$. Operations round outwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) c: f64,
    pub(crate) l: f64,
    pub(crate) r: f64,
}

impl Line {
    /// The number 0.
    pub(crate) const ZERO: Self = Self { c: 0., l: 0., r: 0. };

    /// How far the number is from c at most, up to a few roundings.
    #[inline(always)]
    pub(crate) fn reach(self, delta: f64) -> f64 {
        delta * self.l.abs() + self.r
    }

    /// A bound of the number's absolute value, up to a few roundings.
    #[inline(always)]
    pub(crate) fn size(self, delta: f64) -> f64 {
        self.c.abs() + self.reach(delta)
    }

    /// Widens the radius by the roundings of up to a dozen operations on numbers of this `size`.
    #[inline(always)]
    pub(crate) fn rounded(self, size: f64) -> Self {
        Self { r: (self.r + 32. * U * size + TINY) * (1. + 32. * U), ..self }
    }

    /// The sum.
    #[inline(always)]
    pub(crate) fn plus(self, y: Self, delta: f64) -> Self {
        let sum = Self { c: self.c + y.c, l: self.l + y.l, r: self.r + y.r };
        sum.rounded(sum.size(delta))
    }

    /// The difference.
    #[inline(always)]
    pub(crate) fn minus(self, y: Self, delta: f64) -> Self {
        self.plus(Self { c: -y.c, l: -y.l, r: y.r }, delta)
    }

    /// The product: $s^2ll'$ lies in $\lbrack0,\delta^2\rbrack\,ll'$, and a radius rides on the other number.
    #[inline(always)]
    pub(crate) fn times(self, y: Self, delta: f64) -> Self {
        let half = 0.5 * delta * delta * self.l * y.l;
        let line = self.c.abs() + delta * self.l.abs();
        let product = Self {
            c: self.c * y.c + half,
            l: self.c * y.l + self.l * y.c,
            r: half.abs() + self.r * y.size(delta) + line * y.r,
        };
        product.rounded(self.size(delta) * y.size(delta))
    }

    /// The larger of two numbers: $\max(a,b)\in(1-\alpha)a+\alpha b+\lbrack0,\beta\rbrack$ for every α in \[0, 1\], as
    /// $\rho(b-a)-\alpha(b-a)\in\lbrack0,\beta\rbrack$. A number that is never the larger one leaves no trace.
    #[inline(always)]
    pub(crate) fn larger(self, y: Self, delta: f64) -> Self {
        let apart = Self { c: y.c - self.c, l: y.l - self.l, r: self.r + y.r };
        let size = self.size(delta) + y.size(delta);
        let reach = apart.reach(delta) + 16. * U * size + TINY;
        let (lo, hi) = (apart.c - reach, apart.c + reach);
        if hi <= 0. {
            return self;
        }
        if lo >= 0. {
            return y;
        }
        let alpha = (hi / (hi - lo)).clamp(0., 1.);
        let (below, above) = (-alpha * lo, (1. - alpha) * hi);
        let half = 0.5 * if below > above { below } else { above };
        let mix = |a: f64, b: f64| (1. - alpha) * a + alpha * b;
        let mixed = Self { c: mix(self.c, y.c) + half, l: mix(self.l, y.l), r: mix(self.r, y.r) + half };
        mixed.rounded(size + half)
    }

    /// The number $u^{-1/2}$ for a number u that is known to be at least `floor` > 0: Taylor's formula with the second
    /// derivative $\frac34u^{-5/2}$, or a constant where that is tighter.
    pub(crate) fn inverse_root(self, floor: f64, delta: f64) -> Self {
        let reach = self.reach(delta) + 16. * U * self.size(delta) + TINY;
        let (lo, hi) = ((self.c - reach).max(floor), (self.c + reach).max(floor));
        let at = self.c.max(floor);
        let (value, slope) = (at.sqrt().recip(), -0.5 / (at * at.sqrt()));
        let far = (hi - at).max(at - lo);
        let rest = 0.1875 / (lo * lo * lo.sqrt()) * far * far;
        let taylor = Self {
            c: value + slope * (self.c - at) + rest,
            l: slope * self.l,
            r: slope.abs() * self.r + rest,
        };
        let taylor = taylor.rounded(value + slope.abs() * far + 2. * rest);
        let (least, most) = (hi.sqrt().recip(), lo.sqrt().recip());
        let constant = Self { c: 0.5 * (least + most), l: 0., r: 0.5 * (most - least) }.rounded(most);
        // Also where Taylor's formula overflows.
        if taylor.r <= constant.r { taylor } else { constant }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A member of a line at s: the position in its radius is `at` in [-1, 1].
    fn member(x: Line, s: f64, at: f64) -> f64 {
        x.c + x.l * s + at * x.r
    }

    fn holds(x: Line, s: f64, value: f64) -> bool {
        // What is compared is rounded itself.
        (value - (x.c + x.l * s)).abs() <= x.r * (1. + 1e-12) + 1e-13 * (value.abs() + x.c.abs() + x.l.abs())
    }

    prop_compose! {
        fn lines()(c in -3f64..3., l in -3f64..3., r in prop_oneof![Just(0.), 0f64..2.]) -> Line { Line { c, l, r } }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn results_hold_the_results_of_members(
            (x, y) in (lines(), lines()),
            delta in prop_oneof![Just(0.), 1e-6f64..0.5],
            places in prop::array::uniform3(-1f64..=1.),
            (floor, corners) in (1e-5f64..1., any::<bool>()),
        ) {
            let [s, u, v] = if corners { places.map(f64::signum) } else { places };
            let s = s * delta;
            let (a, b) = (member(x, s, u), member(y, s, v));
            prop_assert!(holds(x.plus(y, delta), s, a + b));
            prop_assert!(holds(x.minus(y, delta), s, a - b));
            prop_assert!(holds(x.times(y, delta), s, a * b));
            prop_assert!(holds(x.larger(y, delta), s, a.max(b)), "{x:?} {y:?} {:?}", x.larger(y, delta));
            if a >= floor {
                let root = x.inverse_root(floor, delta);
                prop_assert!(holds(root, s, 1. / a.sqrt()), "{x:?} {s} {a}: {root:?}");
                // The radius never exceeds half the range of the root.
                prop_assert!(root.r <= 0.500_001 / floor.sqrt(), "{x:?}: {root:?}");
            }
        }
    }

    #[test]
    fn what_is_never_the_larger_leaves_no_trace() {
        let (low, high) = (Line { c: 1., l: 2., r: 0.1 }, Line { c: 3., l: -1., r: 0.2 });
        assert_eq!((high.larger(low, 0.5), low.larger(high, 0.5)), (high, high));
        // Equal numbers, as at a tie, gain nothing but rounding.
        let tie = Line { c: 0., l: 1., r: 0. };
        assert!(tie.larger(tie, 0.5).r < 1e-14 && tie.larger(tie, 0.5).c.abs() < 1e-14);
    }

    #[test]
    fn the_error_of_roots_and_products_shrinks_quadratically() {
        let line = Line { c: 2., l: 1., r: 0. };
        for error in [|x: Line, d| x.inverse_root(1e-5, d).r, |x: Line, d| x.times(x, d).r] {
            let ratio = error(line, 1e-2) / error(line, 1e-3);
            assert!((90. ..110.).contains(&ratio), "{ratio}");
        }
    }
}
