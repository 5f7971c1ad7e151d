//! The step of second-order models through activations: from $z\in c+ls+qs^2\pm r$ on $|s|\le\delta$ to the same for ρ(z).

use collado_models::Activation;

use crate::{
    curvature::{Smooth, smooth},
    kink::{reach, rho},
    line::Line,
    model::{Model, Row},
    rounding::{LIBM, TINY, U},
    taylor::split,
    tiles::TILE,
};

/// Replaces the models of z by models of ρ(z).
pub(crate) fn activate(activation: Activation, model: &mut Model, delta: f64) {
    let (neurons, order) = (0..model.neurons(), model.channels - 1);
    match (activation, smooth(activation)) {
        (Activation::Linear, _) => {}
        (_, Some(function)) if order == 1 => {
            neurons.for_each(|i| model.map_row(i, |_, z| straight(function, z, delta)));
        }
        (_, Some(function)) => neurons.for_each(|i| model.map_row(i, |_, z| curve(function, z, delta))),
        _ => {
            let mut marks = vec![OFF; model.t];
            neurons.for_each(|i| relu(model, i, delta, &mut marks));
        }
    }
}

/// The rule for ReLU in neuron i: what is on passes and what is off becomes 0, all at once, then the rest one by one.
fn relu(model: &mut Model, i: usize, delta: f64, marks: &mut [Mark]) {
    let [c, l, q, r] = model.columns(i);
    let lines = c.iter().zip(l).zip(q).zip(r);
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (mark, (((&c, &l), &q), &r)) in marks.iter_mut().zip(lines) {
                let (lo, hi) = reach(Line { c, l, q, r }, delta);
                *mark = if lo >= 0. {
                    ON
                } else if hi <= 0. {
                    OFF
                } else {
                    CROSSING
                };
            }
        },
    );
    let Row { parabola: [c, l, q], r } = model.row(i);
    for numbers in [c, l, q, r] {
        numbers.iter_mut().zip(&*marks).for_each(|(x, &mark)| *x = if mark == OFF { 0. } else { *x });
    }
    cross(model, i, delta, marks);
}

/// The rule for the numbers of neuron i that may have both signs, gathered so that several are replaced at once.
fn cross(model: &mut Model, i: usize, delta: f64, marks: &[Mark]) {
    let (mut places, mut count) = ([0; TILE], 0);
    for (e, &mark) in marks.iter().enumerate() {
        places[count] = e;
        count += usize::from(mark == CROSSING);
    }
    let (places, order) = (&places[..count], model.channels - 1);
    let mut gathered = [[0.; TILE]; 4];
    for (numbers, of) in gathered.iter_mut().zip(model.columns(i)) {
        numbers.iter_mut().zip(places).for_each(|(x, &e)| *x = of[e]);
    }
    let [c, l, q, r] = gathered.each_mut().map(|numbers| &mut numbers[..count]);
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (((c, l), q), r) in c.iter_mut().zip(l).zip(q).zip(r) {
                let line = rho(Line { c: *c, l: *l, q: *q, r: *r }, delta, order);
                (*c, *l, *q, *r) = (line.c, line.l, line.q, line.r);
            }
        },
    );
    let [c, l, q, r] = gathered;
    for (j, &e) in places.iter().enumerate() {
        model.set_line(i, e, Line { c: c[j], l: l[j], q: q[j], r: r[j] });
    }
}

/// What ReLU does with a number, in the size of numbers, so that it is decided for several at once.
type Mark = u64;
const OFF: Mark = 0;
const ON: Mark = 1;
const CROSSING: Mark = 2;

/// The rule for smooth activations and models of first order: Taylor's formula with the second derivative enclosed on the
/// range of z, or the range of ρ where that is tighter.
fn straight(f: Smooth, z: Line, delta: f64) -> Line {
    let reach = z.reach(delta) * (1. + 8. * U);
    let (value, slope) = (f.value)(z.c);
    let (low, high) = (f.second)(z.c, reach + 4. * U * (z.c.abs() + reach));
    // The remainder lies in reach²/2 times [low, high] and 0.
    let quarter = 0.25 * reach * reach;
    let shift = quarter * (high + low);
    let slack = FUNCTION * (value.abs() + (f.scale)(z.c)) + TINY;
    let slope_slack = FUNCTION * f.steepest * reach;
    let radius = slope.abs() * z.r + quarter * (high - low) + slack + slope_slack + 8. * U * shift.abs();
    let lipschitz = f.steepest * reach + slack;
    if radius <= lipschitz {
        let r = radius * (1. + 16. * U) + 4. * U * value.abs();
        Line { c: value + shift, l: slope * z.l, q: 0., r }
    } else {
        Line { c: value, r: lipschitz * (1. + 16. * U), ..Line::ZERO }
    }
}

/// The same for models of second order, with the second derivative also enclosed by that in the centre and the third.
fn curve(f: Smooth, z: Line, delta: f64) -> Line {
    let (bend, reach) = (z.bend(delta) * (1. + 8. * U), z.reach(delta) * (1. + 8. * U));
    let (value, slope) = (f.value)(z.c);
    let (low, high) = f.second_on(z.c, reach + 4. * U * (z.c.abs() + reach));
    // ρ(c + y) is value + slope·y + (middle ± apart) y²/2, and y the parabola without c, give or take r.
    let (middle, apart) = (0.25 * (high + low), 0.25 * (high - low));
    let (third, fourth) = (split(delta, 3), split(delta, 4));
    let (cubic, quartic) = (2. * z.l * z.q, z.q * z.q);
    let rest = third.r * cubic.abs() + fourth.r * quartic + z.r * (2. * bend + 0.5 * z.r);
    // A value is off by what the library errs, and by the rounding of its argument's formula.
    let slack = FUNCTION * (value.abs() + (f.scale)(z.c)) + TINY;
    let slope_slack = FUNCTION * f.steepest * reach;
    let radius = slope.abs() * z.r + apart * reach * reach + middle.abs() * rest + slack + slope_slack;
    let lipschitz = f.steepest * reach + slack;
    if radius <= lipschitz {
        Line {
            c: value + middle * (fourth.c * quartic + 0.5 * z.r * z.r),
            l: slope * z.l + middle * third.l * cubic,
            q: slope * z.q + middle * (z.l * z.l + fourth.q * quartic),
            r: radius * (1. + 16. * U) + 64. * U * (value.abs() + middle.abs() * reach * reach),
        }
    } else {
        Line { c: value, r: lipschitz * (1. + 16. * U), ..Line::ZERO }
    }
}

/// Relative error of a formula with up to three library calls and a dozen operations.
const FUNCTION: f64 = 4. * LIBM + 32. * U;
