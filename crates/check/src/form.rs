//! First-order forms of single numbers, $a(s)\in c+ls\pm r$ for every $|s|\le\delta$.

use crate::interval::{Interval, largest, product_up, sum_up};

/// What is known of one number on a piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Form {
    pub(crate) c: f64,
    pub(crate) l: f64,
    pub(crate) r: f64,
}

impl Form {
    pub(crate) const ZERO: Self = Self { c: 0., l: 0., r: 0. };

    /// A number that is the same everywhere on the piece.
    pub(crate) const fn constant(c: f64) -> Self {
        Self { c, l: 0., r: 0. }
    }

    /// An upper bound of $\delta|l|+r$, the distance from c.
    pub(crate) fn reach(self, delta: f64) -> f64 {
        sum_up(product_up(delta, self.l.abs()), self.r)
    }

    /// All values on the piece.
    pub(crate) fn range(self, delta: f64) -> Interval {
        Interval::point(self.c).widened(self.reach(delta))
    }

    /// The values of $c+ls$ at s = ±δ, without the radius.
    pub(crate) fn line(self, s: f64) -> Interval {
        Interval::point(self.c) + Interval::point(self.l) * s
    }

    /// The form of $c+ls\pm r$ with intervals c and l.
    pub(crate) fn of(c: Interval, l: Interval, r: f64, delta: f64) -> Self {
        let ((c, off_c), (l, off_l)) = (c.center(), l.center());
        Self { c, l, r: sum_up(sum_up(r, off_c), product_up(delta, off_l)) }
    }

    /// The sum of two forms.
    pub(crate) fn plus(self, other: Self, delta: f64) -> Self {
        let c = Interval::point(self.c) + Interval::point(other.c);
        let l = Interval::point(self.l) + Interval::point(other.l);
        Self::of(c, l, sum_up(self.r, other.r), delta)
    }

    /// The difference of two forms.
    pub(crate) fn minus(self, other: Self, delta: f64) -> Self {
        self.plus(Self { c: -other.c, l: -other.l, r: other.r }, delta)
    }

    /// The form times a constant.
    pub(crate) fn times(self, x: Interval, delta: f64) -> Self {
        Self::of(x * self.c, x * self.l, product_up(x.size(), self.r), delta)
    }

    /// The product of two forms: $s^2ll'$ lies in $\lbrack0,\delta^2\rbrack\,ll'$, and each radius goes with the size of
    /// the other number.
    pub(crate) fn product(self, other: Self, delta: f64) -> Self {
        let [a, b] = [self, other];
        let at = Interval::point;
        let half = at(a.l) * b.l * (at(delta).square() * 0.5);
        let line = sum_up(a.c.abs(), product_up(delta, a.l.abs()));
        let size = sum_up(b.c.abs(), b.reach(delta));
        let r = sum_up(half.size(), sum_up(product_up(a.r, size), product_up(line, b.r)));
        Self::of(at(a.c) * b.c + half, at(a.c) * b.l + at(a.l) * b.c, r, delta)
    }

    /// The larger of two numbers. It is $a+\rho(b-a)$, and $\rho(d)\in\alpha d+\lbrack0,\beta\rbrack$ for any α in \[0, 1\].
    pub(crate) fn larger(self, other: Self, delta: f64) -> Self {
        let range = other.minus(self, delta).range(delta);
        if range.hi <= 0. {
            return self;
        }
        if range.lo >= 0. {
            return other;
        }
        let Chord { alpha, half } = Chord::new(range);
        let (share, rest) = (Interval::point(alpha), Interval::point(1.) - Interval::point(alpha));
        let mix = |a: f64, b: f64| rest * a + share * b;
        let r = sum_up(product_up(rest.hi, self.r), product_up(alpha, other.r));
        let c = mix(self.c, other.c) + half;
        Self::of(c, mix(self.l, other.l), sum_up(r, half.hi), delta)
    }

    /// The number $u^{-1/2}$ for a number u that is known to be at least `floor` > 0: Taylor's formula with the second
    /// derivative $\frac34u^{-5/2}$, or a constant where that is tighter.
    pub(crate) fn inverse_root(self, floor: f64, delta: f64) -> Self {
        let one = Interval::point(1.);
        let range = self.range(delta);
        let (lo, hi) = (largest(range.lo, floor), largest(range.hi, floor));
        let at = largest(self.c, floor);
        let root = Interval::point(at).sqrt();
        let (value, slope) = (one.over(root), -(Interval::point(0.5).over(root * at)));
        let far = largest(sum_up(hi, -at), sum_up(at, -lo));
        let least = Interval::point(lo);
        // Half of what Taylor's remainder is at most; it is not negative.
        let rest =
            Interval::point(0.1875).over(least.square() * least.sqrt()) * Interval::point(far).square();
        let rest = Interval::point(rest.hi);
        let shift = slope * (Interval::point(self.c) - Interval::point(at));
        let taylor = Self::of(
            value + shift + rest,
            slope * self.l,
            sum_up(product_up(slope.size(), self.r), rest.hi),
            delta,
        );
        let constant = one.over(Interval { lo, hi }.sqrt());
        let constant = Self::of(constant, Interval::ZERO, 0., delta);
        // Also where Taylor's formula overflows.
        if taylor.r <= constant.r { taylor } else { constant }
    }
}

/// The line αz + [0, 2 half] that holds max(z, 0) on a range with 0 inside. For any α in \[0, 1\] the difference
/// max(z, 0) − αz is convex and 0 at z = 0, so that it is at most its larger value at the two ends.
pub(crate) struct Chord {
    pub(crate) alpha: f64,
    pub(crate) half: Interval,
}

impl Chord {
    /// The α that makes the difference least.
    pub(crate) fn new(range: Interval) -> Self {
        let alpha = (range.hi / (range.hi - range.lo)).clamp(0., 1.);
        let share = Interval::point(alpha);
        let beta = largest((share * -range.lo).hi, ((Interval::point(1.) - share) * range.hi).hi);
        Self { alpha, half: Interval::point(0.5) * beta }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELTA: f64 = 0.25;

    /// Forms with and without radius, and members of them at several s.
    fn members(f: impl Fn(Form, Form, &dyn Fn(Form, f64, f64) -> f64, f64, f64, f64)) {
        let numbers = [-2., -0.3, 0., 0.7, 1.5];
        let member = |x: Form, s: f64, at: f64| x.c + x.l * s + at * x.r;
        for (c, l, r) in numbers
            .iter()
            .flat_map(|&c| numbers.map(|l| (c, l)))
            .flat_map(|(c, l)| [0., 0.4].map(|r| (c, l, r)))
        {
            for other in [Form { c: 0.9, l: -1.1, r: 0.2 }, Form { c: -0.4, l: 2., r: 0. }] {
                for s in [-DELTA, -0.1, 0., 0.2, DELTA] {
                    for (i, j) in [(-1., -1.), (-1., 1.), (1., -1.), (1., 1.), (0.3, -0.6)] {
                        f(Form { c, l, r }, other, &member, s, i, j);
                    }
                }
            }
        }
    }

    fn holds(x: Form, s: f64, value: f64) -> bool {
        (value - (x.c + x.l * s)).abs() <= x.r + 1e-14
    }

    #[test]
    fn products_and_maxima_hold_those_of_members() {
        members(|x, y, member, s, i, j| {
            let (a, b) = (member(x, s, i), member(y, s, j));
            assert!(holds(x.product(y, DELTA), s, a * b), "{x:?} {y:?} {s}");
            assert!(holds(x.larger(y, DELTA), s, a.max(b)), "{x:?} {y:?} {s}");
            assert!(holds(x.plus(y, DELTA), s, a + b) && holds(x.minus(y, DELTA), s, a - b));
        });
    }

    #[test]
    fn inverse_roots_hold_those_of_members() {
        members(|x, _, member, s, i, _| {
            let u = member(x, s, i);
            let found = x.inverse_root(0.125, DELTA);
            assert!(u < 0.125 || holds(found, s, 1. / u.sqrt()), "{x:?} {s} {found:?}");
        });
        let narrow = Form { c: 2., l: 1e-3, r: 0. }.inverse_root(0.1, DELTA);
        assert!(narrow.r < 1e-8 && (narrow.l + 0.5e-3 / 2_f64.powf(1.5)).abs() < 1e-12, "{narrow:?}");
    }
}
