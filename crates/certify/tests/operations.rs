//! Certificates of networks of all operations against samples in interval arithmetic.
//!
//! `cargo test --release --workspace --test operations -- --ignored` runs the long campaign.
#![allow(clippy::unwrap_used)]

mod reference;

use collado_certify::{CertifySettings, Error, Status};
use collado_models::{Activation, Arch, ConvSettings, NetworkBuilder, NormKind, PoolKind};
use collado_risk::Statistics;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use reference::{Case, case, check, scalar};

/// Checks cases; how many were proved, and how many overflow.
fn campaign(seeds: std::ops::Range<u64>) -> (usize, usize) {
    let outcome = |seed: u64| {
        let case = case(seed);
        let rng = &mut ChaCha8Rng::seed_from_u64(!seed);
        let (budget, offset) = (rng.random_range(1..32), rng.random_range(0. ..1.));
        // With single precision and without.
        let tolerance = if seed.is_multiple_of(2) { 1e-4 } else { 1e-6 };
        let settings = CertifySettings { tolerance, max_subintervals: budget, ..Default::default() };
        match case.certify(&settings) {
            Ok(proof) => {
                let ts = (0..16).map(|i| (f64::from(i) + offset) / 16.);
                if let Err(e) = check(&case, &proof, ts) {
                    panic!("seed {seed}: {e}\n{case:?}");
                }
                (1, 0)
            }
            // 1e8 in every layer of some networks overflows.
            Err(Error::Overflow { .. }) => (0, 1),
            Err(e) => panic!("seed {seed}: {e}\n{case:?}"),
        }
    };
    seeds.into_par_iter().map(outcome).reduce(|| (0, 0), |x, y| (x.0 + y.0, x.1 + y.1))
}

#[test]
fn nothing_sampled_contradicts_a_proof() {
    let (proved, overflow) = campaign(0..3000);
    assert!(proved > 2500, "{proved} proved, {overflow} overflow");
}

#[test]
#[ignore = "takes minutes"]
fn nothing_sampled_contradicts_a_proof_in_a_long_campaign() {
    let (proved, overflow) = campaign(1_000_000..1_100_000);
    println!("{proved} proved, {overflow} overflow");
    assert!(proved > 80_000, "{proved} proved, {overflow} overflow");
}

/// Each operation and each rule for statistics is met often.
#[test]
fn random_cases_meet_everything() {
    let mut found = std::collections::BTreeMap::<String, usize>::new();
    for seed in 0..3000 {
        let case = case(seed);
        let net = case.arch.network();
        for node in net.nodes() {
            *found.entry(node.op.to_string().split(" '").next().unwrap().to_string()).or_default() += 1;
        }
        if net.batch_norms().next().is_some() {
            *found.entry(case.statistics.to_string()).or_default() += 1;
        }
    }
    for name in ["the convolution", "a sum", "a concatenation", "a padding of channels", "a reshape"]
        .into_iter()
        .chain(["the batch normalisation", "the layer normalisation", "the group normalisation"])
        .chain(["max pooling over 2x2", "average pooling over 2x2", "population", "interpolate", "train:0"])
    {
        assert!(found.get(name).is_some_and(|n| *n > 80), "{name}: {found:?}");
    }
}

/// A hat of height 1 and half-width w around `peak`, behind a depthwise convolution, a pooling and a concatenation.
#[test]
fn a_needle_in_a_pooling_window_is_found() {
    for peak in [0.123_456_789, 0.5, 1e-7] {
        let w = 1e-6;
        let mut net = NetworkBuilder::new(&[2, 1, 2]);
        let one = ConvSettings { padding: 0, groups: 2, bias: true, ..ConvSettings::same(2, 1) };
        let x = net.conv(0, "map", one);
        let x = net.pool(x, PoolKind::Max, 1, 1, 0);
        let x = net.concat(&[x, x]);
        let x = net.flatten(x);
        let x = net.dense(x, "hat", 3, true);
        let x = net.activation(x, Activation::Relu);
        net.dense(x, "last", 1, false);
        let arch = net.finish("a needle").unwrap().arch().clone();
        // u = (t - peak) / w is the bias of the first channel, whose weight is 0; the hat is that of dense networks.
        let at = |t: f64| {
            let u = (t - peak) / w;
            let mut hat = vec![0.; 3 * 8];
            (0..3).for_each(|row| hat[8 * row] = 1.);
            [vec![0., 0., u, 0.], hat, vec![1., 0., -1.], vec![1., -2., 1.]].concat()
        };
        let case = Case { inputs: vec![vec![1., 1., 1., 1.]], ..scalar(arch, vec![at(0.), at(1.)]) };
        let settings = CertifySettings { tolerance: 1e-3, max_subintervals: 2000, ..Default::default() };
        let proof = case.certify(&settings).unwrap();
        assert_eq!(proof.status, Status::Tolerance, "{peak}: {} {}", proof.lo, proof.hi);
        assert!(
            proof.hi >= 1. - 1e-9 && proof.lo <= 1. + 1e-9 && proof.lo > 0.998,
            "{} {}",
            proof.lo,
            proof.hi
        );
        assert!((proof.t - peak).abs() < 1e-8, "{}", proof.t);
        for budget in [1, 3, 10] {
            let settings = CertifySettings { tolerance: 0., max_subintervals: budget, ..settings };
            assert!(case.certify(&settings).unwrap().hi >= 1. - 1e-9);
        }
    }
}

/// The largest of four pixels that cross one another at one t, where all are equal.
#[test]
fn ties_in_a_window_are_exact_at_a_point() {
    let mut net = NetworkBuilder::new(&[1, 2, 2]);
    let x = net.conv(0, "map", ConvSettings { bias: true, padding: 0, ..ConvSettings::same(1, 1) });
    let x = net.pool(x, PoolKind::Max, 2, 2, 0);
    net.flatten(x);
    let arch = net.finish("a window").unwrap().arch().clone();
    // w x + b with x in (-1, 0, 1, 2) and w from -1 to 1: at w = 0 all are b = 3; the largest is 3 + max(2w, -w).
    let case =
        Case { inputs: vec![vec![-1., 0., 1., 2.]], ..scalar(arch, vec![vec![-1., 3.], vec![1., 3.]]) };
    let proof = case.certify(&CertifySettings { tolerance: 1e-12, ..Default::default() }).unwrap();
    assert!(proof.lo <= 25. && 25. <= proof.hi && proof.hi - proof.lo <= 25. * 1e-12 && proof.t == 1.);
    let piece = proof.pieces.iter().find(|p| p.t.0 <= 0.5 && 0.5 <= p.t.1).unwrap();
    assert!(piece.lower <= 9. && piece.upper >= 9.);
    check(&case, &proof, (0..=400).map(|i| f64::from(i) / 400.)).unwrap();
}

fn normalised(statistics: Statistics, variance: f64) -> Case {
    let mut net = NetworkBuilder::new(&[2]);
    let x = net.dense(0, "first", 2, true);
    let x = net.norm(x, "bn", NormKind::Batch);
    net.dense(x, "last", 1, false);
    let arch = net.finish("normalised").unwrap().arch().clone();
    let points = vec![
        vec![1., 0., 0., 1., 0., 0., 1., 1., 0., 0., 1., 2.],
        vec![2., 1., -1., 1., 0.5, 0., 1.5, 1., 0., 0.5, 1., 1.],
    ];
    // Mean, variance and the number of batches.
    let row = |v: f64| vec![0.1, 0.2, 1., v, 5.];
    Case {
        inputs: vec![vec![1., 2.], vec![-1., 0.5], vec![0.3, -2.]],
        values: vec![vec![0.]; 3],
        statistics,
        buffers: vec![row(1.), row(variance)],
        ..scalar(arch, points)
    }
}

/// Numbers are not farther from their mean than √(n - 1) deviations, however long the piece is and whatever comes before.
#[test]
fn normalised_numbers_are_bounded_on_any_piece() {
    let case = normalised(Statistics::Population, 1.);
    // The numbers of the second end, a million times as large: their scale does not matter.
    let mut far = case.vertices[1].clone();
    far[..6].iter_mut().for_each(|w| *w *= 1e6);
    let case = Case { vertices: vec![case.vertices[0].clone(), far], ..case };
    let settings = CertifySettings { tolerance: 0., max_subintervals: 1, ..Default::default() };
    let proof = case.certify(&settings).unwrap();
    // |γ|√2 + |β| ≤ 1.5 √2 + 0.5 for each of two numbers, with weights up to 1 and 2.
    let most = 3. * (1.5 * 2f64.sqrt() + 0.5);
    assert!(proof.hi <= 1.01 * most * most, "{}", proof.hi);
    check(&case, &proof, (0..=100).map(|i| f64::from(i) / 100.)).unwrap();
}

#[test]
fn what_has_no_rule_or_no_root_is_refused_by_name() {
    let settings = CertifySettings::default();
    let proof = normalised(Statistics::Interpolate, 2.).certify(&settings).unwrap();
    assert_eq!(proof.status, Status::Tolerance);
    let negative = normalised(Statistics::Interpolate, -1e-300).certify(&settings);
    let Err(Error::NegativeVariance { layer, channel: 1, .. }) = &negative else { panic!("{negative:?}") };
    assert_eq!(layer, "bn");
    let nan = normalised(Statistics::Interpolate, f64::NAN).certify(&settings);
    assert!(matches!(nan, Err(Error::NotFinite { what: "running statistics", .. })), "{nan:?}");
    let none = Case { buffers: Vec::new(), ..normalised(Statistics::Interpolate, 1.) }.certify(&settings);
    assert!(matches!(none, Err(Error::Mismatch { .. })), "{none:?}");
    for rule in
        [Statistics::Garipov { batch: 2 }, Statistics::Repair { batch: 2 }, Statistics::Train { batch: 2 }]
    {
        let message = normalised(rule, 1.).certify(&settings).unwrap_err().to_string();
        assert!(message.contains(&rule.to_string()), "{message}");
    }
    let little = CertifySettings { memory: 100, ..settings };
    let message = normalised(Statistics::Population, 1.).certify(&little).unwrap_err();
    assert!(matches!(message, Error::Memory { rows: 3, fit: 1, .. }), "{message:?}");
    let silu = Arch::dense(Activation::Silu, &[1, 1, 1], false).unwrap();
    let message = scalar(silu, vec![vec![1.; 2]; 2]).certify(&settings).unwrap_err().to_string();
    assert!(message.contains("silu"), "{message}");
}

/// A leg of a few doubles: F is at least lo somewhere in the interval that is named, though not at the rounded t.
#[test]
fn the_largest_value_lies_in_the_interval_of_t() {
    let arch = Arch::dense(Activation::Linear, &[1, 1], false).unwrap();
    let settings = CertifySettings { tolerance: 1e-9, ..Default::default() };
    let knot = 1. / 3f64;
    let knots = vec![0., knot, knot.next_up().next_up().next_up(), 1.];
    let case = scalar(arch, vec![vec![0.], vec![0.], vec![1e8], vec![0.]]);
    let vertices = candle_core::Tensor::new(case.vertices.clone(), &candle_core::Device::Cpu).unwrap();
    let path = collado_risk::Path::new(collado_risk::PathKind::Polychain { knots }, vertices).unwrap();
    let proof = collado_certify::certify_path(&path, &case.risk().unwrap(), &settings, &mut ()).unwrap();
    let (from, to) = proof.t_within;
    assert!(from <= proof.t && proof.t <= to && to - from < 1e-15, "{from} {to}");
    assert!(proof.lo <= 1e16 && 1e16 <= proof.hi);
}
