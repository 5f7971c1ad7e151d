//! Random risks and paths of networks of all operations.

use collado_models::{Arch, ConvSettings, NetworkBuilder, NodeId, NormKind, Pad, PoolKind};
use collado_risk::{Criterion, Loss, Regularizer, Statistics};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    Case,
    drawn::{ACTIVATIONS, Kind, draw},
};

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

/// The random case with this seed.
pub fn case(seed: u64) -> Case {
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
