//! Bounds of the loss of one example at s = δ and s = −δ, and its enclosure at a point.

use collado_risk::Loss;

use crate::{
    form::Form,
    interval::{Interval, largest, least},
};

/// An upper bound of log(1 + Σ exp(m)) for margins m, at the end s of a piece; forms are lines plus or minus a radius, so
/// that the largest loss is convex in s and its ends bound it.
pub(crate) fn cross_entropy(margins: &[Form], s: f64) -> Interval {
    let m: Vec<Interval> = margins.iter().map(|form| form.line(s).widened(form.r)).collect();
    let end = |of: fn(&Interval) -> f64| {
        let top = m.iter().map(of).fold(0., largest);
        // log(1 + Σ exp m) = top + log(1 + Σ exp(m - top)), where the last sum is over all terms but the largest.
        let best = m.iter().position(|m| top > 0. && of(m) == top);
        let small = |x: f64| (Interval::point(x) - Interval::point(top)).exp();
        let own = if best.is_some() { small(0.) } else { Interval::ZERO };
        let others = m.iter().enumerate().filter(|(j, _)| Some(*j) != best);
        Interval::point(top) + others.fold(own, |sum, (_, m)| sum + small(of(m))).ln_1p()
    };
    Interval { lo: end(|m| m.lo).lo, hi: end(|m| m.hi).hi }
}

/// Bounds of a loss that is a sum over outputs z with targets y, at the end s of a piece.
pub(crate) fn separable(loss: Loss, outputs: &[Form], y: impl Fn(usize) -> f64, s: f64) -> Interval {
    let terms = outputs.iter().enumerate().map(|(j, form)| {
        let z = form.line(s).widened(form.r);
        match loss {
            Loss::Logistic => logistic(z, y(j)),
            _ => (z - Interval::point(y(j))).square(),
        }
    });
    terms.fold(Interval::ZERO, |sum, term| sum + term)
}

/// log(1 + e^z) − yz on an interval, convex in z: its ends bound it above, and a tangent below.
fn logistic(z: Interval, y: f64) -> Interval {
    // In the form max(z, 0) − yz + log(1 + e^-|z|), without cancellation.
    let value = |x: f64| {
        let line =
            if x > 0. { (Interval::point(1.) - Interval::point(y)) * x } else { Interval::point(-y) * x };
        line + Interval::point(-x.abs()).exp().ln_1p()
    };
    let (a, b) = (value(z.lo), value(z.hi));
    // The slope is p − y: where it has one sign, the smaller end is the least value; else the tangent at the left end.
    let slope = z.logistic() - Interval::point(y);
    let lo = if slope.lo >= 0. {
        a.lo
    } else if slope.hi <= 0. {
        b.lo
    } else {
        let width = Interval::point(z.hi) - Interval::point(z.lo);
        (a + width * Interval::new(slope.lo, 0.)).lo
    };
    Interval { lo: least(largest(lo, 0.), b.hi), hi: largest(a.hi, b.hi) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_hold_their_closed_forms() {
        let at = |c: f64| Form { c, l: 0., r: 0. };
        let found = cross_entropy(&[at(2.), at(-1.), at(0.5)], 0.);
        let right = (1. + 2_f64.exp() + (-1_f64).exp() + 0.5_f64.exp()).ln();
        assert!(found.lo <= right && right <= found.hi && found.hi - found.lo < 1e-13, "{found:?} {right}");
        let far = cross_entropy(&[at(800.)], 0.);
        assert!(far.lo <= 800. && 800. <= far.hi && far.hi < 800.0001);
        for (z, y) in [(0.3, 0.), (-40., 1.), (3., 0.25)] {
            let right = f64::max(z, 0.) - y * z + (-f64::abs(z)).exp().ln_1p();
            let found = separable(Loss::Logistic, &[at(z)], |_| y, 0.);
            assert!(
                found.lo <= right && right <= found.hi && found.hi - found.lo < 1e-12,
                "{found:?} {right}"
            );
        }
        let wide = separable(Loss::Squared, &[Form { c: 1., l: 2., r: 0.5 }], |_| 0.5, 0.25);
        assert!(wide.lo <= 0.25 && wide.hi >= 2.25 && wide.hi < 2.2501, "{wide:?}");
    }
}
