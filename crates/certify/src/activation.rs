//! The step of first-order models through activations: from $z\in c+ls\pm r$ on $|s|\le\delta$ to $\rho(z)\in c+ls\pm
//! r$.

use collado_models::Activation;

use crate::{
    curvature::{Smooth, smooth},
    rounding::{LIBM, TINY, U},
};

/// The models of one row of neurons: centre, slope and radius of each example.
pub(crate) struct Row<'a> {
    pub(crate) c: &'a mut [f64],
    /// The slopes, which are empty at a single point, where δ = 0.
    pub(crate) l: &'a mut [f64],
    pub(crate) r: &'a mut [f64],
}

/// Replaces the models of z by models of ρ(z).
pub(crate) fn activate(activation: Activation, row: Row<'_>, delta: f64) {
    match (activation, smooth(activation)) {
        (Activation::Linear, _) => {}
        (_, Some(function)) => curve(function, row, delta),
        _ => pulp::Arch::new().dispatch(
            #[inline(always)]
            || relu(row, delta),
        ),
    }
}

/// The rule for ReLU: $\rho(z)\in\alpha z+\lbrack0,\beta\rbrack$ on $\lbrack\text{lo},\text{hi}\rbrack$ for any α in
/// \[0, 1\], with β the larger difference at the two ends; α is 1 or 0 where the sign of z is certain.
#[inline(always)]
fn relu(row: Row<'_>, delta: f64) {
    let one = |c: &mut f64, l: &mut f64, r: &mut f64| {
        let reach = delta * l.abs() + *r;
        let size = c.abs() + reach;
        let slack = 8. * U * size + TINY;
        let (lo, hi) = (*c - reach - slack, *c + reach + slack);
        let share = hi / (hi - lo);
        let alpha = if lo >= 0. {
            1.
        } else if hi <= 0. {
            0.
        } else {
            share
        };
        let (below, above) = (-alpha * lo, (1. - alpha) * hi);
        let larger = if below > above { below } else { above };
        let half = if larger > 0. { 0.5 * (1. + 8. * U) * larger } else { 0. };
        // A neuron that is on passes unchanged, one that is off is exactly 0: only crossing ones round.
        let round = if half > 0. { 8. * U * size + TINY } else { 0. };
        *c = alpha * *c + half;
        *l *= alpha;
        *r = alpha * *r + half + round;
    };
    if row.l.is_empty() {
        row.c.iter_mut().zip(row.r).for_each(|(c, r)| one(c, &mut 0., r));
    } else {
        row.c.iter_mut().zip(row.l).zip(row.r).for_each(|((c, l), r)| one(c, l, r));
    }
}

/// The rule for smooth activations: Taylor's formula with the second derivative enclosed on the range of z, or the
/// range of ρ where that is tighter.
fn curve(f: Smooth, row: Row<'_>, delta: f64) {
    let mut none = vec![0.; if row.l.is_empty() { row.c.len() } else { 0 }];
    let slopes = if row.l.is_empty() { none.iter_mut() } else { row.l.iter_mut() };
    for ((c, l), r) in row.c.iter_mut().zip(slopes).zip(row.r) {
        let reach = (delta * l.abs() + *r) * (1. + 8. * U);
        let (value, slope) = (f.value)(*c);
        let (low, high) = (f.second)(*c, reach + 4. * U * (c.abs() + reach));
        // The remainder lies in reach²/2 times [low, high] and 0.
        let quarter = 0.25 * reach * reach;
        let shift = quarter * (high + low);
        // A value is off by what the library errs, and by the rounding of its argument's formula.
        let slack = FUNCTION * (value.abs() + (f.scale)(*c)) + TINY;
        let slope_slack = FUNCTION * f.steepest * reach;
        let radius = slope.abs() * *r + quarter * (high - low) + slack + slope_slack + 8. * U * shift.abs();
        let lipschitz = f.steepest * reach + slack;
        if radius <= lipschitz {
            (*c, *l, *r) = (value + shift, slope * *l, radius * (1. + 16. * U) + 4. * U * value.abs());
        } else {
            (*c, *l, *r) = (value, 0., lipschitz * (1. + 16. * U));
        }
    }
}

/// Relative error of a formula with up to three library calls and a dozen operations.
const FUNCTION: f64 = 4. * LIBM + 32. * U;
