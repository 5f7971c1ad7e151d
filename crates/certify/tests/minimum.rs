//! Interval arithmetic against exact integers and samples; proofs of minima, and of what is none.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use candle_core::{Device, Tensor};
use collado_certify::{
    Error, Interval, MinimumKind, neuron_minima, polish, prove_minimum, prove_network_minimum,
};
use collado_models::{Activation, Arch};
use collado_risk::EmpiricalRisk;
use collado_risk::{Criterion, Examples, LogisticNeuron, Loss, Planted, PlantedDescent};
use proptest::prelude::*;

/// A rational with denominator 2^20, exact as a double.
fn dyadic() -> impl Strategy<Value = i64> {
    -(1i64 << 50)..(1i64 << 50)
}

fn real(x: i64) -> f64 {
    x as f64 / f64::from(1 << 20)
}

/// Whether x · 2^-shift is inside, exactly: doubles are compared as scaled integers.
fn holds(i: Interval, x: i128, shift: i32) -> bool {
    let (lo, hi) = (i.lo() * 2f64.powi(shift), i.hi() * 2f64.powi(shift));
    lo.floor() as i128 <= x && x <= hi.ceil() as i128
}

proptest! {
    #[test]
    fn operations_hold_the_exact_results(a in dyadic(), b in dyadic()) {
        let (x, y) = (Interval::point(real(a)), Interval::point(real(b)));
        prop_assert!(holds(x + y, i128::from(a) + i128::from(b), 20));
        prop_assert!(holds(x - y, i128::from(a) - i128::from(b), 20));
        prop_assert!(holds(x * y, i128::from(a) * i128::from(b), 40));
        prop_assert!(holds(x.square(), i128::from(a) * i128::from(a), 40));
    }

    #[test]
    fn inverses_come_back(a in 1e-9f64..1e9, r in 0f64..1e-3) {
        let x = Interval::around(a, r * a);
        prop_assert!((x * x.recip()).contains(1.));
        let back = x.sqrt().square();
        prop_assert!(back.lo() <= x.lo() && x.hi() <= back.hi());
        let e = Interval::point(a.ln()).exp();
        prop_assert!((e.middle() / a - 1.).abs() < 1e-13);
        let quarter = x.angle(x);
        prop_assert!(quarter.contains(std::f64::consts::FRAC_PI_4));
    }

    #[test]
    fn members_stay_inside(a in -9f64..9., r in 0f64..1., b in -9f64..9., q in 0f64..1., s in 0f64..1., t in 0f64..1.) {
        let (x, y) = (Interval::new(a, a + r), Interval::new(b, b + q));
        let (u, v) = ((a + s * r).min(a + r), (b + t * q).min(b + q));
        prop_assert!((x + y).contains(u + v) && (x - y).contains(u - v) && (x * y).contains(u * v));
        prop_assert!(x.square().contains(u * u) && x.exp().contains(u.exp()));
        prop_assert!(y.recip().contains(1. / v));
    }
}

/// A spurious minimum found by descent.
fn spurious(k: usize) -> (Planted, Vec<f64>) {
    let f = Planted::new(k, k).unwrap();
    for batch in 0..40 {
        let mut runs = f.starts(0, 64 * batch..64 * (batch + 1));
        let settings = PlantedDescent { max_steps: 20_000, gradient_tolerance: 1e-6, ..Default::default() };
        assert!(f.descend(&mut runs, &settings, &mut ()).unwrap().is_continue());
        for run in runs.iter().filter(|r| r.risk > 1e-3) {
            if let Some(end) = polish(&f, &run.weights, 1e-13, 0.1).unwrap() {
                return (f, end.weights);
            }
        }
    }
    panic!("no spurious minimum for k = {k}");
}

#[test]
fn spurious_minima_are_proved_and_others_not() {
    for (k, risk) in [(7, 0.0232), (8, 0.0215), (9, 0.0200)] {
        let (f, w) = spurious(k);
        let proof = prove_minimum(&f, &w, MinimumKind::Spurious).unwrap();
        assert!(proof.proved, "{proof:?}");
        assert!((proof.risk.middle() - risk).abs() < 6e-5 && proof.risk.radius() < 5e-9);
        assert!(proof.lambda_min_lower > 0.0047 && proof.outside_lower > 0.18, "{proof:?}");
        let mut mutilated = w.clone();
        mutilated[3] += 1e-3;
        assert!(!prove_minimum(&f, &mutilated, MinimumKind::Spurious).unwrap().proved);
        assert!(!prove_minimum(&f, &w, MinimumKind::Global).unwrap().proved);
    }
}

#[test]
fn teachers_are_proved_global() {
    let f = Planted::new(7, 7).unwrap();
    let w: Vec<f64> = (0..49).map(|at| f64::from(u8::from(at % 8 == 0))).collect();
    let proof = prove_minimum(&f, &w, MinimumKind::Global).unwrap();
    assert!(proof.proved && (proof.lambda_min_lower - 0.0908).abs() < 1e-3, "{proof:?}");
    assert!(!prove_minimum(&f, &w, MinimumKind::Spurious).unwrap().proved);
}

#[test]
fn a_saddle_is_not_proved() {
    // k = n = 1 copies: all neurons equal is a critical point on the diagonal, unstable across it
    let (k, n) = (3, 3);
    let f = Planted::new(k, n).unwrap();
    let mut w = vec![0.3; 9];
    let mut g = vec![0.; 9];
    for _ in 0..20_000 {
        f.value(&w, &mut g).unwrap();
        let mean = g.iter().sum::<f64>() / 9.;
        w.iter_mut().for_each(|w| *w -= 0.2 * mean);
    }
    f.value(&w, &mut g).unwrap();
    assert!(g.iter().all(|g| g.abs() < 1e-12), "{g:?}");
    let proof = prove_minimum(&f, &w, MinimumKind::Spurious).unwrap();
    assert!(!proof.proved && proof.reason.unwrap().contains("positive definite"));
}

#[test]
fn every_minimum_of_the_neuron_is_proved() {
    for p in 2..=6 {
        let risk = LogisticNeuron::new(1, p, 10.).unwrap();
        let found = neuron_minima(&risk);
        assert_eq!((found.boxes.len(), found.unproved), (p, 0));
        for b in &found.boxes {
            let w = b.middle();
            assert!(risk.coordinate(w)[2] > 0.);
            assert!(risk.coordinate(w * 0.999)[1] < 0. && risk.coordinate(w * 1.001)[1] > 0.);
        }
        for (b, proof) in found.boxes.iter().zip(&found.proofs) {
            assert!(b.lo() <= proof.at * (1. + proof.radius) && proof.at * (1. - proof.radius) <= b.hi());
            // f at the minimum, and f″ around it, in the scale of the minimum.
            let [f, ..] = risk.coordinate(b.middle());
            assert!(
                proof.risk.lo() - 1e-15 <= f && f <= proof.risk.hi() + 1e-15 && proof.risk.radius() < 1e-10
            );
            for share in [-1., -0.3, 0., 0.6, 1.] {
                let bend = risk.coordinate(proof.at * (1. + share * proof.radius))[2] * proof.at.powi(2);
                assert!(proof.curvature <= bend * (1. + 1e-12) && (proof.inverse * bend - 1.).abs() < 1e-3);
            }
        }
    }
    // Lengths whose squares overflow.
    let far = neuron_minima(&LogisticNeuron::new(1, 200, 10.).unwrap());
    assert_eq!((far.boxes.len(), far.unproved), (200, 0));
    // below R = 5.72 minima merge
    assert!(neuron_minima(&LogisticNeuron::new(1, 2, 5.).unwrap()).boxes.len() < 2);
}

/// Ten points of a line with a bump.
fn data() -> (Tensor, Tensor) {
    let x: Vec<f64> = (0..10).map(|i| f64::from(i) / 5. - 0.9).collect();
    let y: Vec<f64> = x.iter().map(|x| 0.5 * x + 0.2 + 0.1 * (3. * x).sin()).collect();
    let column = |v: &[f64]| Tensor::from_slice(v, (10, 1), &Device::Cpu).unwrap();
    (column(&x), column(&y))
}

#[test]
fn least_squares_have_one_minimum() {
    let (x, y) = data();
    let arch = Arch::dense(Activation::Linear, &[1, 1], true).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = EmpiricalRisk::new(&arch, Examples::new(&x, &y).unwrap(), criterion).unwrap();
    let (proof, point) = prove_network_minimum(&risk, &[0., 0.]).unwrap();
    assert!(proof.proved, "{proof:?}");
    let (x, y) = (
        x.flatten_all().unwrap().to_vec1::<f64>().unwrap(),
        y.flatten_all().unwrap().to_vec1::<f64>().unwrap(),
    );
    let mean = |f: &dyn Fn(usize) -> f64| (0..10).map(f).sum::<f64>() / 10.;
    let (mx, my) = (mean(&|i| x[i]), mean(&|i| y[i]));
    let slope = mean(&|i| (x[i] - mx) * (y[i] - my)) / mean(&|i| (x[i] - mx).powi(2));
    assert!((point[0] - slope).abs() < 1e-12 && (point[1] - (my - slope * mx)).abs() < 1e-12, "{point:?}");
    let left = mean(&|i| (slope * (x[i] - mx) + my - y[i]).powi(2));
    assert!(proof.risk.contains(left) && proof.risk.hi() - proof.risk.lo() < 1e-8);
    // The Hessian is 2(E x², E x; E x, 1).
    let (a, b) = (2. * mean(&|i| x[i] * x[i]), 2. * mx);
    let least = (a + 2. - ((a - 2.).powi(2) + 4. * b * b).sqrt()) / 2.;
    assert!(proof.lambda_min_lower <= least && proof.lambda_min_lower > least - 1e-6);
}

#[test]
fn minima_of_small_networks_are_proved_or_said_not_to_be() {
    let (x, y) = data();
    let arch = |activation| Arch::dense(activation, &[1, 2, 1], true).unwrap();
    let start = [1., -0.5, 0.1, 0.2, 0.7, -0.4, 0.1];
    for activation in [Activation::Tanh, Activation::Softplus, Activation::Gelu, Activation::Logistic] {
        let arch = arch(activation);
        let criterion = Criterion { loss: Loss::Squared, kappa: 0.003, ..Criterion::default() };
        let risk = EmpiricalRisk::new(&arch, Examples::new(&x, &y).unwrap(), criterion).unwrap();
        let end = descend(&risk, &start);
        let (proof, point) = prove_network_minimum(&risk, &end).unwrap();
        assert!(proof.proved, "{activation}: {proof:?}");
        assert!(proof.gradient_norm < 1e-14 && proof.lambda_min_lower > 0. && proof.risk.lo() > 0.);
        assert!(point.iter().zip(&end).all(|(a, b)| (a - b).abs() < 0.1), "{activation}");
    }
    // Without κ, (w₁, w₂) → (c w₁, w₂/c) leaves F unchanged: no minimum is strict.
    let linear = Arch::dense(Activation::Linear, &[1, 1, 1], false).unwrap();
    let criterion = Criterion { loss: Loss::Squared, ..Criterion::default() };
    let risk = EmpiricalRisk::new(&linear, Examples::new(&x, &y).unwrap(), criterion).unwrap();
    let (proof, _) = prove_network_minimum(&risk, &[0.7, 0.7]).unwrap();
    assert!(!proof.proved && proof.reason.unwrap().contains("singular Hessian"));
    let relu = arch(Activation::Relu);
    let refused = prove_network_minimum(
        &EmpiricalRisk::new(&relu, Arc::clone(risk.data()), criterion).unwrap(),
        &start,
    );
    assert!(matches!(refused, Err(Error::Mismatch { what: "activation", .. })));
}

/// Gradient descent with momentum.
fn descend(risk: &EmpiricalRisk, start: &[f64]) -> Vec<f64> {
    use collado_risk::{Objective, Rows};
    let (mut theta, mut speed) = (start.to_vec(), vec![0.; start.len()]);
    for _ in 0..20_000 {
        let point = Tensor::from_slice(&theta, (1, theta.len()), &Device::Cpu).unwrap();
        let mut grad = point.zeros_like().unwrap();
        risk.at(&point, Rows::All, Some(&mut grad)).unwrap();
        let grad = grad.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for ((x, v), g) in theta.iter_mut().zip(&mut speed).zip(grad) {
            *v = 0.95 * *v - 0.02 * g;
            *x += *v;
        }
    }
    theta
}
