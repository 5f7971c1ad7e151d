//! Cases in which rounding errors are as large as they can be, against exact integers and closed forms: each allowance for
//! rounding is needed, and without it one of these claims is false.
#![allow(clippy::unwrap_used)]

mod reference;

use collado_certify::CertifySettings;
use collado_models::{Activation, Arch, NetworkBuilder};
use collado_risk::{Criterion, Loss};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reference::{Case, scalar};

/// The unit roundoff.
const U: f64 = f64::EPSILON / 2.;

fn settings() -> CertifySettings {
    CertifySettings { tolerance: 0., max_subintervals: 8, ..CertifySettings::default() }
}

/// ⌊x · 2^shift⌋.
fn scaled(x: f64, shift: i32) -> i128 {
    let exponent = ((x.to_bits() >> 52) & 0x7ff) as i32 - 1075;
    let mantissa = i128::from(x.to_bits() & ((1 << 52) - 1) | 1 << 52);
    assert!(x > 0. && exponent > -1075);
    if exponent + shift < 0 { mantissa >> -(exponent + shift) } else { mantissa << (exponent + shift) }
}

/// A sum to which every term but the first is too small to be added, one by one.
#[test]
fn terms_of_a_layer_that_are_all_lost_are_accounted_for() {
    for (n, outputs, rows) in [(100, 1, 8), (400, 1, 8), (100, 16, 64), (400, 16, 64), (1000, 16, 64)] {
        for first in [true, false] {
            let mut net = NetworkBuilder::new(&[n]);
            // What reads the input directly is computed at the vertices, what reads an activation on each piece.
            let x = if first { 0 } else { net.activation(0, Activation::Relu) };
            net.dense(x, "sum", outputs, false);
            let arch = net.finish("a sum").unwrap().arch().clone();
            let term = U * (1. - 2_f64.powi(-20));
            let weights = [vec![1.], vec![term; n - 1]].concat().repeat(outputs);
            // 1 + Σ term − 1 is exact in floating-point numbers, and so nearly is its square.
            let right = outputs as f64 * ((n - 1) as f64 * term).powi(2);
            let case = Case {
                inputs: vec![vec![1.; n]; rows],
                values: vec![vec![1.; outputs]; rows],
                ..scalar(arch, vec![weights.clone(), weights])
            };
            let proof = case.certify(&settings()).unwrap();
            let (lo, hi) = (proof.lo * (1. - 1e-12), proof.hi * (1. + 1e-12));
            assert!(lo <= right && right <= hi, "{n} {outputs} {first}: {lo} {hi} {right}");
        }
    }
}

/// The same in single precision, which is used for what moves where the tolerance allows it: the weights of a sum, or what they
/// are multiplied with. z(t) is t times a sum that loses all terms but the first, and F its square, highest at 1.
#[test]
fn what_single_precision_loses_is_accounted_for() {
    let settings = CertifySettings { tolerance: 1e-3, ..settings() };
    let term = 2_f64.powi(-24) * (1. - 2_f64.powi(-20));
    for (n, weights_move) in [(100, true), (100, false), (400, true), (400, false)] {
        let outputs = 16;
        let mut net = NetworkBuilder::new(&[1]);
        let x = net.dense(0, "spread", n, false);
        let x = net.activation(x, Activation::Relu);
        let x = net.dense(x, "sum", outputs, false);
        net.activation(x, Activation::Relu);
        let arch = net.finish("a sum in single precision").unwrap().arch().clone();
        let terms = [vec![1.], vec![term; n - 1]].concat();
        let at = |t: f64| -> Vec<f64> {
            let moving = terms.iter().map(|x| t * x);
            match weights_move {
                true => vec![1.; n].into_iter().chain(moving.collect::<Vec<_>>().repeat(outputs)).collect(),
                false => moving.chain(vec![1.; n * outputs]).collect(),
            }
        };
        let case = Case {
            inputs: vec![vec![1.]; 64],
            values: vec![vec![0.; outputs]; 64],
            ..scalar(arch, vec![at(0.), at(1.)])
        };
        let proof = case.certify(&settings).unwrap();
        let z = 1. + (n - 1) as f64 * term;
        let top = outputs as f64 * z * z;
        let last = proof.pieces.last().unwrap();
        assert!(last.upper >= top * (1. - 1e-12), "{n} {weights_move}: {} {top}", last.upper);
        assert!(proof.lo <= top * (1. + 1e-12) && proof.hi <= top * (1. + 1e-3));
        // It is single precision that was used: what it may lose is in the bound.
        assert!(last.upper >= top * (1. + 1e-7), "{n} {weights_move}: {}", last.upper / top - 1.);
    }
}

/// A mean of losses to which all but the first are too small to be added, or just large enough to be rounded up.
#[test]
fn losses_that_are_lost_one_by_one_are_accounted_for() {
    // A tile has 64 examples; the sum of 64 squares of y is a little below, or above, half of the last place of 1.
    let arch = Arch::dense(Activation::Linear, &[1, 1], false).unwrap();
    let tiles = 800;
    let n = 64 * tiles;
    for k in [1_482_910_i64, 1_482_911] {
        let y = k as f64 * 2_f64.powi(-50);
        assert_eq!(64. * y * y < U, k == 1_482_910);
        let mut values = vec![vec![y]; n];
        values[0][0] = 1.;
        let case =
            Case { inputs: vec![vec![1.]; n], values, ..scalar(arch.clone(), vec![vec![0.], vec![0.]]) };
        let proof = case.certify(&settings()).unwrap();
        // The sum of the losses, times 2^100.
        let exact = (1_i128 << 100) + (n as i128 - 1) * i128::from(k).pow(2);
        assert!(scaled(proof.hi, 100) * n as i128 >= exact, "{}", proof.hi);
        assert!(scaled(proof.lo, 100) * n as i128 <= exact, "{}", proof.lo);
        assert!(proof.hi / proof.lo < 1. + 1e-12);
    }
}

/// The parts of a network of which one number moves along a parabola.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moving {
    Weight,
    Bias,
}

/// z(t) = 64B(t − 3/8)² + e as a weight or a bias, and F = (tanh(z + 1) − tanh(z − 1))², which is largest where |z| is
/// least: where t = 3/8, and z = e.
fn parabola(moving: Moving, b: f64, e: f64) -> Case {
    let mut net = NetworkBuilder::new(&[1]);
    let x = net.activation(0, Activation::Relu);
    let x = net.dense(x, "parabola", 1, true);
    let x = net.dense(x, "shifts", 2, true);
    let x = net.activation(x, Activation::Tanh);
    net.dense(x, "hat", 1, false);
    let arch = net.finish("a hat over a parabola").unwrap().arch().clone();
    // The control points of 64B(t − 3/8)² + e, in 53 bits.
    let vertices = [9. * b + e, -15. * b + e, 25. * b + e].map(|z| {
        let own = if moving == Moving::Weight { [z, 0.] } else { [0., z] };
        [&own[..], &[1., 1., 1., -1.], &[1., -1.]].concat()
    });
    Case { bezier: true, ..scalar(arch, vertices.to_vec()) }
}

/// At 3/8 terms of 2^53 cancel but for e, so that z is rounded by a quarter.
#[test]
fn parameters_that_cancel_are_accounted_for() {
    let rng = &mut ChaCha8Rng::seed_from_u64(1);
    for moving in [Moving::Weight, Moving::Bias] {
        for _ in 0..40 {
            let e = f64::from(rng.random_range(1..4));
            // 25B + e has 53 bits.
            let b = rng.random_range(1_i64 << 47..(1 << 53) / 25 - 1) as f64;
            let sign = if rng.random() { 1. } else { -1. };
            let case = parabola(moving, sign * b, sign * e);
            let proof = case.certify(&settings()).unwrap();
            let hat = (e + 1.).tanh() - (e - 1.).tanh();
            let highest = hat * hat;
            assert!(proof.lo <= highest * (1. + 1e-12), "{moving:?} {b} {e}: {} {highest}", proof.lo);
            assert!(proof.hi >= highest * (1. - 1e-12));
        }
    }
}

/// A curve of degree 30 along a straight line: its third derivative is 0, but for rounding errors of many terms.
#[test]
fn derivatives_that_cancel_are_accounted_for() {
    let rng = &mut ChaCha8Rng::seed_from_u64(2);
    let mut net = NetworkBuilder::new(&[1]);
    let x = net.activation(0, Activation::Relu);
    net.dense(x, "line", 1, false);
    let arch = net.finish("a line").unwrap().arch().clone();
    let one = CertifySettings { max_subintervals: 1, ..settings() };
    for _ in 0..40 {
        let (start, step) = (rng.random_range(1_i64..1 << 30), rng.random_range(1_i64..1 << 20));
        let vertices = (0..=30).map(|i| vec![(start + step * i) as f64]).collect();
        let proof = Case { bezier: true, ..scalar(arch.clone(), vertices) }.certify(&one).unwrap();
        // F(1) = (start + 30 step)², an integer of less than 72 bits.
        let end = i128::from(start + 30 * step).pow(2);
        assert_eq!(proof.pieces.len(), 1);
        assert!(scaled(proof.pieces[0].upper, 0) >= end, "{start} {step}: {}", proof.pieces[0].upper);
    }
}

/// z = x + wx, where w moves along a curve and z is about −512: all numbers are rounded to multiples of 2⁻⁴³ on the way to the loss, and the
/// logistic loss e^z makes that a relative error.
#[test]
fn sums_with_the_input_are_accounted_for() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    let mut net = NetworkBuilder::new(&[1]);
    let moving = net.dense(0, "move", 1, false);
    net.add(0, moving);
    let arch = net.finish("a step from the input").unwrap().arch().clone();
    let criterion = Criterion { loss: Loss::Logistic, ..Criterion::default() };
    for _ in 0..4000 {
        // The products wx are exact.
        let x = -f64::from(rng.random_range(2049..2100)) / 4.;
        let vertices: Vec<f64> =
            (0..4).map(|_| rng.random_range(-1_i64 << 38..1 << 38) as f64 * 2_f64.powi(-58)).collect();
        let case = Case {
            bezier: true,
            inputs: vec![vec![x]],
            values: vec![vec![0.]],
            criterion,
            ..scalar(arch.clone(), vertices.iter().map(|w| vec![*w]).collect())
        };
        let proof = case.certify(&settings()).unwrap();
        // log(1 + e^z) is e^z in all of its digits.
        let right = x.exp() * (vertices[3] * x).exp();
        let upper = proof.pieces.last().unwrap().upper;
        assert!(upper >= right * (1. - 16. * U), "{x} {vertices:?}: {}", upper / right - 1.);
    }
}
