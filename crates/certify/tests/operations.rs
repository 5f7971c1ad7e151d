//! Certificates of networks of all operations against samples in interval arithmetic.
//!
//! `cargo test --release --workspace --test operations -- --ignored` runs the long campaign.
#![allow(clippy::unwrap_used)]

mod reference;

use collado_certify::{CertifySettings, Error, Status};
use collado_models::{Activation, Arch, ConvSettings, NetworkBuilder, NodeId, NormKind, Pad, PoolKind};
use collado_risk::{Criterion, Loss, Regularizer, Statistics};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use reference::{ACTIVATIONS, Case, Kind, check, draw, scalar};

/// A random list of operations, of every kind.
fn network(rng: &mut ChaCha8Rng) -> Arch {
    let input = match rng.random_range(0..5) {
        0 => vec![rng.random_range(1..5)],
        _ => vec![rng.random_range(1..4), rng.random_range(2..6), rng.random_range(2..6)],
    };
    let mut net = NetworkBuilder::new(&input);
    let mut all: Vec<NodeId> = vec![0];
    let mut affine = false;
    for k in 0..rng.random_range(1..8) {
        let x = *all.last().unwrap();
        let before = if rng.random_range(0..4) == 0 { *all.choose(rng).unwrap() } else { x };
        let (name, shape) = (format!("l{k}"), net.shape(before).to_vec());
        let image = shape.len() == 3;
        let like = |y: &&NodeId| net.shape(**y).len() == shape.len() && net.shape(**y)[1..] == shape[1..];
        let next = match rng.random_range(0..12) {
            0..=2 if image => {
                affine = true;
                convolution(&mut net, before, &name, rng)
            }
            0..=1 if !image => {
                affine = true;
                net.dense(before, name, rng.random_range(1..5), rng.random())
            }
            3 => net.norm(before, name, NormKind::Batch),
            4 => net.norm(before, name, NormKind::Layer),
            5 => {
                let groups: Vec<usize> = (1..=shape[0]).filter(|g| shape[0].is_multiple_of(*g)).collect();
                net.norm(before, name, NormKind::Group(*groups.choose(rng).unwrap()))
            }
            6 if image => {
                let most = shape[1].min(shape[2]);
                let kernel = rng.random_range(1..=most.min(3));
                let padding = rng.random_range(0..=kernel / 2);
                let kind = if rng.random_range(0..3) == 0 { PoolKind::Average } else { PoolKind::Max };
                net.pool(before, kind, kernel, rng.random_range(1..3), padding)
            }
            7 => {
                let other =
                    *all.iter().filter(|y| net.shape(**y) == shape).collect::<Vec<_>>().choose(rng).unwrap();
                net.add(before, *other)
            }
            8 => {
                let fits: Vec<NodeId> = all.iter().filter(like).copied().collect();
                let parts: Vec<NodeId> =
                    (0..rng.random_range(1..3)).map(|_| *fits.choose(rng).unwrap()).collect();
                net.concat(&[&[before][..], &parts].concat())
            }
            9 => net.pad(before, Pad { before: rng.random_range(0..2), after: rng.random_range(0..2) }),
            10 if image && rng.random() => net.flatten(before),
            _ => net.activation(before, *ACTIVATIONS.choose(rng).unwrap()),
        };
        all.push(next);
    }
    let mut x = *all.last().unwrap();
    if net.shape(x).len() == 3 {
        x = if rng.random_range(0..3) == 0 { net.global_average(x) } else { net.flatten(x) };
    }
    if !affine || rng.random_range(0..4) > 0 || net.shape(x)[0] > 6 {
        net.dense(x, "last", rng.random_range(1..4), rng.random());
    }
    net.finish("a random network").unwrap().arch().clone()
}

fn convolution(net: &mut NetworkBuilder, x: NodeId, name: &str, rng: &mut ChaCha8Rng) -> NodeId {
    let shape = net.shape(x).to_vec();
    let (padding, stride) = (rng.random_range(0..2), rng.random_range(1..3));
    let room = shape[1].min(shape[2]) + 2 * padding;
    let kernel = rng.random_range(1..=room.min(3));
    let dilation = if kernel > 1 && 2 * (kernel - 1) < room { rng.random_range(1..3) } else { 1 };
    let groups = if shape[0].is_multiple_of(2) && rng.random() { 2 } else { 1 };
    let groups = if rng.random_range(0..4) == 0 { shape[0] } else { groups };
    let outputs = groups * rng.random_range(1..=(3 / groups).max(1));
    net.conv(x, name, ConvSettings { outputs, kernel, stride, padding, dilation, groups, bias: rng.random() })
}

fn case(seed: u64) -> Case {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let arch = network(rng);
    let net = arch.network();
    let kind = *[Kind::Plain, Kind::Plain, Kind::Ties, Kind::Scales, Kind::Close].choose(rng).unwrap();
    let loss = *Loss::ALL.choose(rng).unwrap();
    let criterion = Criterion {
        loss,
        kappa: *[0., 0., 0.1, 3.].choose(rng).unwrap(),
        regularizer: *Regularizer::ALL.choose(rng).unwrap(),
    };
    let (vertices, examples) = (rng.random_range(2..5), rng.random_range(1..5));
    let mut rows = |n: usize, m: usize| -> Vec<Vec<f64>> {
        (0..n).map(|_| (0..m).map(|_| draw(kind, rng)).collect()).collect()
    };
    let mut points = rows(vertices, net.size());
    if let (Kind::Ties, true) = (kind, seed.is_multiple_of(2)) {
        points[1] = points[0].clone();
    }
    let (features, outputs) = (net.input().iter().product(), net.outputs());
    let inputs = rows(examples, features);
    let mut values = rows(examples, outputs);
    if loss == Loss::Logistic {
        values.iter_mut().flatten().for_each(|y| *y = y.abs() % 1.);
    }
    let mut buffers = rows(vertices, net.buffers().len());
    for norm in net.batch_norms() {
        let places = norm.running.as_ref().unwrap().variance.clone();
        buffers.iter_mut().for_each(|row| row[places.clone()].iter_mut().for_each(|v| *v = v.abs()));
    }
    let statistics = [Statistics::Population, Statistics::Interpolate, Statistics::Train { batch: 0 }];
    let statistics = *statistics.choose(rng).unwrap();
    if statistics != Statistics::Interpolate || net.buffers().is_empty() {
        buffers.clear();
    }
    let two = if outputs == 1 && loss != Loss::CrossEntropy { 2 } else { outputs as u32 };
    let labels = (rng.random() || loss == Loss::CrossEntropy)
        .then(|| (0..examples).map(|_| rng.random_range(0..two)).collect());
    let bezier = rng.random();
    Case { arch, criterion, vertices: points, bezier, inputs, labels, values, statistics, buffers }
}

/// Checks cases; how many were proved, and how many overflow.
fn campaign(seeds: std::ops::Range<u64>) -> (usize, usize) {
    let outcome = |seed: u64| {
        let case = case(seed);
        let rng = &mut ChaCha8Rng::seed_from_u64(!seed);
        let (budget, offset) = (rng.random_range(1..32), rng.random_range(0. ..1.));
        let settings = CertifySettings { tolerance: 1e-6, max_subintervals: budget, ..Default::default() };
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
