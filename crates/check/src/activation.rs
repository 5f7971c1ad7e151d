//! Activations of first-order forms.

use collado_models::Activation;

use crate::{
    Result,
    form::{Chord, Form},
    interval::{Interval, product_up, sum_up},
    pass::NAME,
};

/// The rule of an activation.
pub(crate) enum Rule {
    Linear,
    Relu,
    Smooth(Curve),
}

impl Rule {
    /// The rule for ρ.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn of(rho: Activation) -> Result<Self> {
        Ok(Self::Smooth(match rho {
            Activation::Linear => return Ok(Self::Linear),
            Activation::Relu => return Ok(Self::Relu),
            Activation::Tanh => Curve { at: tanh, second: tanh_second, steepest: 1. },
            Activation::Softplus => Curve { at: softplus, second: softplus_second, steepest: 1. },
            Activation::Logistic => Curve { at: logistic, second: logistic_second, steepest: 0.25 },
            Activation::Gelu => Curve { at: gelu, second: gelu_second, steepest: 1.129 },
            other => {
                let operation = format!("the activation {other}");
                return Err(collado_models::Error::NoRule { analysis: NAME, operation }.into());
            }
        }))
    }

    /// The form of ρ(z) for a form of z.
    pub(crate) fn apply(&self, z: Form, delta: f64) -> Form {
        match self {
            Self::Linear => z,
            Self::Relu => relu(z, delta),
            Self::Smooth(curve) => curve.apply(z, delta),
        }
    }
}

/// ρ(z) = max(z, 0): z or 0 where the sign is certain, else a line with a radius.
fn relu(z: Form, delta: f64) -> Form {
    let range = z.range(delta);
    if range.lo >= 0. {
        return z;
    }
    if range.hi <= 0. {
        return Form::ZERO;
    }
    let Chord { alpha, half } = Chord::new(range);
    let share = Interval::point(alpha);
    Form::of(share * z.c + half, share * z.l, sum_up(product_up(alpha, z.r), half.hi), delta)
}

/// A smooth ρ.
pub(crate) struct Curve {
    /// Enclosures of ρ and ρ′ at a number.
    at: fn(Interval) -> (Interval, Interval),
    /// An enclosure of ρ″ on an interval.
    second: fn(Interval) -> Interval,
    /// An upper bound of |ρ′|.
    steepest: f64,
}

impl Curve {
    /// Taylor's formula around the centre, or a constant where the function moves less than that is off.
    fn apply(&self, z: Form, delta: f64) -> Form {
        let (value, slope) = (self.at)(Interval::point(z.c));
        let reach = z.reach(delta);
        // The remainder is ½ρ″(ξ)(z − c)², with (z − c)² in [0, reach²].
        let second = (self.second)(z.range(delta)).hull(Interval::ZERO);
        let rest = (Interval::point(reach).square() * Interval::point(0.5)) * second;
        let (middle, off) = rest.center();
        let taylor = Form::of(
            value + Interval::point(middle),
            slope * z.l,
            sum_up(product_up(slope.size(), z.r), off),
            delta,
        );
        let still = Form::of(value, Interval::ZERO, product_up(self.steepest, reach), delta);
        if still.r < taylor.r { still } else { taylor }
    }
}

fn one_minus_square(a: Interval) -> Interval {
    (Interval::point(1.) - a.square()).within(0., 1.)
}

fn tanh(z: Interval) -> (Interval, Interval) {
    let a = z.tanh();
    (a, one_minus_square(a))
}

/// ρ″ = −2a(1 − a²) with a = tanh z, which is odd, falls to −.7698004 at z = .6584789485, and rises after it.
fn tanh_second(z: Interval) -> Interval {
    let f = |z: Interval| {
        let a = z.tanh();
        -(a * one_minus_square(a)) * 2.
    };
    odd(z, (0.658_478_948, 0.658_478_949), 0.769_800_359, f)
}

fn logistic(z: Interval) -> (Interval, Interval) {
    let a = z.logistic();
    (a, (a * (Interval::point(1.) - a)).within(0., 0.25))
}

/// ρ″ = a(1 − a)(1 − 2a), which is odd, falls to −.0962250449 at z = 1.3169578969, and rises after it.
fn logistic_second(z: Interval) -> Interval {
    let f = |z: Interval| {
        let a = z.logistic();
        a * (Interval::point(1.) - a) * (Interval::point(1.) - a * 2.)
    };
    odd(z, (1.316_957_896, 1.316_957_897), 0.096_225_045, f)
}

/// Encloses an odd function f on an interval: for z ≥ 0 it falls from 0 to −`most` somewhere in `peak`, and rises after it.
fn odd(z: Interval, peak: (f64, f64), most: f64, f: impl Fn(Interval) -> Interval) -> Interval {
    let ends = f(Interval::point(z.lo)).hull(f(Interval::point(z.hi)));
    let right = z.lo <= peak.1 && z.hi >= peak.0;
    let left = z.lo <= -peak.0 && z.hi >= -peak.1;
    let low = if right { Interval::point(-most) } else { ends };
    let high = if left { Interval::point(most) } else { ends };
    ends.hull(low).hull(high).within(-most, most)
}

/// ρ″ = p(1 − p) with p the logistic function: even, largest at 0.
fn softplus_second(z: Interval) -> Interval {
    even_logistic(z).within(0., 0.25)
}

fn even_logistic(z: Interval) -> Interval {
    let near = if z.lo <= 0. && z.hi >= 0. { 0. } else { crate::interval::least(z.lo.abs(), z.hi.abs()) };
    let far = z.size();
    let at = |z: f64| {
        let p = Interval::point(z).logistic();
        p * (Interval::point(1.) - p)
    };
    Interval::new(at(far).lo, at(near).hi)
}

fn softplus(z: Interval) -> (Interval, Interval) {
    (z.softplus(), z.logistic())
}

fn gelu(z: Interval) -> (Interval, Interval) {
    let normal = z.normal();
    (z * normal, normal + z * z.density())
}

/// ρ″ = (2 − z²)φ(z): even, falls from .79788456 at 0 through 0 at √2 to −.10798193 at 2, and rises to 0 after it.
fn gelu_second(z: Interval) -> Interval {
    let f = |z: f64| (Interval::point(2.) - Interval::point(z).square()) * Interval::point(z).density();
    let near = if z.lo <= 0. && z.hi >= 0. { 0. } else { crate::interval::least(z.lo.abs(), z.hi.abs()) };
    let far = z.size();
    let ends = f(near).hull(f(far));
    let lowest = Interval::point(-0.107_981_934);
    let all = if near <= 2. && far >= 2. { ends.hull(lowest) } else { ends };
    all.within(-0.107_981_934, 0.797_884_561)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms of all activations hold ρ(c + ls + r') for many s and r' within the radius.
    #[test]
    fn forms_hold_the_values() {
        type Function = fn(f64) -> f64;
        let functions: [(Activation, Function); 5] = [
            (Activation::Relu, |z| z.max(0.)),
            (Activation::Tanh, f64::tanh),
            (Activation::Softplus, |z| z.max(0.) + (-z.abs()).exp().ln_1p()),
            (Activation::Logistic, |z| 1. / (1. + (-z).exp())),
            (Activation::Gelu, |z| 0.5 * z * libm::erfc(-z / 2_f64.sqrt())),
        ];
        let delta = 0.25;
        for (rho, f) in functions {
            for c in [-3., -1.5, -0.66, -0.2, 0., 0.1, 0.7, 1.4, 2.1, 5.] {
                for l in [-4., -0.3, 0., 1., 6.] {
                    for r in [0., 0.01, 0.5] {
                        let form = Rule::of(rho).unwrap().apply(Form { c, l, r }, delta);
                        for i in -20..=20 {
                            let s = delta * f64::from(i) / 20.;
                            for off in [-r, 0., r] {
                                let exact = f(c + l * s + off);
                                let line = form.c + form.l * s;
                                assert!((exact - line).abs() <= form.r + 1e-14, "{rho} {c} {l} {r} {s}");
                            }
                        }
                    }
                }
            }
        }
    }
}
