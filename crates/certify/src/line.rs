//! Second-order models of single numbers, and their arithmetic (docs/certificates.md).

use crate::{
    kink::rho,
    rounding::{TINY, U},
    taylor::split,
};

/// A number that depends on s: within `r` of $c+ls+qs^2$ for all $|s|\le\delta$. Operations round outwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) c: f64,
    pub(crate) l: f64,
    pub(crate) q: f64,
    pub(crate) r: f64,
}

impl Line {
    /// The number 0.
    pub(crate) const ZERO: Self = Self { c: 0., l: 0., q: 0., r: 0. };

    /// How far the number is from c at most, up to a few roundings.
    #[inline(always)]
    pub(crate) fn reach(self, delta: f64) -> f64 {
        self.bend(delta) + self.r
    }

    /// How far the parabola is from c at most, up to a few roundings.
    #[inline(always)]
    pub(crate) fn bend(self, delta: f64) -> f64 {
        delta * (self.l.abs() + delta * self.q.abs())
    }

    /// A bound of the number's absolute value, up to a few roundings.
    #[inline(always)]
    pub(crate) fn size(self, delta: f64) -> f64 {
        self.c.abs() + self.reach(delta)
    }

    /// The least and the largest value of a parabola that is not below, or not above, by what s² may add; up to a few
    /// roundings.
    #[inline(always)]
    pub(crate) fn range(self, delta: f64) -> (f64, f64) {
        let (line, bend) = (delta * self.l.abs(), delta * delta * self.q);
        (self.c - line + bend.min(0.), self.c + line + bend.max(0.))
    }

    /// The line that stands for the parabola.
    #[inline(always)]
    pub(crate) fn straight(self, delta: f64) -> Self {
        let half = 0.5 * delta * delta * self.q;
        let line = Self { c: self.c + half, q: 0., r: self.r + half.abs(), ..self };
        if self.q == 0. { self } else { line.rounded(self.size(delta)) }
    }

    /// Widens the radius by the roundings of up to a dozen operations on numbers of this `size`.
    #[inline(always)]
    pub(crate) fn rounded(self, size: f64) -> Self {
        Self { r: (self.r + 32. * U * size + TINY) * (1. + 32. * U), ..self }
    }

    /// The sum.
    #[inline(always)]
    pub(crate) fn plus(self, y: Self, delta: f64) -> Self {
        let sum = Self { c: self.c + y.c, l: self.l + y.l, q: self.q + y.q, r: self.r + y.r };
        sum.rounded(sum.size(delta))
    }

    /// The difference.
    #[inline(always)]
    pub(crate) fn minus(self, y: Self, delta: f64) -> Self {
        self.plus(Self { c: -y.c, l: -y.l, q: -y.q, r: y.r }, delta)
    }

    /// The product: its powers s³ and s⁴ become parabolas, and a radius rides on the other number.
    #[inline(always)]
    pub(crate) fn times(self, y: Self, delta: f64) -> Self {
        let (cubic, quartic) = (self.l * y.q + self.q * y.l, self.q * y.q);
        let (third, fourth) = (split(delta, 3), split(delta, 4));
        let product = Self {
            c: self.c * y.c + fourth.c * quartic,
            l: self.c * y.l + self.l * y.c + third.l * cubic,
            q: self.c * y.q + self.l * y.l + self.q * y.c + fourth.q * quartic,
            r: third.r * cubic.abs()
                + fourth.r * quartic.abs()
                + self.r * y.size(delta)
                + (self.c.abs() + self.bend(delta)) * y.r,
        };
        product.rounded(4. * self.size(delta) * y.size(delta))
    }

    /// The number, which is known to be at most `most` in size.
    #[inline(always)]
    pub(crate) fn within(self, most: f64, delta: f64) -> Self {
        let (low, high) = self.range(delta);
        let reach = self.r + 16. * U * self.size(delta) + TINY;
        let (low, high) = ((low - reach).max(-most), (high + reach).min(most));
        let half = 0.5 * (high - low);
        // Where the model overflowed its ends are NaN, of which `max` and `min` take the other.
        let constant = Self { c: 0.5 * (low + high), r: half, ..Self::ZERO }.rounded(4. * most);
        if self.r <= constant.r { self } else { constant }
    }

    /// What is added to this number to give y, and the size of both.
    #[inline(always)]
    fn apart(self, y: Self, delta: f64) -> (Self, f64) {
        let apart = Self { c: y.c - self.c, l: y.l - self.l, q: y.q - self.q, r: self.r + y.r };
        (apart, self.size(delta) + y.size(delta))
    }

    /// Bounds of how far y is above this number.
    #[inline(always)]
    pub(crate) fn ahead(self, y: Self, delta: f64) -> (f64, f64) {
        let (apart, size) = self.apart(y, delta);
        let (low, high) = apart.range(delta);
        let reach = apart.r + 16. * U * size + TINY;
        (low - reach, high + reach)
    }

    /// The larger of two numbers, $a+\rho(b-a)$, of which the parabolas are taken: the larger of two numbers is off by no
    /// more than the worse of them. A number that is never the larger one leaves no trace. Where radii are large,
    /// $\max(a,b)\in(1-\alpha)a+\alpha b+\lbrack0,\beta\rbrack$, as $\rho(b-a)-\alpha(b-a)\in\lbrack0,\beta\rbrack$.
    #[inline(always)]
    pub(crate) fn larger(self, y: Self, delta: f64, order: usize) -> Self {
        let (apart, size) = self.apart(y, delta);
        let (lo, hi) = self.ahead(y, delta);
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
        let mixed = Self {
            c: mix(self.c, y.c) + half,
            l: mix(self.l, y.l),
            q: mix(self.q, y.q),
            r: mix(self.r, y.r) + half,
        };
        if order == 1 {
            return mixed.rounded(4. * size);
        }
        // The rounding of the difference counts as a radius, too.
        let positive = rho(Self { r: 32. * U * size + TINY, ..apart }, delta, order);
        let sum = Self {
            c: self.c + positive.c,
            l: self.l + positive.l,
            q: self.q + positive.q,
            r: positive.r + if self.r > y.r { self.r } else { y.r },
        };
        if sum.r < mixed.r { sum.rounded(4. * size) } else { mixed.rounded(4. * size) }
    }

    /// The number $u^{-1/2}$ for a number u that is known to be at least `floor` > 0: Taylor's formula with the third
    /// derivative $-\frac{15}8u^{-7/2}$, or a constant where that is tighter.
    pub(crate) fn inverse_root(self, floor: f64, delta: f64) -> Self {
        let reach = self.reach(delta) + 16. * U * self.size(delta) + TINY;
        let (lo, hi) = ((self.c - reach).max(floor), self.c + reach);
        // Where the model has overflowed nothing is known above.
        let hi = if hi.is_nan() { f64::INFINITY } else { hi.max(floor) };
        let at = self.c.max(floor);
        let (value, slope) = (at.sqrt().recip(), -0.5 / (at * at.sqrt()));
        let half = -0.75 * slope / at;
        let far = (hi - at).max(at - lo);
        let rest = 0.3125 / (lo * lo * lo * lo.sqrt()) * far * far * far;
        let y = Self { c: self.c - at, ..self };
        let square = y.times(y, delta);
        let taylor = Self {
            c: value + slope * y.c + half * square.c,
            l: slope * y.l + half * square.l,
            q: slope * y.q + half * square.q,
            r: slope.abs() * y.r + half * square.r + rest,
        };
        let size = y.size(delta);
        let taylor = taylor.rounded(value + (slope.abs() + half * size) * size + rest);
        let (least, most) = (hi.sqrt().recip(), lo.sqrt().recip());
        let constant = Self { c: 0.5 * (least + most), r: 0.5 * (most - least), ..Self::ZERO }.rounded(most);
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
        x.c + x.l * s + x.q * s * s + at * x.r
    }

    fn holds(x: Line, s: f64, value: f64) -> bool {
        // What is compared is rounded itself.
        (value - (x.c + x.l * s + x.q * s * s)).abs()
            <= x.r * (1. + 1e-12) + 1e-13 * (value.abs() + x.c.abs() + x.l.abs() + x.q.abs())
    }

    fn scaled(x: Line, scale: f64) -> Line {
        Line { c: scale * x.c, l: scale * x.l, q: scale * x.q, r: scale * x.r }
    }

    prop_compose! {
        fn lines()(
            c in -3f64..3.,
            l in -3f64..3.,
            q in prop_oneof![Just(0.), -9f64..9.],
            r in prop_oneof![Just(0.), 0f64..2., 0f64..0.01],
        ) -> Line {
            Line { c, l, q, r }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn results_hold_the_results_of_members(
            (x, y) in (lines(), lines()),
            delta in prop_oneof![Just(0.), 1e-6f64..0.5],
            places in prop::array::uniform3(-1f64..=1.),
            (floor, corners, order) in (1e-5f64..1., any::<bool>(), 1usize..3),
            scale in prop::sample::select(vec![1., 1e150, 1e-150, 1e-160, 1e-200, 1e-280]),
        ) {
            let [s, u, v] = if corners { places.map(f64::signum) } else { places };
            let s = s * delta;
            let (a, b) = (member(x, s, u), member(y, s, v));
            prop_assert!(holds(x.plus(y, delta), s, a + b));
            prop_assert!(holds(x.minus(y, delta), s, a - b));
            prop_assert!(holds(x.times(y, delta), s, a * b));
            prop_assert!(holds(rho(x, delta, order), s, a.max(0.)), "{x:?} {:?}", rho(x, delta, order));
            prop_assert!(holds(x.larger(y, delta, order), s, a.max(b)), "{x:?} {y:?}");
            let [x1, y1] = [x, y].map(|z| scaled(z, scale));
            let (a1, b1) = (member(x1, s, u), member(y1, s, v));
            prop_assert!(holds(rho(x1, delta, order), s, a1.max(0.)), "{x1:?} {:?}", rho(x1, delta, order));
            prop_assert!(holds(x1.larger(y1, delta, order), s, a1.max(b1)), "{x1:?} {y1:?}");
            prop_assert!(holds(x.straight(delta), s, a), "{x:?}");
            prop_assert!(a.abs() > 1. || holds(x.within(1., delta), s, a), "{x:?} {:?}", x.within(1., delta));
            if a >= floor {
                let root = x.inverse_root(floor, delta);
                prop_assert!(holds(root, s, 1. / a.sqrt()), "{x:?} {s} {a}: {root:?}");
                // The radius never exceeds half the range of the root.
                prop_assert!(root.r <= 0.500_001 / floor.sqrt(), "{x:?}: {root:?}");
            }
        }
    }

    #[test]
    fn roots_of_what_overflowed_are_known_by_their_floor() {
        let (infinite, nan) = (f64::INFINITY, f64::NAN);
        for (c, r) in
            [(-infinite, infinite), (infinite, infinite), (nan, infinite), (1., nan), (1., infinite)]
        {
            let root = Line { c, r, ..Line::ZERO }.inverse_root(1e-2, 0.5);
            // Anything in (0, 10].
            assert!(root.c - root.r <= 0. && root.c + root.r >= 10. && root.r < 6., "{c} {r}: {root:?}");
        }
    }

    #[test]
    fn what_is_never_the_larger_leaves_no_trace() {
        let (low, high) = (Line { c: 1., l: 2., q: 0., r: 0.1 }, Line { c: 3., l: -1., q: 0.1, r: 0.2 });
        assert_eq!((high.larger(low, 0.5, 2), low.larger(high, 0.5, 1)), (high, high));
        // Equal numbers, as at a tie, gain nothing but rounding.
        let tie = Line { c: 0., l: 1., q: 0., r: 0. };
        assert!(tie.larger(tie, 0.5, 2).r < 1e-13 && tie.larger(tie, 0.5, 2).c.abs() < 1e-13);
    }

    #[test]
    fn the_error_of_roots_and_products_shrinks_with_the_third_power() {
        let line = Line { c: 2., l: 1., q: 0.5, r: 0. };
        for error in [|x: Line, d| x.inverse_root(1e-5, d).r, |x: Line, d| x.times(x, d).r] {
            let ratio = error(line, 1e-2) / error(line, 1e-3);
            assert!((900. ..1100.).contains(&ratio), "{ratio}");
        }
    }
}
