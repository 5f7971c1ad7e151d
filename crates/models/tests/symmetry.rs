//! Symmetries against the network's own module, the group laws and closed forms.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::VarBuilder;
use collado_models::{Activation, Arch, Error, Init, Mlp, Symmetry};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

fn archs() -> Vec<Arch> {
    let dense = Activation::ALL.into_iter().map(|a| Arch::dense(a, &[5, 7, 6, 3], true).unwrap());
    dense
        .chain([
            Arch::two_layer(5, 9, 3).unwrap(),
            Arch::dense(Activation::Relu, &[5, 4, 3], false).unwrap(),
            Arch::dense(Activation::Linear, &[5, 3], true).unwrap(),
        ])
        .collect()
}

/// $W_k\,\rho(z_{k-1})+b_k$ of every layer, `[N, n_k]` each.
fn pre_activations(arch: &Arch, theta: &Tensor, x: &Tensor) -> Vec<Tensor> {
    let network = arch.network();
    let mut x = x.clone();
    let layers = network.dense_chain("layers").unwrap().iter();
    layers
        .map(|layer| {
            let z = layer.forward(theta, &x).unwrap();
            x = layer.activation.forward(&z).unwrap();
            z
        })
        .collect()
}

fn point(arch: &Arch, seed: u64) -> Tensor {
    Init::Pytorch.stack(arch, &[seed], DType::F64, &Device::Cpu).unwrap().squeeze(0).unwrap()
}

fn inputs(count: usize, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let data: Vec<f64> = (0..count * 5).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(data, (count, 5), &Device::Cpu).unwrap()
}

fn random(arch: &Arch, seed: u64) -> Symmetry {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scaled = matches!(arch.activation(), Activation::Relu | Activation::Linear);
    let mut symmetry = (Vec::new(), Vec::new());
    for &n in &arch.widths()[1..arch.depth()] {
        let mut p: Vec<usize> = (0..n).collect();
        p.shuffle(&mut rng);
        symmetry.0.push(p);
        let scale = |rng: &mut ChaCha8Rng| rng.random_range(-2.0_f64..2.).exp();
        symmetry.1.push((0..n).map(|_| if scaled { scale(&mut rng) } else { 1. }).collect());
    }
    Symmetry::new(arch, symmetry.0, symmetry.1).unwrap()
}

fn largest(a: &Tensor, b: &Tensor) -> f64 {
    let d = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    d.into_iter().fold(0., f64::max)
}

/// The outputs by candle's own module.
fn outputs(arch: &Arch, theta: &Tensor, x: &Tensor) -> Tensor {
    let vb = VarBuilder::from_tensors(arch.layout().split(theta).unwrap(), DType::F64, &Device::Cpu);
    Mlp::new(arch, vb).unwrap().forward(x).unwrap()
}

#[test]
fn outputs_stay_and_neurons_move_as_said() {
    let x = inputs(20, 1);
    for (seed, arch) in archs().iter().enumerate() {
        let (theta, symmetry) = (point(arch, 3), random(arch, seed as u64));
        let moved = symmetry.apply(&theta).unwrap();
        assert!(largest(&outputs(arch, &theta, &x), &outputs(arch, &moved, &x)) < 1e-13, "{arch}");
        symmetry.check(&theta, &x).unwrap();
        symmetry.check(&theta.to_dtype(DType::F32).unwrap(), &x).unwrap();
        let (before, after) = (pre_activations(arch, &theta, &x), pre_activations(arch, &moved, &x));
        assert!(largest(before.last().unwrap(), &outputs(arch, &theta, &x)) < 1e-14, "{arch}");
        for (k, (p, s)) in symmetry.permutations().iter().zip(symmetry.scales()).enumerate() {
            let (before, after) = (before[k].to_vec2::<f64>().unwrap(), after[k].to_vec2::<f64>().unwrap());
            for (b, a) in before.iter().zip(&after) {
                for i in 0..p.len() {
                    assert!((a[i] - s[i] * b[p[i]]).abs() < 1e-12, "{arch}, layer {k}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn symmetries_are_a_group_that_acts(which in 0..9_usize, s in 0..1000_u64, t in 0..1000_u64) {
        let arch = &archs()[which];
        let (theta, first, next) = (point(arch, s), random(arch, s), random(arch, t));
        let both = first.then(&next).unwrap().apply(&theta).unwrap();
        let steps = next.apply(&first.apply(&theta).unwrap()).unwrap();
        prop_assert!(largest(&both, &steps) < 1e-12);
        let back = first.inverse().apply(&first.apply(&theta).unwrap()).unwrap();
        prop_assert!(largest(&back, &theta) < 1e-13);
        let none = first.then(&first.inverse()).unwrap();
        let identity = Symmetry::identity(arch).unwrap();
        prop_assert_eq!(none.permutations(), identity.permutations());
        // A stack is moved row by row.
        let stack = Tensor::stack(&[&theta, &both], 0).unwrap();
        let rows = first.apply(&stack).unwrap();
        prop_assert_eq!(largest(&rows.get(0).unwrap(), &first.apply(&theta).unwrap()), 0.);
        prop_assert_eq!(largest(&rows.get(1).unwrap(), &first.apply(&both).unwrap()), 0.);
    }
}

#[test]
fn what_is_no_symmetry_is_refused() {
    let arch = Arch::dense(Activation::Tanh, &[5, 3, 2], true).unwrap();
    let refused =
        |p: Vec<usize>, s: Vec<f64>| Symmetry::new(&arch, vec![p], vec![s]).unwrap_err().to_string();
    assert!(refused(vec![0, 1, 1], vec![1.; 3]).contains("a permutation of 3 units, found [0, 1, 1]"));
    assert!(refused(vec![0, 1, 3], vec![1.; 3]).contains("a permutation"));
    assert!(refused(vec![0, 1], vec![1.; 3]).contains("a permutation"));
    assert!(refused(vec![0, 1, 2], vec![1.; 2]).contains("3 scales, found 2"));
    assert!(refused(vec![0, 1, 2], vec![1., 2., 1.]).contains("positively homogeneous, found 2"));
    assert!(refused(vec![0, 1, 2], vec![1., -1., 1.]).contains("finite and > 0, found -1"));
    assert!(refused(vec![0, 1, 2], vec![1., f64::NAN, 1.]).contains("finite and > 0"));
    assert!(Symmetry::new(&arch, vec![], vec![]).is_err());
    // Scales that f32 cannot hold change the outputs; NaN is never equal.
    let arch = Arch::dense(Activation::Relu, &[5, 3, 2], true).unwrap();
    let (theta, x) = (point(&arch, 0).to_dtype(DType::F32).unwrap(), inputs(9, 0));
    let tiny = Symmetry::new(&arch, vec![vec![0, 1, 2]], vec![vec![1e-42; 3]]).unwrap();
    assert!(matches!(tiny.check(&theta, &x), Err(Error::Symmetry { .. })));
    let nan = (theta * f64::NAN).unwrap();
    assert!(matches!(Symmetry::identity(&arch).unwrap().check(&nan, &x), Err(Error::Symmetry { .. })));
}

#[test]
fn one_hidden_layer_is_balanced_by_the_closed_form() {
    let arch = Arch::dense(Activation::Relu, &[5, 4, 3], true).unwrap();
    let (network, theta) = (arch.network(), point(&arch, 5));
    let [first, second] = network.dense_chain("two layers").unwrap().layers() else { panic!("two layers") };
    let ((w, b), (v, c)) = (first.tensors(&theta).unwrap(), second.tensors(&theta).unwrap());
    // Neuron 2 is dead: nothing comes out of it.
    let alive = Tensor::new(&[1., 1., 0., 1.], &Device::Cpu).unwrap();
    let v = v.broadcast_mul(&alive).unwrap();
    let parts = [&w, b.as_ref().unwrap(), &v, c.as_ref().unwrap()].map(|t| t.flatten_all().unwrap());
    let theta = Tensor::cat(&parts, 0).unwrap();
    let scales = Symmetry::balancing(&arch, &theta).unwrap().scales()[0].clone();
    let (w, b) = (w.to_vec2::<f64>().unwrap(), b.as_ref().unwrap().to_vec1::<f64>().unwrap());
    let v = v.to_vec2::<f64>().unwrap();
    for i in [0, 1, 3] {
        let incoming = w[i].iter().map(|w| w * w).sum::<f64>() + b[i] * b[i];
        let outgoing = v.iter().map(|v| v[i] * v[i]).sum::<f64>();
        assert!((scales[i] - (outgoing / incoming).powf(0.25)).abs() < 1e-14);
    }
    assert_eq!(scales[2], 1.);
}

#[test]
fn the_balanced_form_is_one_for_all_scales_and_the_shortest() {
    for arch in [
        Arch::dense(Activation::Relu, &[5, 8, 7, 9, 6, 3], true).unwrap(),
        Arch::dense(Activation::Linear, &[5, 8, 7, 3], false).unwrap(),
    ] {
        let theta = point(&arch, 11);
        let scales = random(&arch, 2).scales().to_vec();
        let identity = Symmetry::identity(&arch).unwrap().permutations().to_vec();
        let other = Symmetry::new(&arch, identity, scales).unwrap().apply(&theta).unwrap();
        let balanced = |theta: &Tensor| Symmetry::balancing(&arch, theta).unwrap().apply(theta).unwrap();
        let (one, two) = (balanced(&theta), balanced(&other));
        assert!(largest(&one, &two) < 1e-11, "{arch}");
        let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        assert!(norm(&one) < norm(&theta) && norm(&one) < norm(&other));
        let again = Symmetry::balancing(&arch, &one).unwrap();
        assert!(again.scales().iter().flatten().all(|s| (s - 1.).abs() < 1e-11));
    }
    let tanh = Arch::dense(Activation::Tanh, &[5, 8, 3], true).unwrap();
    assert_eq!(Symmetry::balancing(&tanh, &point(&tanh, 1)).unwrap(), Symmetry::identity(&tanh).unwrap());
}
