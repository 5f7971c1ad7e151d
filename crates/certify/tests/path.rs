//! Certificates of paths against samples in interval arithmetic: nothing sampled may leave what was proved.
#![allow(clippy::unwrap_used)]

mod reference;

use collado_certify::{CertifySettings, Status};
use collado_models::{Activation, Arch};
use collado_risk::{Criterion, Loss, Regularizer, Statistics};
use proptest::{prelude::*, sample::select};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reference::{ACTIVATIONS, Case, Kind, check, draw, scalar};

prop_compose! {
    fn cases()(
        activation in select(ACTIVATIONS.to_vec()),
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
        let criterion = Criterion { loss, kappa, regularizer };
        let (statistics, buffers) = (Statistics::default(), Vec::new());
        Case { arch, criterion, vertices: points, bezier, inputs, labels, values, statistics, buffers }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_sampled_contradicts_a_proof(
        case in cases(),
        budget in 1..40usize,
        offset in 0f64..1.,
        // With single precision and without.
        tolerance in select(vec![1e-4, 1e-6]),
    ) {
        let settings = CertifySettings { tolerance, max_subintervals: budget, ..Default::default() };
        match case.certify(&settings) {
            Ok(proof) => check(&case, &proof, (0..24).map(|i| (f64::from(i) + offset) / 24.))?,
            // 1e8 in every layer of some networks overflows.
            Err(collado_certify::Error::Overflow { .. }) => {}
            Err(e) => prop_assert!(false, "{e}"),
        }
    }
}

/// The output is the input, ahead of which class 0 has 0.3 and class 1 has 0.7: right at ½, half wrong at 0.
#[test]
fn one_output_is_wrong_by_the_threshold_of_its_loss() {
    let arch = Arch::dense(Activation::Linear, &[1, 1], false).unwrap();
    for (loss, wrong) in [(Loss::Squared, 0.), (Loss::Logistic, 0.5)] {
        let case = Case {
            inputs: vec![vec![0.3], vec![0.7], vec![0.45], vec![0.55]],
            labels: Some(vec![0, 1, 0, 1]),
            criterion: Criterion { loss, kappa: 0., regularizer: Regularizer::L2 },
            ..scalar(arch.clone(), vec![vec![1.], vec![1.05]])
        };
        let proof = case.certify(&CertifySettings::default()).unwrap();
        assert_eq!(proof.error, Some(wrong), "{loss}");
        // Twice the output: 0.9 for an example of class 0.
        let case = Case { vertices: vec![vec![1.], vec![2.]], ..case };
        let error = case.certify(&CertifySettings::default()).unwrap().error.unwrap();
        assert_eq!(error, if loss == Loss::Squared { 0.5 } else { wrong }, "{loss}");
    }
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
        let seen = (0..=10_000).map(|i| case.risk_at((f64::from(i) + 0.37) / 10_001.).0.hi);
        assert!(peak == 0.5 || seen.fold(0., f64::max) < 0.5, "{peak}");
        let proof = case
            .certify(&CertifySettings { tolerance: 1e-3, max_subintervals: 2000, ..Default::default() })
            .unwrap();
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
            let proof = case
                .certify(&CertifySettings { tolerance: 0., max_subintervals: budget, ..Default::default() })
                .unwrap();
            assert!(proof.hi >= 1. - 1e-9 && proof.lo <= 1. + 1e-9);
        }
    }
}

/// One example of 201 has a needle. The others, which are bounded on longer cells, do not hide it.
#[test]
fn a_needle_of_one_example_among_many_is_found() {
    let (peak, w) = (0.612_345, 1e-5);
    let arch = Arch::dense(Activation::Relu, &[1, 3, 1], false).unwrap();
    // Inputs 1 see the hat, inputs 0 nothing.
    let at = |t: f64| {
        let u = (t - peak) / w;
        vec![u + 1., u, u - 1., 1., -2., 1.]
    };
    let mut case = scalar(arch, vec![at(0.), at(1.)]);
    case.inputs = (0..201).map(|i| vec![f64::from(u8::from(i == 77))]).collect();
    case.values = (0..201).map(|i| vec![if i == 77 { 0. } else { 0.5 }]).collect();
    let top = (200. * 0.25 + 1.) / 201.;
    for budget in [1, 8, 20, 2000] {
        let settings = CertifySettings { tolerance: 1e-4, max_subintervals: budget, ..Default::default() };
        let proof = case.certify(&settings).unwrap();
        assert!(proof.hi >= top - 1e-9 && proof.lo <= top + 1e-9, "{budget}: {} {}", proof.lo, proof.hi);
        if budget == 2000 {
            assert_eq!(proof.status, Status::Tolerance);
            assert!((proof.t - peak).abs() < w, "{}", proof.t);
        }
        check(&case, &proof, (0..=40).map(|i| peak + w * (f64::from(i) / 10. - 2.))).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sums of products of 106 bits that cancel to 15, in any order, against integers: F is the square of one neuron's
    /// output, and what rounding leaves of the sum is far larger. The products are those of the first layer, or of the
    /// last; at a vertex nothing but their slack covers them.
    #[test]
    fn rounding_is_covered_exactly(
        terms in prop::collection::vec((-(1i64 << 53)..1 << 53, 0..1i64 << 53), 2..9)
            .prop_map(|terms| terms.iter().flat_map(|&(w, x)| [(w, x), (-w, x)]).chain([(3, 5)]).collect::<Vec<_>>())
            .prop_shuffle(),
        last in any::<bool>(),
    ) {
        let n = terms.len();
        let w = terms.iter().map(|t| t.0 as f64);
        let x: Vec<f64> = terms.iter().map(|t| t.1 as f64).collect();
        let (widths, point, input) = match last {
            true => ([1, n, 1], x.into_iter().chain(w).collect(), vec![1.]),
            false => ([n, 1, 1], w.chain([1.]).collect::<Vec<f64>>(), x),
        };
        let arch = Arch::dense(Activation::Relu, &widths, false).unwrap();
        let case = Case { inputs: vec![input], ..scalar(arch, vec![point.clone(), point]) };
        let proof = case.certify(&CertifySettings::default()).unwrap();
        let z: i128 = terms.iter().map(|&(w, x)| i128::from(w) * i128::from(x)).sum();
        prop_assert_eq!(z, 15);
        prop_assert!(proof.lo <= 225. && 225. <= proof.hi, "{:?}", proof);
        let size: i128 = terms.iter().map(|&(w, x)| (i128::from(w) * i128::from(x)).abs()).sum();
        prop_assert!(proof.hi - proof.lo <= 1e-12 * (size as f64).powi(2) + 1e-3, "{proof:?}");
    }
}

/// Ones that are lost one after the other beside 2^53: errors that grow with the length of a sum.
#[test]
fn long_sums_are_covered_exactly() {
    let n = 1 << 14;
    let z = (1i128 << 53) + n as i128 - 1;
    let terms = || (0..n).map(|i| if i == 0 { (1i64 << 53) as f64 } else { 1. });
    for (widths, point, input) in [
        ([1, n, 1], terms().chain((0..n).map(|_| 1.)).collect::<Vec<f64>>(), vec![1.]),
        ([n, 1, 1], (0..=n).map(|_| 1.).collect(), terms().collect()),
    ] {
        let arch = Arch::dense(Activation::Relu, &widths, false).unwrap();
        let case = Case { inputs: vec![input], ..scalar(arch, vec![point.clone(), point]) };
        let proof = case.certify(&CertifySettings::default()).unwrap();
        // These doubles are integers.
        assert!(proof.lo as i128 <= z * z && z * z <= proof.hi as i128, "{} {proof:?}", z * z);
        assert!(proof.hi - proof.lo <= 1e-10 * proof.hi, "{proof:?}");
    }
}
