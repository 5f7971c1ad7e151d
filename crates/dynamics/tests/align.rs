//! Alignment against planted symmetries; REPAIR against its definition.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_dynamics::{Align, Aligned, Connect, Error, Matching, Repair, Search};
use collado_models::{Activation, Arch, Init, Symmetry};
use collado_risk::PathKind;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// Weights as He's, biases that are not 0, and one neuron larger than another, as training leaves them.
fn point(arch: &Arch, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let theta = Init::He.init(arch, &mut rng).into_iter();
    let theta: Vec<f64> = theta.map(|w| if w == 0. { rng.random_range(-0.1..0.1) } else { w }).collect();
    let theta = Tensor::new(theta, &Device::Cpu).unwrap();
    let scales = Symmetry::identity(arch).unwrap().scales().to_vec();
    let scales = scales.into_iter().map(|s| s.iter().map(|_| rng.random_range(0.8..1.25)).collect());
    let identity = Symmetry::identity(arch).unwrap().permutations().to_vec();
    Symmetry::new(arch, identity, scales.collect()).map_or(theta.clone(), |s| s.apply(&theta).unwrap())
}

/// Pixels: a few bright ones an example.
fn pixels(count: usize, inputs: usize, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let pixel = |rng: &mut ChaCha8Rng| if rng.random_bool(0.2) { rng.random_range(0.0..1.0) } else { 0. };
    let data: Vec<f64> = (0..count * inputs).map(|_| pixel(&mut rng)).collect();
    Tensor::from_vec(data, (count, inputs), &Device::Cpu).unwrap()
}

fn planted(arch: &Arch, seed: u64) -> Symmetry {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scaled = matches!(arch.activation(), Activation::Relu | Activation::Linear);
    let (mut permutations, mut scales) = (Vec::new(), Vec::new());
    for &n in &arch.widths()[1..arch.depth()] {
        let mut p: Vec<usize> = (0..n).collect();
        p.shuffle(&mut rng);
        permutations.push(p);
        let scale = |rng: &mut ChaCha8Rng| rng.random_range(-1.5_f64..1.5).exp();
        scales.push((0..n).map(|_| if scaled { scale(&mut rng) } else { 1. }).collect());
    }
    Symmetry::new(arch, permutations, scales).unwrap()
}

fn norm(t: &Tensor) -> f64 {
    t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap().sqrt()
}

/// Hides `a` by a planted symmetry, aligns, and asks for `a` and the planted permutation back.
fn recovers(arch: &Arch, seed: u64, matching: Matching, data: &Tensor) -> Aligned {
    let (a, symmetry) = (point(arch, seed), planted(arch, seed + 1));
    let b = symmetry.apply(&a).unwrap();
    let align = Align { matching, seed, ..Align::default() };
    let aligned = align.align(arch, &a, &b, Some(data)).unwrap();
    let name = format!("{arch}, {matching:?}, seed {seed}");
    assert_eq!(aligned.symmetry.permutations(), symmetry.inverse().permutations(), "{name}");
    assert!(aligned.distance_after < 1e-11 * norm(&a), "{name}: {}", aligned.distance_after);
    assert!(aligned.balanced_distance < 1e-11, "{name}");
    assert!((aligned.distance_before - norm(&(a - b).unwrap())).abs() < 1e-9 * aligned.distance_before);
    aligned
}

#[test]
fn a_planted_symmetry_of_a_wide_network_is_recovered_by_both_matchings() {
    let arch = Arch::dense(Activation::Relu, &[784, 512, 512, 512, 10], true).unwrap();
    let data = pixels(600, 784, 5);
    for matching in [Matching::Weights, Matching::Activations] {
        let aligned = recovers(&arch, 1, matching, &data);
        assert!(aligned.ambiguous.iter().all(|k| k.len() < 26), "{:?}", aligned.ambiguous);
    }
}

#[test]
fn thirty_small_deep_networks_are_all_recovered() {
    let data = pixels(200, 10, 6);
    for seed in 0..30 {
        let activation = [Activation::Relu, Activation::Tanh, Activation::Linear][seed as usize % 3];
        let arch = Arch::dense(activation, &[10, 16, 16, 16, 16, 4], seed % 2 == 0).unwrap();
        recovers(&arch, 100 * seed, Matching::Weights, &data);
    }
}

#[test]
fn activation_matching_serves_every_activation() {
    let data = pixels(300, 10, 7);
    for activation in [Activation::Tanh, Activation::Softplus, Activation::Gelu, Activation::Logistic] {
        let arch = Arch::dense(activation, &[10, 12, 12, 4], true).unwrap();
        recovers(&arch, 3, Matching::Activations, &data);
    }
    let arch = Arch::dense(Activation::Relu, &[10, 12, 4], true).unwrap();
    let a = point(&arch, 0);
    let settings = Align { matching: Matching::Activations, ..Align::default() };
    assert!(matches!(settings.align(&arch, &a, &a, None), Err(Error::Setting { name: "matching", .. })));
    let nan = (&a * f64::NAN).unwrap();
    assert!(matches!(Align::default().align(&arch, &a, &nan, None), Err(Error::NotFinite { .. })));
    let short = a.narrow(0, 0, 9).unwrap();
    assert!(matches!(
        Align::default().align(&arch, &a, &short, None),
        Err(Error::Risk(collado_risk::Error::Ends { .. }))
    ));
}

#[test]
fn f32_keeps_its_dtype_and_its_outputs() {
    let arch = Arch::dense(Activation::Relu, &[20, 30, 30, 5], true).unwrap();
    let single = |t: Tensor| t.to_dtype(DType::F32).unwrap();
    let (a, b) = (single(point(&arch, 1)), single(planted(&arch, 2).apply(&point(&arch, 3)).unwrap()));
    let aligned = Align::default().align(&arch, &a, &b, None).unwrap();
    assert_eq!(aligned.theta.dtype(), DType::F32);
    assert!(aligned.difference.relative <= 1e-6 && aligned.difference.absolute > 0.);
    assert!(aligned.distance_after < aligned.distance_before && aligned.balanced_distance > 0.1);
    let same = Align::default().align(&arch, &a, &a, None).unwrap();
    assert!(same.balanced_distance < 1e-6, "{}", same.balanced_distance);
}

#[test]
fn dead_and_duplicate_neurons_are_named() {
    let arch = Arch::dense(Activation::Relu, &[10, 6, 5, 3], true).unwrap();
    let a = point(&arch, 4);
    let network = arch.network();
    let mut layers = network.dense_chain("layers").unwrap().iter().map(|layer| layer.tensors(&a).unwrap());
    let ((w, b), (v, c)) = (layers.next().unwrap(), layers.next().unwrap());
    let (mut w, mut b) = (w.to_vec2::<f64>().unwrap(), b.unwrap().to_vec1::<f64>().unwrap());
    // Neuron 4 of layer 1 is twice neuron 1; neuron 2 never fires on pixels; nothing leaves neuron 3.
    (w[4], b[4]) = (w[1].iter().map(|w| 2. * w).collect(), 2. * b[1]);
    (w[2], b[2]) = (vec![-1.; 10], -1.);
    let alive = Tensor::new(&[1., 1., 1., 0., 1., 1.], &Device::Cpu).unwrap();
    let v = v.broadcast_mul(&alive).unwrap();
    let rest = layers.flat_map(|(w, b)| [Some(w), b]).flatten();
    let head = [Tensor::new(w, &Device::Cpu).unwrap(), Tensor::new(b, &Device::Cpu).unwrap(), v, c.unwrap()];
    let parts: Vec<Tensor> = head.into_iter().chain(rest).map(|t| t.flatten_all().unwrap()).collect();
    let theta = Tensor::cat(&parts, 0).unwrap();
    let blind = Align::default().align(&arch, &theta, &theta, None).unwrap();
    assert_eq!(blind.ambiguous, [vec![1, 3, 4], vec![]]);
    let seen = Align::default().align(&arch, &theta, &theta, Some(&pixels(400, 10, 8))).unwrap();
    assert!([1, 2, 3, 4].iter().all(|i| seen.ambiguous[0].contains(i)), "{:?}", seen.ambiguous);
}

#[test]
fn repair_restores_the_interpolated_statistics_at_its_knots() {
    let data = pixels(150, 12, 9);
    for bias in [true, false] {
        let arch = Arch::dense(Activation::Relu, &[12, 9, 8, 3], bias).unwrap();
        let (a, b) = (point(&arch, 1), point(&arch, 2));
        let repair = Repair { arch: &arch, data: &data, rows: 1000, knots: 5 };
        let objective = Nothing;
        let mut search = Search { objective: &objective, seed: 0, progress: &mut () };
        let path = repair.find(&a, &b, &mut search).unwrap().path;
        assert_eq!(path.kind(), &PathKind::Polychain { knots: vec![0., 0.25, 0.5, 0.75, 1.] });
        assert_eq!(norm(&(path.at(0.).unwrap() - &a).unwrap()), 0.);
        assert_eq!(norm(&(path.at(1.).unwrap() - &b).unwrap()), 0.);
        let of = |theta: &Tensor| statistics(&arch, theta, &data);
        let (first, last) = (of(&a), of(&b));
        for t in [0.25, 0.5, 0.75] {
            let found = of(&path.at(t).unwrap());
            for ((found, a), b) in found.iter().zip(&first).zip(&last) {
                let wanted = |i: usize| (1. - t) * a[i] + t * b[i];
                assert!((found[1] - wanted(1)).abs() < 1e-10, "{found:?} {a:?} {b:?}");
                assert!(!bias || (found[0] - wanted(0)).abs() < 1e-10, "{found:?} {a:?} {b:?}");
            }
        }
    }
}

/// Mean and standard deviation of every hidden pre-activation, in two passes.
fn statistics(arch: &Arch, theta: &Tensor, data: &Tensor) -> Vec<[f64; 2]> {
    let (network, mut x) = (arch.network(), data.clone());
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for layer in &network.dense_chain("layers").unwrap()[..arch.depth() - 1] {
        let z = layer.forward(theta, &x).unwrap();
        columns.extend(z.t().unwrap().to_vec2().unwrap());
        x = layer.activation.forward(&z).unwrap();
    }
    columns
        .iter()
        .map(|z| {
            let mean = z.iter().sum::<f64>() / z.len() as f64;
            let square = z.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / z.len() as f64;
            [mean, square.sqrt()]
        })
        .collect()
}

/// A path found without a risk.
struct Nothing;

impl collado_risk::Objective for Nothing {
    fn at(
        &self,
        _: &Tensor,
        _: collado_risk::Rows<'_>,
        _: Option<&mut Tensor>,
    ) -> collado_risk::Result<Vec<collado_risk::Evaluation>> {
        Ok(Vec::new())
    }
}
