//! Symmetry groups derived from the list of operations: a random element leaves the outputs as they are, and axes that
//! are not tied are none.
#![allow(clippy::unwrap_used)]

use candle_core::{DType, Device, Tensor};
use collado_models::{
    Activation, Arch, ArchSpec, ConvSettings, Function, Groups, Init, Inner, Network, NetworkBuilder, NodeId,
    NormKind, PointTensors, Slice, Symmetry, TensorAxes, TensorMoments,
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
    let mut number = || match network.tokens() {
        Some(tokens) => rng.random_range(0..tokens) as f64,
        None => rng.random_range(-1.0..1.0),
    };
    let numbers: Vec<f64> = (0..shape.iter().product()).map(|_| number()).collect();
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

const HEADS: usize = 3;
const WIDTH: usize = 12;

/// `[T, E]` as heads `[H, T, d]`.
fn heads(net: &mut NetworkBuilder, x: NodeId) -> NodeId {
    let tokens = net.shape(x)[0];
    let x = net.reshape(x, &[tokens, HEADS, WIDTH / HEADS]);
    net.permute(x, &[1, 0, 2])
}

/// A block of a transformer on `[T, E]`. Queries, keys and values come from one layer, or from three.
fn block(net: &mut NetworkBuilder, x: NodeId, fused: bool, causal: bool) -> NodeId {
    let tokens = net.shape(x)[0];
    let y = net.norm(x, "norm1", NormKind::Last);
    let qkv = if fused {
        let all = net.dense(y, "qkv", 3 * WIDTH, true);
        let all = net.reshape(all, &[tokens, 3, HEADS, WIDTH / HEADS]);
        let all = net.permute(all, &[1, 2, 0, 3]);
        [0, 1, 2].map(|i| net.select(all, 0, i))
    } else {
        ["q", "k", "v"].map(|name| {
            let x = net.dense(y, name, WIDTH, true);
            heads(net, x)
        })
    };
    let mask = causal.then(|| net.causal_mask(tokens, tokens));
    let y = net.attention(qkv, mask, None);
    let y = net.permute(y, &[1, 0, 2]);
    let y = net.reshape(y, &[tokens, WIDTH]);
    let y = net.dense(y, "project", WIDTH, true);
    let x = net.add(x, y);
    let y = net.norm(x, "norm2", NormKind::Last);
    let y = net.dense(y, "up", 10, true);
    let y = net.function(y, Function::GeluTanh);
    let y = net.dense(y, "down", WIDTH, true);
    net.add(x, y)
}

fn vision_transformer(fused: bool) -> Network {
    let mut net = NetworkBuilder::new(&[2, 8, 8]);
    let patch = ConvSettings { stride: 4, padding: 0, bias: true, ..ConvSettings::same(WIDTH, 4) };
    let x = net.conv(0, "patch", patch);
    let x = net.reshape(x, &[WIDTH, 4]);
    let x = net.permute(x, &[1, 0]);
    let class = net.parameter("class", &[1, 1, WIDTH]);
    let class = net.reshape(class, &[1, WIDTH]);
    let x = net.concat_along(0, &[class, x]);
    let positions = net.parameter("positions", &[1, 5, WIDTH]);
    let positions = net.reshape(positions, &[5, WIDTH]);
    let x = net.add(x, positions);
    let x = block(&mut net, x, fused, false);
    let x = net.norm(x, "norm", NormKind::Last);
    let x = net.select(x, 0, 0);
    net.dense(x, "head", 4, true);
    net.finish("a vision transformer").unwrap()
}

fn language_model() -> Network {
    let mut net = NetworkBuilder::new(&[5]);
    net.tie("head.weight", "words.weight");
    let words = net.embedding(0, "words", 7, WIDTH);
    let places = net.constant("places", (0..5).map(f64::from).collect(), &[5]);
    let places = net.embedding(places, "places", 5, WIDTH);
    let x = net.add(words, places);
    let x = block(&mut net, x, false, true);
    let x = net.norm(x, "norm", NormKind::Last);
    net.dense(x, "head", 7, false);
    net.finish("a language model").unwrap()
}

fn mixer() -> Network {
    let mut net = NetworkBuilder::new(&[1, 6, 6]);
    let patch = ConvSettings { stride: 2, padding: 0, bias: true, ..ConvSettings::same(8, 2) };
    let x = net.conv(0, "patch", patch);
    let x = net.reshape(x, &[8, 9]);
    let x = net.permute(x, &[1, 0]);
    let y = net.norm(x, "norm1", NormKind::Last);
    let y = net.permute(y, &[1, 0]);
    let y = net.dense(y, "tokens.up", 5, true);
    let y = net.activation(y, Activation::Gelu);
    let y = net.dense(y, "tokens.down", 9, true);
    let y = net.permute(y, &[1, 0]);
    let x = net.add(x, y);
    let y = net.norm(x, "norm2", NormKind::Last);
    let y = net.dense(y, "channels.up", 6, true);
    let y = net.activation(y, Activation::Relu);
    let y = net.dense(y, "channels.down", 8, true);
    let x = net.add(x, y);
    let x = net.mean(x, &[0]);
    net.dense(x, "head", 3, true);
    net.finish("a mixer").unwrap()
}

/// An inverted bottleneck with squeeze and excitation.
fn mobile() -> Network {
    let mut net = NetworkBuilder::new(&[3, 6, 6]);
    let same = |outputs, kernel, groups| ConvSettings { groups, ..ConvSettings::same(outputs, kernel) };
    let x = net.conv(0, "stem", same(4, 3, 1));
    let x = net.norm(x, "stem.bn", NormKind::Batch);
    let y = net.conv(x, "expand", same(8, 1, 1));
    let y = net.norm(y, "expand.bn", NormKind::Batch);
    let y = net.function(y, Function::HardSwish);
    let y = net.conv(y, "depthwise", same(8, 3, 8));
    let y = net.norm(y, "depthwise.bn", NormKind::Batch);
    let y = net.function(y, Function::Clamp { low: 0., high: 6. });
    let s = net.mean(y, &[1, 2]);
    let s = net.reshape(s, &[8, 1, 1]);
    let s = net.conv(s, "squeeze", ConvSettings { bias: true, ..same(5, 1, 1) });
    let s = net.activation(s, Activation::Relu);
    let s = net.conv(s, "excite", ConvSettings { bias: true, ..same(8, 1, 1) });
    let s = net.function(s, Function::HardSigmoid);
    let y = net.multiply(y, s);
    let y = net.conv(y, "project", same(4, 1, 1));
    let x = net.add(x, y);
    let x = net.global_average(x);
    net.dense(x, "head", 3, true);
    net.finish("a mobile network").unwrap()
}

/// Names and sizes of the groups.
fn named(network: &Network) -> Vec<(String, usize)> {
    let groups = network.groups().unwrap();
    groups.groups().iter().map(|group| (group.name.clone(), group.size)).collect()
}

fn check(network: &Network) {
    let (theta, x) = (point(network, 1), images(network, 2));
    let moved = random(network.arch(), 3).apply(&theta).unwrap();
    assert!(largest(&moved, &theta) > 0.1, "{}", network.arch());
    let difference = largest(&outputs(network, &theta, &x), &outputs(network, &moved, &x));
    assert!(difference < 1e-11, "{}: {difference:e}", network.arch());
    untied(network, &network.groups().unwrap(), &theta, &x);
}

#[test]
fn transformers_permute_their_stream_their_heads_and_hidden_units() {
    let owned =
        |all: &[(&str, usize)]| all.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>();
    let inner =
        |left: &str, right: &str| Inner { left: left.into(), right: right.into(), size: WIDTH / HEADS };
    for (network, groups, products) in [
        (
            vision_transformer(true),
            owned(&[("patch", WIDTH), ("up", 10), ("qkv", HEADS)]),
            [inner("qkv", "qkv"), inner("qkv", "project")],
        ),
        (
            vision_transformer(false),
            owned(&[("patch", WIDTH), ("up", 10), ("q", HEADS)]),
            [inner("q", "k"), inner("v", "project")],
        ),
        (
            language_model(),
            owned(&[("words", WIDTH), ("up", 10), ("q", HEADS)]),
            [inner("q", "k"), inner("v", "project")],
        ),
    ] {
        let mut found = named(&network);
        found[1..].sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        assert_eq!(found, groups, "{}", network.arch());
        assert_eq!(network.groups().unwrap().inner(), products);
        assert_eq!(network.groups().unwrap().frozen(), [""; 0]);
        check(&network);
    }
}

#[test]
fn mixers_permute_hidden_units_of_both_kinds() {
    let network = mixer();
    let mut sizes: Vec<usize> = named(&network).into_iter().map(|(_, size)| size).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 6, 8]);
    check(&network);
}

#[test]
fn gates_and_functions_keep_their_channels() {
    let network = mobile();
    let mut sizes: Vec<usize> = named(&network).into_iter().map(|(_, size)| size).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [4, 5, 8]);
    check(&network);
}

#[test]
fn slices_and_shuffles_tell_channels_apart() {
    // Half of the channels pass by a layer, then both halves are shuffled, as ShuffleNet does.
    let mut net = NetworkBuilder::new(&[2, 4, 4]);
    let x = net.conv(0, "first", ConvSettings { bias: true, ..ConvSettings::same(8, 3) });
    let [left, right] = [0, 4].map(|start| net.slice(x, Slice { axis: 0, start, stop: start + 4, step: 1 }));
    let y = net.conv(left, "left", ConvSettings { bias: true, ..ConvSettings::same(4, 3) });
    let y = net.activation(y, Activation::Tanh);
    let both = net.concat(&[y, right]);
    let both = net.reshape(both, &[2, 4, 4, 4]);
    let both = net.permute(both, &[1, 0, 2, 3]);
    let both = net.reshape(both, &[8, 4, 4]);
    let x = net.flatten(both);
    net.dense(x, "head", 3, true);
    let network = net.finish("a shuffle").unwrap();
    let sizes: Vec<usize> = named(&network).into_iter().map(|(_, size)| size).collect();
    assert_eq!(sizes, [4, 4, 4]);
    check(&network);
}

#[test]
fn constants_along_an_axis_fix_it() {
    let mut net = NetworkBuilder::new(&[3]);
    let x = net.dense(0, "first", 4, true);
    let steps = net.constant("steps", vec![1., 2., 3., 4.], &[4]);
    let x = net.multiply(x, steps);
    let x = net.dense(x, "second", 4, true);
    let ones = net.constant("ones", vec![0.5; 4], &[4]);
    let x = net.multiply(x, ones);
    net.dense(x, "third", 2, true);
    let network = net.finish("constants").unwrap();
    assert_eq!(named(&network), [("second".to_owned(), 4)]);
    check(&network);
}
