//! Certificates of paths against samples in interval arithmetic: nothing sampled may leave what was proved.
#![allow(clippy::unwrap_used)]

mod reference;

use collado_certify::{Certificate, CertifySettings, Error, Method, Problem, Status, certify_path};
use collado_models::{Activation, Arch, Loss, Regularizer, Risk};
use proptest::{prelude::*, sample::select};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reference::Case;

/// How the numbers of a case are drawn.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    /// Few integers, so that kinks are met exactly, neurons are dead and vertices repeat.
    Ties,
    /// Rows of 1e8 and 1e-8.
    Scales,
    /// Ends that nearly agree.
    Close,
}

fn draw(kind: Kind, rng: &mut ChaCha8Rng) -> f64 {
    match kind {
        Kind::Ties => f64::from(rng.random_range(-1..=1)),
        Kind::Scales => rng.random_range(-1. ..1.) * [1e8, 1., 1e-8, 0.][rng.random_range(0..4)],
        Kind::Close => 1. + 1e-9 * rng.random_range(-1. ..1.),
        Kind::Plain => rng.random_range(-2. ..2.),
    }
}

prop_compose! {
    fn cases()(
        activation in select(Activation::ALL.to_vec()),
        loss in select(Loss::ALL.to_vec()),
        regularizer in select(Regularizer::ALL.to_vec()),
        kind in select(vec![Kind::Plain, Kind::Ties, Kind::Scales, Kind::Close]),
        kappa in select(vec![0., 0.1, 3.]),
        widths in prop::collection::vec(1..5usize, 2..5),
        (bias, bezier, classes) in (any::<bool>(), any::<bool>(), any::<bool>()),
        (vertices, examples) in (2..5usize, 1..5usize),
        seed in 0..1_000_000u64,
    ) -> Case {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let arch = Arch::dense(activation, &widths, bias).unwrap();
        let (features, outputs) = (widths[0], widths[widths.len() - 1]);
        let mut rows = |n: usize, m: usize| -> Vec<Vec<f64>> {
            (0..n).map(|_| (0..m).map(|_| draw(kind, rng)).collect()).collect()
        };
        let mut points = rows(vertices, arch.layout().len());
        if let (Kind::Ties, true) = (kind, seed % 2 == 0) {
            points[1] = points[0].clone();
        }
        let inputs = rows(examples, features);
        let values = rows(examples, outputs).into_iter().map(|row| row.into_iter().map(|y| {
            if loss == Loss::Logistic { y.abs() % 1. } else { y }
        }).collect()).collect();
        let two = if outputs == 1 && loss != Loss::CrossEntropy { 2 } else { outputs as u32 };
        let labels = (classes || loss == Loss::CrossEntropy)
            .then(|| (0..examples).map(|_| rng.random_range(0..two)).collect());
        Case { arch, risk: Risk { loss, kappa, regularizer }, vertices: points, bezier, inputs, labels, values }
    }
}

/// Nothing at these t may contradict the certificate.
fn check(case: &Case, proof: &Certificate, ts: impl Iterator<Item = f64>) -> Result<(), TestCaseError> {
    prop_assert!(proof.lo <= proof.hi);
    let reached = case.risk_at(proof.t).0;
    prop_assert!(proof.lo <= reached.hi() * (1. + 1e-12), "lo {} at {}: {reached:?}", proof.lo, proof.t);
    for t in ts {
        let (risk, wrong) = case.risk_at(t);
        prop_assert!(risk.lo() <= proof.hi, "F({t}) in {risk:?}, hi {}", proof.hi);
        let count = wrong.iter().filter(|w| **w).count() as f64 / wrong.len() as f64;
        for piece in proof.pieces.iter().filter(|p| p.t.0 <= t && t <= p.t.1) {
            prop_assert!(risk.lo() <= piece.upper, "F({t}) in {risk:?}: {piece:?}");
            prop_assert!(risk.hi() >= piece.lower, "F({t}) in {risk:?}: {piece:?}");
            prop_assert!(count <= piece.wrong);
        }
        prop_assert!(proof.error.is_none_or(|e| count <= e));
    }
    for (t, end) in [(0., proof.ends[0]), (1., proof.ends[1])] {
        let risk = case.risk_at(t).0;
        prop_assert!(end.0 <= risk.hi() && risk.lo() <= end.1, "{end:?} {risk:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_sampled_contradicts_a_proof(case in cases(), budget in 1..40usize, offset in 0f64..1.) {
        let settings = CertifySettings { tolerance: 1e-6, max_subintervals: budget };
        match case.certify(&settings) {
            Ok(proof) => check(&case, &proof, (0..24).map(|i| (f64::from(i) + offset) / 24.))?,
            // 1e8 in every layer of some networks overflows.
            Err(collado_certify::Error::Overflow { .. }) => {}
            Err(e) => prop_assert!(false, "{e}"),
        }
    }
}

/// One input, one output, squared loss against 0: F(θ(t)) is the square of the output.
fn scalar(arch: Arch, vertices: Vec<Vec<f64>>) -> Case {
    let risk = Risk { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    Case { arch, risk, vertices, bezier: false, inputs: vec![vec![1.]], labels: None, values: vec![vec![0.]] }
}

/// A hat of height 1 and half-width w around `peak`: ρ(u + 1) - 2ρ(u) + ρ(u - 1) with u = (t - peak)/w.
fn needle(peak: f64, w: f64) -> Case {
    let arch = Arch::dense(Activation::Relu, &[1, 3, 1], true).unwrap();
    let at = |t: f64| {
        let u = (t - peak) / w;
        vec![0., 0., 0., u + 1., u, u - 1., 1., -2., 1., 0.]
    };
    scalar(arch, vec![at(0.), at(1.)])
}

#[test]
fn needles_that_no_sampling_finds_are_found() {
    for peak in [0.123_456_789, 0.5, 1e-7, std::f64::consts::FRAC_1_PI] {
        let case = needle(peak, 1e-6);
        let seen = (0..=10_000).map(|i| case.risk_at((f64::from(i) + 0.37) / 10_001.).0.hi());
        assert!(peak == 0.5 || seen.fold(0., f64::max) < 0.5, "{peak}");
        let proof = case.certify(&CertifySettings { tolerance: 1e-3, max_subintervals: 2000 }).unwrap();
        assert_eq!(proof.status, Status::Tolerance, "{peak}: {} {}", proof.lo, proof.hi);
        assert!(
            proof.hi >= 1. - 1e-9 && proof.lo <= 1. + 1e-9 && proof.lo > 0.998,
            "{} {}",
            proof.lo,
            proof.hi
        );
        assert!((proof.t - peak).abs() < 1e-8 && proof.subintervals < 400, "{}", proof.subintervals);
        // However small the budget is, the needle is under the bound.
        for budget in [1, 3, 10, 30] {
            let proof = case.certify(&CertifySettings { tolerance: 0., max_subintervals: budget }).unwrap();
            assert!(proof.hi >= 1. - 1e-9 && proof.lo <= 1. + 1e-9);
        }
    }
}

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
                risk: Risk { loss, kappa: 0.01, regularizer: Regularizer::L1Last },
                inputs: (0..5).map(|_| (0..3).map(|_| rng.random_range(-1. ..1.)).collect()).collect(),
                labels: Some(vec![0, 1, 0, 1, 1]),
                ..scalar(arch.clone(), vertices.clone())
            };
            let proof = case.certify(&CertifySettings { tolerance: 1e-12, max_subintervals: 4 }).unwrap();
            let top = (0..5).map(|i| case.risk_at(f64::from(i) / 4.).0.hi()).fold(0., f64::max);
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
        risk: Risk { loss: Loss::CrossEntropy, ..Risk::default() },
        ..scalar(arch, (0..=legs).map(|i| at(i as f64 / legs as f64)).collect())
    }
}

#[test]
fn the_excess_shrinks_quadratically() {
    for activation in Activation::ALL {
        let exact = smooth(activation, 1)
            .certify(&CertifySettings { tolerance: 1e-9, ..Default::default() })
            .unwrap();
        // A piece a leg, all of one length.
        let excess = |legs: usize| {
            let settings = CertifySettings { tolerance: 0., max_subintervals: legs };
            smooth(activation, legs).certify(&settings).unwrap().hi - exact.lo
        };
        let (coarse, fine) = (excess(16), excess(256));
        assert!(fine > 0. && coarse / fine > 150., "{activation}: {coarse:e} {fine:e}");
    }
}

#[test]
fn a_stopped_search_leaves_an_enclosure_and_threads_do_not_matter() {
    let case = smooth(Activation::Relu, 1);
    let settings = CertifySettings { tolerance: 1e-6, max_subintervals: 200 };
    let proof = case.certify(&settings).unwrap();
    let (inputs, targets) = case.tensors();
    let problem = Problem { arch: &case.arch, inputs: &inputs, targets: &targets, risk: case.risk };
    let mut calls = 0;
    let stopped = certify_path(&case.path(), &problem, &settings, &mut |_| {
        calls += 1;
        calls < 3
    });
    let stopped = stopped.unwrap();
    assert_eq!(stopped.status, Status::Stopped);
    assert!(stopped.lo <= proof.hi && proof.lo <= stopped.hi && stopped.hi > proof.hi);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| case.certify(&settings)).unwrap();
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
    assert!(matches!(budget, Err(Error::Setting { name: "max-subintervals", .. })));
    let tolerance = case.certify(&CertifySettings { tolerance: f64::NAN, ..default });
    assert!(matches!(tolerance, Err(Error::Setting { name: "tolerance", .. })));
    let label = Case { labels: Some(vec![2]), ..case }.certify(&default);
    assert!(matches!(label, Err(Error::Mismatch { what: "class labels", .. })));
}
