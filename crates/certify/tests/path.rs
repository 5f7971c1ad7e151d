//! Certificates of paths against samples in interval arithmetic: nothing sampled may leave what was proved.
#![allow(clippy::unwrap_used)]

mod reference;

use collado_certify::{Certificate, CertifySettings};
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
