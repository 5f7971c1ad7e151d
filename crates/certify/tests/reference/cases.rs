//! Certificates held against cases.

use collado_certify::Certificate;
use collado_models::Arch;
use collado_risk::{Criterion, Loss, Regularizer, Statistics};
use proptest::{prop_assert, test_runner::TestCaseError};

use super::{Case, range::Range};

/// Nothing at these t may contradict the certificate.
pub fn check(case: &Case, proof: &Certificate, ts: impl Iterator<Item = f64>) -> Result<(), TestCaseError> {
    prop_assert!(proof.lo <= proof.hi);
    let (from, to) = proof.t_within;
    prop_assert!(from <= proof.t && proof.t <= to, "{from} {} {to}", proof.t);
    let reached = case.risk_in(Range::new(from, to)).0;
    prop_assert!(proof.lo <= reached.hi, "lo {} at {from} to {to}: {reached:?}", proof.lo);
    for t in ts {
        let (risk, wrong) = case.risk_at(t);
        prop_assert!(risk.lo <= proof.hi, "F({t}) in {risk:?}, hi {}", proof.hi);
        let count = wrong.iter().filter(|w| **w).count() as f64 / wrong.len() as f64;
        for piece in proof.pieces.iter().filter(|p| p.t.0 <= t && t <= p.t.1) {
            prop_assert!(risk.lo <= piece.upper, "F({t}) in {risk:?}: {piece:?}");
            prop_assert!(risk.hi >= piece.lower, "F({t}) in {risk:?}: {piece:?}");
            prop_assert!(count <= piece.wrong);
        }
        prop_assert!(proof.error.is_none_or(|e| count <= e));
    }
    for (t, end) in [(0., proof.ends[0]), (1., proof.ends[1])] {
        let risk = case.risk_at(t).0;
        prop_assert!(end.0 <= risk.hi && risk.lo <= end.1, "{end:?} {risk:?}");
    }
    Ok(())
}

/// One input, one output, squared loss against 0: F(θ(t)) is the square of the output.
pub fn scalar(arch: Arch, vertices: Vec<Vec<f64>>) -> Case {
    let criterion = Criterion { loss: Loss::Squared, kappa: 0., regularizer: Regularizer::L2 };
    Case {
        arch,
        criterion,
        vertices,
        bezier: false,
        inputs: vec![vec![1.]],
        labels: None,
        values: vec![vec![0.]],
        statistics: Statistics::default(),
        buffers: Vec::new(),
    }
}
