//! How a certificate is reached: shortcuts, convergence, stopping, and what is refused.
#![allow(clippy::unwrap_used)]

mod reference;

use std::ops::ControlFlow;

use collado_certify::{CertifySettings, Error, Method, Status, certify_path};
use collado_models::{Activation, Arch};
use collado_risk::EmpiricalRisk;
use collado_risk::Examples;
use collado_risk::{Criterion, Loss, Regularizer};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reference::{Case, check, scalar};

#[test]
fn convex_legs_are_exact_at_their_vertices() {
    let rng = &mut ChaCha8Rng::seed_from_u64(3);
    for (activation, bias) in
        [(Activation::Relu, true), (Activation::Gelu, false), (Activation::Linear, true)]
    {
        let arch = Arch::dense(activation, &[3, 4, 2], bias).unwrap();
        let size = arch.layout().len();
        let first = if bias { 16 } else { 12 };
        let mut vertices = vec![(0..size).map(|_| rng.random_range(-1. ..1.)).collect::<Vec<f64>>()];
        for leg in 0..4 {
            let mut next = vertices[leg].clone();
            // The last layer moves; in a linear network the first one in turn.
            let moving =
                if activation == Activation::Linear && leg % 2 == 1 { 0..first } else { first..size };
            moving.for_each(|p| next[p] = rng.random_range(-1. ..1.));
            vertices.push(next);
        }
        for loss in [Loss::Squared, Loss::CrossEntropy, Loss::Logistic] {
            let case = Case {
                criterion: Criterion { loss, kappa: 0.01, regularizer: Regularizer::L1Last },
                inputs: (0..5).map(|_| (0..3).map(|_| rng.random_range(-1. ..1.)).collect()).collect(),
                labels: Some(vec![0, 1, 0, 1, 1]),
                ..scalar(arch.clone(), vertices.clone())
            };
            let proof = case
                .certify(&CertifySettings { tolerance: 1e-12, max_subintervals: 4, ..Default::default() })
                .unwrap();
            let top = (0..5).map(|i| case.risk_at(f64::from(i) / 4.).0.hi).fold(0., f64::max);
            assert_eq!((proof.method, proof.status), (Method::Vertices, Status::Tolerance));
            assert_eq!(proof.subintervals, 4);
            assert!((proof.hi / top - 1.).abs() < 1e-12, "{loss}: {} {top}", proof.hi);
        }
    }
}

fn smooth(activation: Activation, legs: usize) -> Case {
    let rng = &mut ChaCha8Rng::seed_from_u64(11);
    let arch = Arch::dense(activation, &[4, 8, 8, 3], true).unwrap();
    let mut ends: Vec<Vec<f64>> =
        (0..2).map(|_| (0..arch.layout().len()).map(|_| rng.random_range(-0.6..0.6)).collect()).collect();
    let b = ends.remove(1);
    let a = ends.remove(0);
    let at = |s: f64| a.iter().zip(&b).map(|(a, b)| (1. - s) * a + s * b).collect::<Vec<f64>>();
    Case {
        inputs: (0..200).map(|_| (0..4).map(|_| rng.random_range(-1. ..1.)).collect()).collect(),
        labels: Some((0..200).map(|i| i % 3).collect()),
        criterion: Criterion { loss: Loss::CrossEntropy, ..Criterion::default() },
        ..scalar(arch, (0..=legs).map(|i| at(i as f64 / legs as f64)).collect())
    }
}

#[test]
fn the_excess_shrinks_quadratically() {
    for activation in Activation::ALL {
        if matches!(activation, Activation::Silu | Activation::Leaky) {
            continue; // refused by name
        }
        let exact = smooth(activation, 1)
            .certify(&CertifySettings { tolerance: 1e-9, ..Default::default() })
            .unwrap();
        // A piece a leg, all of one length.
        let excess = |legs: usize| {
            let settings = CertifySettings { tolerance: 0., max_subintervals: legs, ..Default::default() };
            smooth(activation, legs).certify(&settings).unwrap().hi - exact.lo
        };
        let (coarse, fine) = (excess(16), excess(256));
        assert!(fine > 0. && coarse / fine > 150., "{activation}: {coarse:e} {fine:e}");
    }
}

#[test]
fn a_stopped_search_leaves_an_enclosure_and_threads_do_not_matter() {
    let case = smooth(Activation::Relu, 1);
    let settings = CertifySettings { tolerance: 1e-6, max_subintervals: 200, ..Default::default() };
    let proof = case.certify(&settings).unwrap();
    let (inputs, targets) = case.tensors();
    let risk =
        EmpiricalRisk::new(&case.arch, Examples::new(&inputs, &targets).unwrap(), case.criterion).unwrap();
    let mut calls = 0;
    let stopped = certify_path(&case.path(), &risk, &settings, &mut |share: f64| {
        assert!((0. ..=1.).contains(&share), "{share}");
        calls += 1;
        if calls < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let stopped = stopped.unwrap();
    assert_eq!(stopped.status, Status::Stopped);
    assert!(stopped.lo <= proof.hi && proof.lo <= stopped.hi && stopped.hi > proof.hi);
    for found in [&proof, &stopped] {
        assert_eq!(found.history.last(), Some(&(found.subintervals, found.lo, found.hi)));
    }
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| case.certify(&settings)).unwrap();
        assert_eq!((other.lo.to_bits(), other.hi.to_bits()), (proof.lo.to_bits(), proof.hi.to_bits()));
        assert_eq!(other.history, proof.history);
    }
}

#[test]
fn what_is_kept_in_memory_changes_no_bit() {
    // 200 examples in classes of 67, 67 and 66 are 6 tiles of 33 or 34; the first layer has 8 neurons, a leg two vertices.
    let tile = 8 * 34 * 3 * size_of::<f64>();
    let case = smooth(Activation::Relu, 2);
    let settings = CertifySettings { tolerance: 1e-4, ..Default::default() };
    let proof = case.certify(&settings).unwrap();
    for memory in [0, tile, 4 * tile] {
        let other = case.certify(&CertifySettings { memory, ..settings }).unwrap();
        assert_eq!((other.lo.to_bits(), other.hi.to_bits()), (proof.lo.to_bits(), proof.hi.to_bits()));
        assert_eq!(other.history, proof.history);
    }
}

#[test]
fn a_curve_of_higher_degree_is_the_same_curve() {
    let segment = smooth(Activation::Tanh, 1);
    let settings = CertifySettings { tolerance: 1e-4, ..Default::default() };
    let line = segment.certify(&settings).unwrap();
    for degree in [1, 2, 4] {
        let curve = Case { bezier: true, ..smooth(Activation::Tanh, degree) };
        let proof = curve.certify(&settings).unwrap();
        assert_eq!(proof.status, Status::Tolerance);
        assert!(proof.lo <= line.hi && line.lo <= proof.hi, "{degree}");
        assert!((proof.hi / line.hi - 1.).abs() < 2e-4);
    }
}

#[test]
fn numbers_about_which_nothing_can_be_said_are_refused() {
    let arch = || Arch::dense(Activation::Relu, &[1, 1, 1], false).unwrap();
    let default = CertifySettings::default();
    let nan = scalar(arch(), vec![vec![1., f64::NAN], vec![1., 1.]]).certify(&default);
    assert!(matches!(nan, Err(Error::NotFinite { place: 1, .. })), "{nan:?}");
    let huge = scalar(arch(), vec![vec![1e200, 1e200], vec![1., 1.]]).certify(&default);
    assert!(matches!(huge, Err(Error::Overflow { .. })), "{huge:?}");
    let size = scalar(arch(), vec![vec![1.; 3]; 2]).certify(&default);
    assert!(matches!(size, Err(Error::Mismatch { .. })), "{size:?}");
    let case = scalar(arch(), vec![vec![1.; 2]; 2]);
    let budget = case.certify(&CertifySettings { max_subintervals: 0, ..default });
    assert!(matches!(budget, Err(Error::Setting { name: "max_subintervals", .. })));
    let tolerance = case.certify(&CertifySettings { tolerance: f64::NAN, ..default });
    assert!(matches!(tolerance, Err(Error::Setting { name: "tolerance", .. })));
    let label = Case { labels: Some(vec![2]), ..case }.certify(&default);
    assert!(matches!(label, Err(Error::Risk(collado_risk::Error::Mismatch { .. }))), "{label:?}");
}

#[test]
fn deep_linear_networks_with_squared_loss_are_polynomials() {
    // F = (xy)² with x from 1 to -2 and y from -1 to 3: the largest (xy)² lies at the end, 36, or at the extremum of
    // xy = (1 - 3t)(4t - 1), 7/24 where it is 1/48: between the roots it is below both ends.
    let arch = Arch::dense(Activation::Linear, &[1, 1, 1], false).unwrap();
    let settings = CertifySettings { tolerance: 1e-12, max_subintervals: 200, ..Default::default() };
    let ends = scalar(arch.clone(), vec![vec![1., -1.], vec![-2., 3.]]).certify(&settings).unwrap();
    assert_eq!((ends.method, ends.status), (Method::Polynomial, Status::Tolerance));
    assert!(ends.lo <= 36. && 36. <= ends.hi && ends.t == 1.);
    // From (0, 1) to (1, 0): (t(1 - t))², 1/16 at ½; and against the target 1 its largest value is 1, at the ends.
    let hump = scalar(arch.clone(), vec![vec![0., 1.], vec![1., 0.]]);
    let proof = hump.certify(&settings).unwrap();
    assert!(proof.lo <= 0.0625 && 0.0625 <= proof.hi && proof.hi - proof.lo <= 1e-12 && proof.t == 0.5);
    let dip = Case { values: vec![vec![1.]], ..hump }.certify(&settings).unwrap();
    assert!(dip.lo <= 1. && 1. <= dip.hi && dip.hi < 1. + 1e-12);
    // Exact to 1e-10 where first-order models alone would need thousands of pieces.
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let arch = Arch::dense(Activation::Linear, &[3, 5, 4, 2], true).unwrap();
    let mut rows = |n: usize, m: usize| -> Vec<Vec<f64>> {
        (0..n).map(|_| (0..m).map(|_| rng.random_range(-1. ..1.)).collect()).collect()
    };
    for bezier in [false, true] {
        let case = Case {
            bezier,
            inputs: rows(50, 3),
            values: rows(50, 2),
            criterion: Criterion { loss: Loss::Squared, kappa: 0.01, regularizer: Regularizer::L2 },
            ..scalar(arch.clone(), rows(3, arch.layout().len()))
        };
        let proof = case.certify(&CertifySettings { tolerance: 1e-10, ..Default::default() }).unwrap();
        assert_eq!((proof.method, proof.status), (Method::Polynomial, Status::Tolerance));
        assert!(proof.subintervals < 120, "{}", proof.subintervals);
        check(&case, &proof, (0..1000).map(|i| f64::from(i) / 999.)).unwrap();
    }
}
