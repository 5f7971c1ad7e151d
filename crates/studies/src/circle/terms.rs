//! Enclosures of g, and of the sign of its slope, over an arc of directions.

use collado_certify::Interval;

use super::{Arc, NeuronRisk};

/// The sign of the slope of g on an arc, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slope {
    /// g falls.
    Down,
    /// g rises.
    Up,
    /// g is constant.
    Flat,
    /// Nothing is known.
    Unknown,
}

/// An example whose neuron is taken to be on or off over a whole arc.
pub(super) type Forced = Option<(usize, bool)>;

/// Sums over the examples, for (u, b) on the square: s and n without the norm of (u, b), and their derivatives along the
/// boundary.
struct Terms {
    s: Interval,
    s1: Interval,
    n: Interval,
    n1: Interval,
    n2: Interval,
    /// Examples that may be active, and those that may or may not.
    active: Vec<usize>,
    unsure: Vec<usize>,
    /// The sum of y² over the examples that may be active.
    reachable: Interval,
}

/// An interval that holds `x` and 0.
fn with_zero(x: Interval) -> Interval {
    Interval::new(x.lo().min(0.), x.hi().max(0.))
}

fn positive_part(x: Interval) -> Interval {
    Interval::new(x.lo().max(0.), x.hi().max(0.))
}

fn absolute(x: Interval) -> Interval {
    match x {
        x if x.lo() >= 0. => x,
        x if x.hi() <= 0. => -x,
        x => Interval::new(0., x.magnitude()),
    }
}

impl NeuronRisk {
    fn terms(&self, arc: Arc, forced: Forced) -> Terms {
        let ([u, b], [u1, b1], _) = arc.direction();
        let zero = Interval::ZERO;
        let mut sum = Terms {
            s: zero,
            s1: zero,
            n: zero,
            n1: zero,
            n2: zero,
            active: Vec::new(),
            unsure: Vec::new(),
            reachable: zero,
        };
        for (i, (&x, &y)) in self.x.iter().zip(&self.y).enumerate() {
            let z = u * x + b;
            let slope = Interval::point(u1) * x + Interval::point(b1);
            let on = match forced {
                Some((k, on)) if k == i => Some(on),
                _ if z.lo() > 0. => Some(true),
                _ if z.hi() <= 0. => Some(false),
                _ => None,
            };
            if on == Some(false) {
                continue;
            }
            sum.active.push(i);
            sum.reachable = sum.reachable + Interval::point(y).square();
            let (z, slope, curve) = match on {
                // A forced neuron is looked at near its kink only, where z goes on beyond 0.
                Some(_) => (z, slope, slope.square() * 2.),
                None => {
                    sum.unsure.push(i);
                    (positive_part(z), with_zero(slope), with_zero(slope.square() * 2.))
                }
            };
            // Nothing is added for y = 0, not even rounding: s = 0 is exact where no other example is active.
            if y != 0. {
                sum.s = sum.s + z * y;
                sum.s1 = sum.s1 + slope * y;
            }
            sum.n = sum.n + z.square();
            sum.n1 = sum.n1 + z * slope * 2.;
            sum.n2 = sum.n2 + curve;
        }
        sum
    }

    /// κL.
    fn threshold(&self) -> Interval {
        Interval::point(self.kappa) * self.y.len() as f64
    }

    /// An enclosure of $|s|-\kappa L\|(u,b)\|$, which is exact for s = 0 without ridge.
    fn fitting(&self, s: Interval, norm: Interval) -> Interval {
        if self.kappa == 0. { absolute(s) } else { absolute(s) - self.threshold() * norm }
    }

    /// $\|(u,b)\|$ and its first two derivatives along the boundary: $\sqrt{1+t^2}$.
    fn norm(arc: Arc) -> [Interval; 3] {
        let (_, _, t) = arc.direction();
        let square = t.square() + Interval::point(1.);
        let root = square.sqrt();
        let inverse = root.recip();
        [root, t * inverse, inverse * square.recip()]
    }

    /// The one example that is surely active on an arc, where κ = 0 and all others are off: there g is constant.
    fn only(&self, terms: &Terms) -> Option<usize> {
        match terms.active[..] {
            [i] if self.kappa == 0. && terms.unsure.is_empty() => Some(i),
            _ => None,
        }
    }

    /// An enclosure of g over an arc.
    pub(crate) fn enclose(&self, arc: Arc) -> Interval {
        let terms = self.terms(arc, None);
        let [norm, _, _] = Self::norm(arc);
        let h = positive_part(self.fitting(terms.s, norm));
        let share = Interval::point(self.y.len() as f64).recip();
        let gain = if h.hi() <= 0. {
            Interval::ZERO
        } else if let Some(i) = self.only(&terms) {
            Interval::point(self.y[i]).square()
        } else {
            let square = h.square();
            // Cauchy and Schwarz: s² ≤ n Σ y² over the active examples.
            let ratio = (square * terms.n.recip()).hi();
            let upper = if ratio.is_finite() && terms.n.lo() > 0. {
                ratio.min(terms.reachable.hi())
            } else {
                terms.reachable.hi()
            };
            let lower = if terms.n.hi() > 0. {
                (Interval::point(square.lo()) * Interval::point(terms.n.hi()).recip()).lo()
            } else {
                0.
            };
            Interval::new(lower.clamp(0., upper), upper)
        };
        (self.squares() - gain) * share
    }

    /// D with $g'=-hD/(Ln^2)$, $h=|s|-\kappa L\|(u,b)\|$ and $D=2h'n-hn'$; and D′ within one pattern of active examples.
    /// Nothing where h > 0 or the sign of s is not known.
    fn decisive(&self, arc: Arc, forced: Forced) -> Option<(Interval, Interval)> {
        let terms = self.terms(arc, forced);
        let [norm, norm1, norm2] = Self::norm(arc);
        let sign = match terms.s {
            s if s.lo() > 0. => 1.,
            s if s.hi() < 0. => -1.,
            _ => return None,
        };
        let threshold = self.threshold();
        let h = terms.s * sign - threshold * norm;
        if h.lo() <= 0. {
            return None;
        }
        let h1 = terms.s1 * sign - threshold * norm1;
        let h2 = -(threshold * norm2);
        let d = h1 * terms.n * 2. - h * terms.n1;
        let d1 = h2 * terms.n * 2. + h1 * terms.n1 - h * terms.n2;
        Some((d, d1))
    }

    /// Whether an example becomes active (true) or inactive along an arc, where it does either.
    fn activation(&self, arc: Arc, example: usize) -> Option<bool> {
        let (_, [u1, b1], _) = arc.direction();
        let slope = Interval::point(u1) * self.x[example] + Interval::point(b1);
        (slope.lo() > 0. || slope.hi() < 0.).then(|| slope.lo() > 0.)
    }

    /// The sign of the slope of g on an arc.
    pub(super) fn slope(&self, arc: Arc) -> Slope {
        let terms = self.terms(arc, None);
        let [norm, _, _] = Self::norm(arc);
        let never_fits = self.fitting(terms.s, norm).hi() <= 0.;
        if terms.active.is_empty() || never_fits || self.only(&terms).is_some() {
            return Slope::Flat;
        }
        if let ([k], [_], true) = (&terms.active[..], &terms.unsure[..], self.kappa == 0.) {
            // Without ridge one example is fitted as soon as it is active: g is a step.
            return match self.activation(arc, *k) {
                Some(true) => Slope::Down,
                Some(false) => Slope::Up,
                None => Slope::Unknown,
            };
        }
        match self.decisive(arc, None) {
            Some((d, _)) if d.lo() > 0. => Slope::Down,
            Some((d, _)) if d.hi() < 0. => Slope::Up,
            _ => Slope::Unknown,
        }
    }

    /// Whether g is proved to have exactly one critical direction on the arcs, which follow each other, and a strict minimum
    /// there: either g is smooth with D′ < 0, or it falls before the one kink and rises after it.
    pub(super) fn is_strict_minimum(&self, arcs: &[Arc]) -> bool {
        let unsure: Vec<usize> = arcs.iter().flat_map(|&arc| self.terms(arc, None).unsure).collect();
        let Some(&kink) = unsure.first() else {
            let (Some(first), Some(last)) = (arcs.first(), arcs.last()) else { return false };
            let whole = Arc { lo: first.lo, hi: last.hi };
            return whole.lo < whole.hi
                && first.edge() == last.edge()
                && self.decisive(whole, None).is_some_and(|(_, d1)| d1.hi() < 0.);
        };
        unsure.iter().all(|&i| i == kink)
            && arcs.iter().all(|&arc| {
                let Some(becomes_active) = self.activation(arc, kink) else { return false };
                let decisive = |on: bool| self.decisive(arc, Some((kink, on)));
                decisive(!becomes_active).is_some_and(|(d, _)| d.lo() > 0.)
                    && decisive(becomes_active).is_some_and(|(d, _)| d.hi() < 0.)
            })
    }
}
