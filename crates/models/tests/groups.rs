//! Symmetry groups derived from the list of operations: a random element leaves the outputs as they are, and axes that
//! are not tied are none.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_models::{
    Arch, ArchSpec, ConvSettings, Groups, Init, Network, NetworkBuilder, PointTensors, Symmetry, TensorAxes,
    TensorMoments,
};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

fn arch(spec: &str) -> Arch {
    spec.parse::<ArchSpec>().unwrap().resolve_images([1, 12, 12], 4).unwrap()
}

/// A point whose every number is its own, also the parameters of normalisation.
fn point(network: &Network, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut numbers: Vec<f64> = (0..network.size()).map(|_| rng.random_range(-0.5..0.5)).collect();
    // Most units fire with biases above 0.
    for entry in network.layout().entries().iter().filter(|entry| entry.shape.len() == 1) {
        numbers[entry.offset..][..entry.len()].iter_mut().for_each(|b| *b = b.abs());
    }
    Tensor::new(numbers, &Device::Cpu).unwrap()
}

fn images(network: &Network, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let shape = [&[6], network.input()].concat();
    let numbers: Vec<f64> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
}

fn outputs(network: &Network, theta: &Tensor, x: &Tensor) -> Tensor {
    let mut tensors = PointTensors::new(theta, TensorMoments::Batch);
    Tensor::cat(&network.run(&mut tensors, vec![x.clone()]).unwrap(), 0).unwrap()
}

fn random(arch: &Arch, seed: u64) -> Symmetry {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let identity = Symmetry::identity(arch).unwrap();
    let mut permutations = identity.permutations().to_vec();
    permutations.iter_mut().for_each(|p| p.shuffle(&mut rng));
    let scales =
        identity.groups().scales().iter().zip(identity.scales()).map(|(scale, ones)| match scale.free {
            true => ones.iter().map(|_| rng.random_range(-1.0_f64..1.).exp()).collect(),
            false => ones.clone(),
        });
    let scales = scales.collect();
    Symmetry::new(arch, permutations, scales).unwrap()
}

fn largest(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

const FAMILIES: [&str; 14] = [
    "lenet",
    "lenet:activation=tanh",
    "resnet8:width=1/4",
    "resnet8:width=1/4,norm=none",
    "resnet8:width=1/4,norm=ln,shortcut=conv3",
    "resnet8:width=1/2,norm=gn:4",
    "resnet8:width=1/4,shortcut=pad",
    "resnet8:width=1/4,shortcut=pad,norm=none",
    "resnet8:width=1/4,shortcut=pad,activation=softplus",
    "resnet18:width=1/16",
    "wrn-10-1:width=1/4",
    "vgg11:width=1/16,norm=bn",
    "vgg11:width=1/16",
    "vgg11:width=1/16,activation=gelu",
];

#[test]
fn a_random_element_leaves_the_outputs_of_every_family() {
    for (seed, spec) in FAMILIES.into_iter().enumerate() {
        let arch = arch(spec);
        let network = arch.network();
        let (theta, x) = (point(&network, seed as u64), images(&network, 1));
        let symmetry = random(&arch, 2);
        let moved = symmetry.apply(&theta).unwrap();
        assert!(largest(&moved, &theta) > 0.1, "{spec}");
        let (before, after) = (outputs(&network, &theta, &x), outputs(&network, &moved, &x));
        let size = before.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
        assert!(
            largest(&before, &after) < 1e-11 * size,
            "{spec}: {:e} of {size:e}",
            largest(&before, &after)
        );
        let back = symmetry.inverse().apply(&moved).unwrap();
        assert!(largest(&back, &theta) < 1e-13, "{spec}");
        symmetry.check(&theta, &x).unwrap();
    }
}

#[test]
fn running_statistics_move_with_their_channels() {
    let arch = arch("resnet8:width=1/4,shortcut=pad");
    let network = arch.network();
    let (theta, x, symmetry) = (point(&network, 3), images(&network, 4), random(&arch, 5));
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let row: Vec<f64> = (0..network.buffers().len()).map(|_| rng.random_range(0.5..2.0)).collect();
    let row = Tensor::new(row, &Device::Cpu).unwrap();
    let given = |theta: &Tensor, row: &Tensor| {
        let mut tensors = PointTensors::new(theta, TensorMoments::Given(row));
        Tensor::cat(&network.run(&mut tensors, vec![x.clone()]).unwrap(), 0).unwrap()
    };
    let moved = given(&symmetry.apply(&theta).unwrap(), &symmetry.apply_to_buffers(&row).unwrap());
    assert!(largest(&given(&theta, &row), &moved) < 1e-12);
    assert!(largest(&given(&symmetry.apply(&theta).unwrap(), &row), &moved) > 1e-3);
}

/// The point with two positions of one axis of one tensor exchanged.
fn exchanged(row: &[f64], tensor: &TensorAxes, axis: usize, [p, q]: [usize; 2]) -> Tensor {
    let mut moved = row.to_vec();
    let [rows, columns] = tensor.sizes();
    for other in 0..if axis == 0 { columns } else { rows } {
        for rest in 0..tensor.rest {
            let at = |unit: usize| {
                let (i, j) = if axis == 0 { (unit, other) } else { (other, unit) };
                tensor.columns.start + (i * columns + j) * tensor.rest + rest
            };
            moved.swap(at(p), at(q));
        }
    }
    Tensor::new(moved, &Device::Cpu).unwrap()
}

/// Exchanges units on one axis alone: if that never changed anything, the axis would be a symmetry that was missed.
fn untied(network: &Network, groups: &Groups, theta: &Tensor, x: &Tensor) {
    let (before, row) = (outputs(network, theta, x), theta.to_vec1::<f64>().unwrap());
    for (group, _) in groups.groups().iter().enumerate().filter(|(_, group)| group.size > 1) {
        for (tensor, axis, block) in groups.places(group) {
            // A bias before a normalisation has no effect at all.
            let idle = tensor.axes.len() == 1 && network.norms().next().is_some();
            // Some units may be dead, so that all neighbours are tried.
            let changes = block.positions.windows(2).any(|pair| {
                let moved = exchanged(&row, tensor, axis, [pair[0], pair[1]]);
                largest(&before, &outputs(network, &moved, x)) > 1e-9
            });
            assert!(changes || idle, "{}: axis {axis} of '{}'", network.arch(), tensor.name);
        }
    }
}

#[test]
fn axes_that_are_not_tied_are_no_symmetries() {
    for spec in FAMILIES {
        let network = arch(spec).network();
        untied(&network, &network.groups().unwrap(), &point(&network, 7), &images(&network, 8));
    }
}

#[test]
fn groups_are_those_that_the_architecture_has() {
    let sizes = |spec: &str| -> Vec<usize> {
        arch(spec).network().groups().unwrap().groups().iter().map(|group| group.size).collect()
    };
    assert_eq!(sizes("lenet"), [6, 16, 120, 84]);
    // The stream and the inside of each block; a shortcut by convolution begins a stream of its own.
    assert_eq!(sizes("resnet8"), [16, 16, 32, 32, 64, 64]);
    // Padded with zeros, the first stream goes on inside the second, and both inside the third.
    assert_eq!(sizes("resnet8:shortcut=pad"), [16, 16, 32, 16, 64, 32]);
    assert_eq!(sizes("vgg11:width=1/8"), [8, 16, 32, 32, 64, 64, 64, 64]);
    let dense = Arch::relu([5, 7, 6, 3]).unwrap();
    assert_eq!(dense.network().groups().unwrap().groups().iter().map(|g| g.size).collect::<Vec<_>>(), [7, 6]);
    // No factor passes through a normalisation, but between it and what follows.
    let free = |spec: &str| {
        let groups = arch(spec).network().groups().unwrap();
        groups.scales().iter().filter(|scale| scale.free).count()
    };
    assert_eq!(free("vgg11:width=1/8"), 8);
    assert_eq!(free("vgg11:width=1/8,norm=bn"), 8);
    assert_eq!(free("vgg11:width=1/8,norm=bn,activation=gelu"), 0);
}

#[test]
fn grouped_and_depthwise_convolutions_and_concatenations_have_their_symmetries() {
    let mut net = NetworkBuilder::new(&[2, 6, 6]);
    let conv = |out: usize, groups: usize| ConvSettings { groups, bias: true, ..ConvSettings::same(out, 3) };
    let rho = collado_models::Activation::Relu;
    let x = net.conv(0, "first", conv(8, 1));
    let x = net.activation(x, rho);
    let depth = net.conv(x, "depthwise", conv(8, 8));
    let depth = net.activation(depth, rho);
    let grouped = net.conv(x, "grouped", conv(12, 4));
    let grouped = net.activation(grouped, rho);
    let both = net.concat(&[depth, grouped, x]);
    let flat = net.flatten(both);
    net.dense(flat, "read", 3, true);
    let network = net.finish("parts").unwrap();
    let sizes: Vec<usize> = network.groups().unwrap().groups().iter().map(|group| group.size).collect();
    // The first channels are told apart by the four groups of two; each group puts out three.
    assert_eq!(sizes, [2, 2, 2, 2, 3, 3, 3, 3]);
    let (theta, x) = (point(&network, 1), images(&network, 2));
    let moved = random(network.arch(), 3).apply(&theta).unwrap();
    assert!(largest(&moved, &theta) > 0.1);
    assert!(largest(&outputs(&network, &theta, &x), &outputs(&network, &moved, &x)) < 1e-12);
    untied(&network, &network.groups().unwrap(), &theta, &x);
}

#[test]
fn balancing_finds_the_shortest_point_of_residual_networks_too() {
    for spec in ["resnet8:width=1/4,norm=none", "vgg11:width=1/16,norm=bn", "lenet"] {
        let arch = arch(spec);
        let network = arch.network();
        let (theta, x) = (point(&network, 9), images(&network, 10));
        let balancing = Symmetry::balancing(&arch, &theta).unwrap();
        let balanced = balancing.apply(&theta).unwrap();
        assert!(largest(&outputs(&network, &theta, &x), &outputs(&network, &balanced, &x)) < 1e-10, "{spec}");
        let norm = |t: &Tensor| t.sqr().unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        assert!(norm(&balanced) < norm(&theta), "{spec}");
        // Another point of the same orbit has the same balanced form.
        let scales = random(&arch, 11).scales().to_vec();
        let identity = Symmetry::identity(&arch).unwrap().permutations().to_vec();
        let other = Symmetry::new(&arch, identity, scales).unwrap().apply(&theta).unwrap();
        let again = Symmetry::balancing(&arch, &other).unwrap().apply(&other).unwrap();
        assert!(largest(&balanced, &again) < 1e-9, "{spec}: {:e}", largest(&balanced, &again));
    }
}

#[test]
fn initialised_networks_pass_the_check_in_single_precision() {
    let arch = arch("resnet8:width=1/2");
    let theta = Init::Pytorch.stack(&arch, &[1], DType::F32, &Device::Cpu).unwrap().squeeze(0).unwrap();
    random(&arch, 1).check(&theta, &images(&arch.network(), 3)).unwrap();
}
