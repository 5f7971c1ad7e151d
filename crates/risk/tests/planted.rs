//! The planted risk and the logistic neuron against closed forms, differences and sampling.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};
use collado_risk::{LogisticNeuron, Objective, Planted, PlantedDescent, Rows, Span};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// The known spurious minimum for k = n = 7 (Safran & Shamir's published point).
fn known() -> Vec<f64> {
    let (a, b, c, d, e) = (-0.6327039049, 0.9969227988, 0.2616910758, 0.1859910463, -0.0350801559);
    let entry = |i: usize, j: usize| match (i, j) {
        (0, 0) => a,
        _ if i == j => b,
        (0, _) => d,
        (_, 0) => c,
        _ => e,
    };
    (0..49).map(|at| entry(at / 7, at % 7)).collect()
}

fn gradient(f: &Planted, w: &[f64]) -> Vec<f64> {
    let mut g = vec![0.; w.len()];
    f.value(w, &mut g).unwrap();
    g
}

#[test]
fn gradient_and_hessian_are_differences() {
    for (k, n) in [(3, 2), (4, 5)] {
        let f = Planted::new(k, n).unwrap();
        let w = f.starts(3, 0..1)[0].weights.clone();
        let (g, h) = (gradient(&f, &w), f.hessian(&w).unwrap());
        let shifted = |i: usize, by: f64| {
            let mut w = w.clone();
            w[i] += by;
            let mut g = vec![0.; w.len()];
            (f.value(&w, &mut g).unwrap(), g)
        };
        // fourth order: truncation 1e-12, rounding 1e-13
        let e = 1e-3;
        for i in 0..w.len() {
            let at = [shifted(i, -2. * e), shifted(i, -e), shifted(i, e), shifted(i, 2. * e)];
            let difference = |y: [f64; 4]| (y[0] - 8. * y[1] + 8. * y[2] - y[3]) / (12. * e);
            let slope = difference(std::array::from_fn(|s| at[s].0));
            assert!((slope - g[i]).abs() < 1e-9, "{slope} {}", g[i]);
            for j in 0..w.len() {
                let bend = difference(std::array::from_fn(|s| at[s].1[j]));
                assert!((bend - h[i * w.len() + j]).abs() < 1e-9, "{bend} {}", h[i * w.len() + j]);
            }
        }
    }
}

#[test]
fn risk_is_the_mean_over_gaussian_inputs() {
    let (k, n, draws) = (3, 4, 400_000);
    let f = Planted::new(k, n).unwrap();
    let w = &f.starts(1, 0..1)[0].weights;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let (mut sum, mut squares) = (0., 0.);
    for _ in 0..draws {
        let x: [f64; 3] = std::array::from_fn(|_| StandardNormal.sample(&mut rng));
        let out: f64 = w.chunks(k).map(|w| w.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>().max(0.)).sum();
        let y = 0.5 * (out - x.iter().map(|x| x.max(0.)).sum::<f64>()).powi(2);
        (sum, squares) = (sum + y, squares + y * y);
    }
    let mean = sum / f64::from(draws);
    let stderr = ((squares / f64::from(draws) - mean * mean) / f64::from(draws)).sqrt();
    let risk = f.value(w, &mut vec![0.; w.len()]).unwrap();
    assert!((risk - mean).abs() < 4. * stderr, "{risk} {mean} {stderr}");
}

#[test]
fn published_minimum_and_teachers_are_critical() {
    let f = Planted::new(7, 7).unwrap();
    let mut g = vec![0.; 49];
    assert!((f.value(&known(), &mut g).unwrap() - 0.0232).abs() < 5e-5);
    assert!(g.iter().all(|g| g.abs() < 1e-9), "{g:?}");
    let teachers: Vec<f64> = (0..49).map(|at| f64::from(u8::from(at % 8 == 0))).collect();
    assert!(f.value(&teachers, &mut g).unwrap().abs() < 1e-14);
    assert!(g.iter().all(|g| g.abs() < 1e-15), "{g:?}");
}

#[test]
fn stacks_combinations_and_single_points_agree() {
    let f = Planted::new(4, 5).unwrap();
    let rows: Vec<f64> = f.starts(9, 0..11).into_iter().flat_map(|r| r.weights).collect();
    let stack = Tensor::from_slice(&rows, (11, 20), &Device::Cpu).unwrap();
    let mut grad = stack.zeros_like().unwrap();
    let values = f.evaluate(&Span::stack(&stack).unwrap(), Rows::All, Some(&mut grad)).unwrap();
    for (i, row) in rows.chunks(20).enumerate() {
        let mut g = vec![0.; 20];
        assert_eq!(values[i].risk, f.value(row, &mut g).unwrap());
        assert_eq!(grad.get(i).unwrap().to_vec1::<f64>().unwrap(), g);
    }
    let two = stack.narrow(0, 0, 2).unwrap();
    let middle = Span::new(&two, vec![0.5, 0.5]).unwrap();
    let mut grad = two.zeros_like().unwrap();
    f.evaluate(&middle, Rows::All, Some(&mut grad)).unwrap();
    let mean: Vec<f64> = (0..20).map(|c| 0.5 * (rows[c] + rows[20 + c])).collect();
    let half: Vec<f64> = gradient(&f, &mean).iter().map(|g| 0.5 * g).collect();
    assert_eq!(grad.get(1).unwrap().to_vec1::<f64>().unwrap(), half);
}

#[test]
fn descent_does_not_depend_on_the_company() {
    let f = Planted::new(6, 6).unwrap();
    let settings = PlantedDescent { max_steps: 700, ..Default::default() };
    let descend = |runs| {
        let mut runs = f.starts(0, runs);
        assert!(f.descend(&mut runs, &settings, &mut ()).unwrap().is_continue());
        runs
    };
    let together = descend(0..19);
    assert_eq!(together[3..5], descend(3..5));
    assert!(together.iter().any(|r| r.done && r.risk <= 1e-3));
    assert!(together.iter().all(|r| r.done || r.steps == 700));
}

#[test]
fn descent_never_climbs_again_from_where_runs_are_stopped() {
    for (k, n) in [(6, 6), (8, 9), (10, 12), (20, 21)] {
        let f = Planted::new(k, n).unwrap();
        let mut runs = f.starts(2, 0..8);
        let settings = PlantedDescent { max_steps: 3000, ..Default::default() };
        assert!(f.descend(&mut runs, &settings, &mut ()).unwrap().is_continue());
        for run in runs.iter_mut().filter(|r| r.risk <= 1e-3) {
            let mut g = vec![0.; n * k];
            let mut last = f.value(&run.weights, &mut g).unwrap();
            for _ in 0..1000 {
                run.weights.iter_mut().zip(&g).for_each(|(w, g)| *w -= 5. / n as f64 * g);
                let risk = f.value(&run.weights, &mut g).unwrap();
                assert!(risk <= last + 1e-14, "{last} {risk}");
                last = risk;
            }
        }
    }
}

#[test]
fn neuron_has_the_derivatives_of_its_risk() {
    let f = LogisticNeuron::new(2, 3, 10.).unwrap();
    let point = Tensor::from_slice(&[0.02, 0.7], (1, 2), &Device::Cpu).unwrap();
    let mut grad = point.zeros_like().unwrap();
    let risk = f.evaluate(&Span::stack(&point).unwrap(), Rows::All, Some(&mut grad)).unwrap()[0].risk;
    let by_hand =
        |w: f64| [1., 10., 100.].map(|x| (1. / (1. + (-x * w).exp()) - 0.75).powi(2)).iter().sum::<f64>();
    assert!((risk - (by_hand(0.02) + by_hand(0.7)) / 6.).abs() < 1e-15);
    let slopes = grad.to_vec2::<f64>().unwrap();
    for (w, g) in [0.02, 0.7].into_iter().zip(&slopes[0]) {
        let e = 1e-6;
        assert!(((by_hand(w + e) - by_hand(w - e)) / (12. * e) - g).abs() < 1e-7);
        let bend = (f.coordinate(w + e)[1] - f.coordinate(w - e)[1]) / (2. * e);
        assert!((bend - f.coordinate(w)[2]).abs() < 1e-4 * bend.abs());
    }
}
