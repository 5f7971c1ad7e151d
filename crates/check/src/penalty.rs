//! Bounds of the regulariser κR at the ends of a piece.

use collado_models::Network;
use collado_risk::{Criterion, Regularizer};

use crate::{
    interval::{Interval, largest, product_up, sum_up},
    leg::Local,
};

/// At s = δ and s = −δ, the values of a convex function of s that is nowhere below κR on the piece; at a point, enclosures
/// of κR itself.
pub(crate) fn penalty(criterion: Criterion, network: &Network, local: &Local) -> [Interval; 2] {
    if criterion.kappa == 0. {
        return [Interval::ZERO; 2];
    }
    let columns = criterion.regularizer.columns(network);
    let terms: Vec<&[Interval]> = local.terms.iter().map(|term| &term[columns.clone()]).collect();
    let ends = match criterion.regularizer {
        Regularizer::L1Last => absolute(&terms, local),
        Regularizer::L2 | Regularizer::L2Last => square(&terms, local),
    };
    ends.map(|end| end * criterion.kappa)
}

/// ‖Σ_k s^k D_k‖², a polynomial in s: its terms above s are replaced by bounds of their size. The term of s² is not
/// negative below 0, so that only a positive coefficient counts.
fn square(terms: &[&[Interval]], local: &Local) -> [Interval; 2] {
    let mut polynomial = vec![Interval::ZERO; 2 * terms.len() - 1];
    for (i, x) in terms.iter().enumerate() {
        for (j, y) in terms.iter().enumerate() {
            let product = x.iter().zip(*y).map(|(&a, &b)| if i == j { a.square() } else { a * b });
            polynomial[i + j] = product.fold(polynomial[i + j], |sum, term| sum + term);
        }
    }
    let delta = Interval::point(local.delta());
    let mut power = delta;
    let mut rest = 0.;
    for (k, &a) in polynomial.iter().enumerate().skip(2) {
        power = power * delta;
        let size = if k == 2 { largest(a.hi, 0.) } else { a.size() };
        rest = sum_up(rest, product_up(power.hi, size));
    }
    let slope = polynomial.get(1).map_or(Interval::ZERO, |&a| a * delta);
    [slope, -slope].map(|slope| polynomial[0] + slope + Interval::point(rest))
}

/// ‖Σ_k s^k D_k‖₁, convex in s but for the terms above s.
fn absolute(terms: &[&[Interval]], local: &Local) -> [Interval; 2] {
    let size = |x: Interval| Interval::new(if x.lo > 0. { x.lo } else { largest(-x.hi, 0.) }, x.size());
    let delta = Interval::point(local.delta());
    let mut ends = [Interval::ZERO; 2];
    for i in 0..terms[0].len() {
        let slope = terms.get(1).map_or(Interval::ZERO, |term| term[i] * delta);
        let above = terms
            .iter()
            .zip(&local.powers.up)
            .skip(2)
            .map(|(term, &power)| product_up(power, term[i].size()));
        let rest = Interval::point(above.fold(0., sum_up));
        ends[0] = ends[0] + size(terms[0][i] + slope) + rest;
        ends[1] = ends[1] + size(terms[0][i] - slope) + rest;
    }
    ends
}
