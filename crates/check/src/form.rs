//! First-order forms, $a(s)\in c+ls\pm r$ for every $|s|\le\delta$.

use crate::interval::{Interval, product_up, sum_up};

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
}

/// The form of the polynomial $\sum_kp_ks^k$, plus or minus r: every power above the first is replaced by its best line.
pub(crate) fn collapsed(p: &[Interval], r: f64, powers: &[Interval]) -> Form {
    let at = |k: usize| p.get(k).copied().unwrap_or(Interval::ZERO);
    let (mut c, mut l, mut r) = (at(0), at(1), r);
    for (k, &p) in p.iter().enumerate().skip(2) {
        // s³ lies within ¼δ³ of ¾δ²s, other odd powers within ½δᵏ of ½δᵏ⁻¹s, even powers within ½δᵏ of ½δᵏ.
        let (share, rest) = if k == 3 { (0.75, 0.25) } else { (0.5, 0.5) };
        match k % 2 {
            0 => c = c + p * (powers[k] * share),
            _ => l = l + p * (powers[k - 1] * share),
        }
        r = sum_up(r, product_up(p.size(), (powers[k] * rest).hi));
    }
    Form::of(c, l, r, powers[1].hi)
}
