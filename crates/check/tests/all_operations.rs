//! The check of proofs of networks of all operations, against what `certify` proves and against enclosures of F.
#![allow(clippy::unwrap_used)]

#[path = "../../certify/tests/reference/mod.rs"]
mod reference;
mod written;

use candle_core::{DType, Device, Tensor};
use collado_certify::{CertifySettings, Error as CertifyError};
use collado_check::{Error, check};
use collado_files::{Proof, ProofHeader, ProofRows};
use collado_models::{ConvSettings, NetworkBuilder, NormKind, PoolKind};
use collado_risk::{Criterion, EmpiricalRisk, Examples, Path, Statistics};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use reference::{Case, case, scalar};
use written::certified as proof;

fn settings(seed: u64) -> CertifySettings {
    let budget = 1 + seed as usize % 31;
    CertifySettings { tolerance: 1e-6, max_subintervals: budget, shortcuts: false, ..Default::default() }
}

/// Proofs of random cases are confirmed, and claims that are false by an enclosure of F are not; how many were tried.
fn campaign(seeds: std::ops::Range<u64>) -> usize {
    let outcome = |seed: u64| {
        let case = case(seed);
        let found = match case.certify(&settings(seed)) {
            Ok(found) => found,
            // 1e8 in every layer of some networks overflows.
            Err(CertifyError::Overflow { .. }) => return 0,
            Err(e) => panic!("seed {seed}: {e}"),
        };
        let (path, risk) = (case.path(), case.risk().unwrap());
        let good = proof(&found, &risk);
        let checked = check(&good, &path, &risk, &mut ()).unwrap();
        assert_eq!(checked.refuted, None, "seed {seed}: {}\n{case:?}", risk.arch());
        assert_eq!(checked.holding, good.pieces.len());

        let rng = &mut ChaCha8Rng::seed_from_u64(!seed);
        let i = rng.random_range(0..good.pieces.len());
        let (from, to) = found.pieces[i].t;
        let t = from + rng.random_range(0.01..0.99) * (to - from);
        let mut low = good.clone();
        low.pieces[i].hi = case.risk_at(t).0.lo.next_down();
        let checked = check(&low, &path, &risk, &mut ()).unwrap();
        assert_eq!(checked.refuted.map(|r| r.piece), Some(Some(i + 1)), "seed {seed}");

        let mut high = good;
        let (from, to) = found.t_within;
        high.header.claim.lo = case.risk_in(reference::Range::new(from, to)).0.hi.next_up();
        let checked = check(&high, &path, &risk, &mut ()).unwrap();
        assert_eq!(checked.refuted.map(|r| r.piece), Some(None), "seed {seed}");
        1
    };
    seeds.into_par_iter().map(outcome).sum()
}

#[test]
fn proofs_of_all_operations_are_confirmed_and_false_bounds_are_not() {
    let tried = campaign(0..600);
    assert!(tried > 500, "{tried}");
}

#[test]
#[ignore = "takes minutes"]
fn proofs_are_confirmed_in_a_long_campaign() {
    println!("{} proofs", campaign(2_000_000..2_020_000));
}

/// A small network with batch normalisation on more rows than a proof is about.
fn images(statistics: Statistics) -> (Path, EmpiricalRisk) {
    let rng = &mut ChaCha8Rng::seed_from_u64(5);
    let mut net = NetworkBuilder::new(&[2, 4, 4]);
    let x = net.conv(0, "conv", ConvSettings::same(3, 3));
    let x = net.norm(x, "bn", NormKind::Batch);
    let x = net.pool(x, PoolKind::Max, 2, 2, 0);
    let x = net.flatten(x);
    net.dense(x, "fc", 3, true);
    let network = net.finish("images").unwrap();
    let mut numbers = |shape: &[usize]| {
        let values: Vec<f64> = (0..shape.iter().product()).map(|_| rng.random_range(-1. ..1.)).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    };
    let labels = Tensor::new((0..9).map(|i| i % 3).collect::<Vec<u32>>(), &Device::Cpu).unwrap();
    let examples = Examples::new(&numbers(&[9, 2, 4, 4]), &labels).unwrap();
    let risk = EmpiricalRisk::new(network.arch(), examples, Criterion::default()).unwrap();
    let path = Path::bezier(numbers(&[3, network.size()])).unwrap();
    let buffers = numbers(&[3, network.buffers().len()]).abs().unwrap();
    (path.with_buffers(buffers).unwrap(), risk.with_statistics(statistics))
}

/// A proof about 5 of 9 rows.
fn subset(statistics: Statistics) -> (Path, EmpiricalRisk, Proof) {
    let (path, risk) = images(statistics);
    let some = risk.on_evenly_spaced(5).unwrap();
    let found = collado_certify::certify_path(&path, &some, &settings(20), &mut ()).unwrap();
    let mut good = proof(&found, &some);
    let hash = ProofRows::hash_of(&[0, 1, 3, 5, 7]);
    good.header.subset = Some(ProofRows { of: 9, rule: ProofRows::EVENLY_SPACED.into(), hash });
    (path, risk, good)
}

#[test]
fn proofs_about_some_rows_are_confirmed() {
    for statistics in [Statistics::Interpolate, Statistics::Population] {
        let (path, risk, good) = subset(statistics);
        let checked = check(&good, &path, &risk, &mut ()).unwrap();
        assert_eq!(checked.refuted, None, "{statistics}");
        // The same numbers are no proof about all rows.
        let mut all = good.clone();
        (all.header.subset, all.header.rows) = (None, 9);
        assert!(check(&all, &path, &risk, &mut ()).unwrap().refuted.is_some());
    }
}

#[test]
fn other_rows_statistics_and_buffers_are_refused() {
    let (path, risk, good) = subset(Statistics::Interpolate);
    let refused = |change: &dyn Fn(&mut ProofHeader)| {
        let mut proof = good.clone();
        change(&mut proof.header);
        check(&proof, &path, &risk, &mut ()).unwrap_err().to_string()
    };
    let rows = |f: &'static dyn Fn(&mut ProofRows)| refused(&|header| f(header.subset.as_mut().unwrap()));
    assert!(rows(&|s| s.hash = ProofRows::hash_of(&[0, 1, 3, 5, 8])).contains("SHA-256 of the rows"));
    assert!(rows(&|s| s.rule = "the first ones".into()).contains("rule for rows"));
    assert!(rows(&|s| s.of = 10).contains("training rows"));
    assert!(refused(&|h| h.rows = 6).contains("SHA-256 of the rows"));
    assert!(refused(&|h| h.rows = 10).contains("1 to 9 rows"));
    assert!(refused(&|h| h.subset = None).contains("rows: the proof is about 5, found 9"));
    assert!(refused(&|h| h.statistics = Some("population".into())).contains("statistics"));
    assert!(refused(&|h| h.statistics = None).contains("statistics"));

    let population = risk.clone().with_statistics(Statistics::Population);
    assert!(check(&good, &path, &population, &mut ()).is_err());
    let fewer = population.with_reference_rows(4).unwrap();
    let mut all = good.clone();
    (all.header.subset, all.header.rows) = (None, 9);
    all.header.statistics = Some("population".into());
    let message = check(&all, &path, &fewer, &mut ()).unwrap_err().to_string();
    assert!(message.contains("rows for statistics"), "{message}");

    let bare = Path::new(path.kind().clone(), path.vertices().clone()).unwrap();
    assert!(check(&good, &bare, &risk, &mut ()).unwrap_err().to_string().contains("running statistics"));
    let mut rows = path.buffers().unwrap().to_dtype(DType::F64).unwrap().to_vec2::<f64>().unwrap();
    rows[1][4] = -1e-300;
    let negative = bare.with_buffers(Tensor::new(rows, &Device::Cpu).unwrap()).unwrap();
    let error = check(&good, &negative, &risk, &mut ()).unwrap_err();
    assert!(matches!(error, Error::NegativeVariance { channel: 1, .. }), "{error}");
}

/// F = (1 + t)² from 1 to 4, by an independent view of what a piece's bound may be.
#[test]
fn a_bound_that_needs_smaller_pieces_is_confirmed() {
    let arch = collado_models::Arch::dense(collado_models::Activation::Relu, &[1, 2, 1], false).unwrap();
    // max(1 - 2t, 0) + max(2t - 1, 0) = |1 - 2t| is 1 at the ends, where one form of the whole path gives more.
    let case: Case = scalar(arch, vec![vec![1., -1., 1., 1.], vec![-1., 1., 1., 1.]]);
    let (path, risk) = (case.path(), case.risk().unwrap());
    let found = case.certify(&CertifySettings { max_subintervals: 1, ..settings(0) }).unwrap();
    let mut whole = proof(&found, &risk);
    for (hi, holds) in [(1.01, true), (1. + 1e-9, true), (0.999, false)] {
        (whole.pieces[0].hi, whole.header.claim.hi) = (hi, hi);
        let checked = check(&whole, &path, &risk, &mut ()).unwrap();
        assert_eq!(checked.refuted.is_none(), holds, "{hi} {checked:?}");
    }
}
